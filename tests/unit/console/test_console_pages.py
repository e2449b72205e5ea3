"""What the pages make of their rows, without a browser."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from txwatch.console.pages.alerts import evidence_rows
from txwatch.console.pages.health import commit_tone
from txwatch.console.pages.quarantine import describe
from txwatch.console.queries.alerts import Alert
from txwatch.console.queries.quarantine import Sample

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sample(raw: bytes | None, length: int | None, detail: str | None = None) -> Sample:
    view = None if raw is None else memoryview(raw)
    return Sample("transactions", 2, 1_234, NOON, NOON, None, detail, view, length)


def test_a_raw_record_says_what_was_left_out_and_where_it_lies() -> None:
    text, note = describe(sample(b"\xffab", 70_000, "too long"))
    assert text == r"\xffab … and 69,997 bytes more"
    assert note == "transactions/2 at offset 1,234, appended 2026-03-01 12:00:00 UTC: too long"


def test_an_empty_record_and_a_tombstone_are_told_apart() -> None:
    assert describe(sample(b"", 0))[0] == "(no bytes)"
    assert describe(sample(None, None))[0] == "(no value: a tombstone)"


@pytest.mark.parametrize(
    ("lag", "age", "tone"),
    [
        (0, 3600, "good"),  # idle and done
        (50_000, 2, "good"),  # busy
        (1, 31, "bad"),  # a record waits and nothing commits
        (None, 2, "good"),
        (None, 31, "warn"),  # Kafka does not say whether any wait
    ],
)
def test_lag_and_the_last_commits_age_decide_the_tone(lag: int | None, age: float, tone: str) -> None:
    assert commit_tone(lag, age) == tone


def test_a_rule_without_evidence_is_still_listed() -> None:
    alert = Alert(
        "t1", NOON, NOON, "high", ["b", "a"], {"a": {"x": Decimal("1.50"), "y": None}}, "c1", None, None,
        None, None, Decimal(1), "EUR", "DE", "chip", "d", 0.0, 0.0,
    )  # fmt: skip
    assert evidence_rows(alert, {"a": "Why a."}) == [
        ["b", None, None, None],
        ["a", "Why a.", "x", "<b>1.50</b>"],
        ["", "", "y", None],
    ]
