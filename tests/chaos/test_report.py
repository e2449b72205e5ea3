"""What the report says of the common design: what it lost, and after which faults it was stuck."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aftermath import Miscount, compare
from page import page


def test_of_what_is_lost_that_which_was_never_read_is_told_apart() -> None:
    partitions = ("abacd", "ef", "g")  # one letter an id, in the order of offsets
    sent = {
        (number, offset): name for number, names in enumerate(partitions) for offset, name in enumerate(names)
    }
    found = Counter("aacce")
    # b was passed over; d, f and g lie behind what came of their partitions; c came twice.
    assert compare(sent, found) == Miscount(due=8, found=5, lost=4, unread=3, doubled=1)


def test_a_repeat_at_the_end_that_came_is_not_unread() -> None:
    sent = {(0, 0): "a", (0, 1): "b", (0, 2): "a"}
    assert compare(sent, Counter("aba")) == Miscount(due=3, found=3, lost=0, unread=0, doubled=0)


def test_the_page_says_after_which_fault_the_common_design_was_stuck() -> None:
    control = {
        "strikes": [strike("broker killed", None), strike("wire cut", 12.3), strike("broker killed", 40.0)],
        "skipped": {},
        "miscount": asdict(Miscount(due=1000, found=900, lost=110, unread=60, doubled=10)),
    }
    text = page(report(control), Path("chaos.json"))
    assert "| 3 | 1,000 | 900 | 110 | 60 | 10 |" in text
    assert "| broker killed | **stuck**, 40 |" in text
    assert "| wire cut | 12 |" in text


def strike(fault: str, seconds: float | None) -> dict[str, Any]:
    return {"fault": fault, "recovered_after_seconds": seconds, "failure": None}


def report(control: dict[str, Any]) -> dict[str, Any]:
    each = {
        "strikes": [strike("wire cut", 3.0)],
        "records": 1000,
        "counts": {},
        "balanced": True,
        "differences": [],
    }
    ours = {"rounds": [each], "skipped": {}, "load": "some", "sink": "driver", "recovered_when": ""}
    return {"seed": 1, "kinds": ["wire cut"], "processors": 2, "ours": ours, "control": control}
