"""A short round of chaos, and its control: what the long one (`make chaos`) does, in minutes."""

import random
from pathlib import Path

import pytest
from faults import FAULTS
from suite import is_whole, run_control, run_ours, schedule

SEED = 6
ALWAYS = (
    "kill -9: the stream's JVM",
    "kill -9: the stream's Python",
    "kill -9: the postmaster",
    "kill -9: the broker",
    "kill -9: S3, contents gone",
    "frozen, and awake after another stream has taken over",
    "terminated: the stream",
)
OTHERS = 1
"""So many more are drawn, of those that last no longer than LONGEST_SECONDS."""
LONGEST_SECONDS = 20.0


def test_a_schedule_is_drawn_from_its_seed_and_leaves_no_fault_out() -> None:
    names = [fault.name for fault in schedule(7, len(FAULTS), float("inf"))]
    assert names == [fault.name for fault in schedule(7, len(FAULTS), float("inf"))]
    assert sorted(names) == sorted(fault.name for fault in FAULTS)
    assert names != [fault.name for fault in schedule(8, len(FAULTS), float("inf"))]


@pytest.mark.timeout(1500)
def test_after_a_round_of_faults_everything_is_as_if_nothing_had_happened(tmp_path: Path) -> None:
    always = [fault for fault in FAULTS if fault.name in ALWAYS]
    drawn = [each for each in schedule(SEED, len(FAULTS), LONGEST_SECONDS) if each not in always][:OTHERS]
    faults = random.Random(SEED).sample(always + drawn, len(ALWAYS) + OTHERS)
    report = run_ours(tmp_path, SEED, faults, round_size=len(faults), per_second=150)
    assert report["rounds"][0]["counts"]["facts"] > 0
    assert [each["differences"] for each in report["rounds"]] == [[]]
    assert is_whole(report)


@pytest.mark.timeout(900)
def test_the_common_design_loses_or_doubles_rows_under_such_a_fault(tmp_path: Path) -> None:
    (killed,) = (fault for fault in FAULTS if fault.name == "kill -9 between COMMIT and Spark's own log")
    outcome = run_control(tmp_path, SEED, [killed], per_second=150)["miscount"]
    assert outcome["lost"] + outcome["doubled"] > 0, outcome
