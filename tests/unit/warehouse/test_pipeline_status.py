from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from txwatch.warehouse.pipeline_status import PipelineReading, assess

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def reading(**changes: Any) -> PipelineReading:
    values: dict[str, Any] = {
        "read_at": NOON,
        "first_offsets": {0: 0, 1: 0},
        "end_offsets": {0: 100, 1: 50},
        "scored_offsets": {0: 90, 1: 50},
        "archived_offsets": {0: 40},
        "first_label_offsets": {0: 2},
        "end_label_offsets": {0: 9},
        "entered_label_offsets": {},
        "rows": 140,
        "facts": 130,
        "alerts": 7,
        "duplicates": 4,
        "quarantined": 6,
        "held": 5,
        "recent_rows": 250,
        "last_commit_at": NOON - timedelta(seconds=1.5),
        "latency_p50_ms": 300.0,
        "latency_p95_ms": 700.0,
    }
    return PipelineReading(**values | changes)


def test_the_lag_is_what_is_produced_and_not_yet_scored() -> None:
    status = assess(reading())
    assert (status.lag, status.produced, status.is_drained) == ({0: 10, 1: 0}, 150, False)


def test_a_partition_that_nobody_has_begun_lags_by_all_that_kafka_holds() -> None:
    status = assess(reading(first_offsets={0: 0, 1: 20}))
    assert (status.archive_lag, status.is_archived) == ({0: 60, 1: 30}, False)


def test_a_commit_newer_than_the_end_that_was_read_is_no_negative_lag() -> None:
    assert assess(reading(scored_offsets={0: 101, 1: 50})).is_drained


def test_the_rate_is_over_ten_seconds() -> None:
    assert assess(reading()).rows_per_second == pytest.approx(25.0)


def test_the_last_commits_age_is_unknown_before_the_first() -> None:
    assert assess(reading()).seconds_since_commit == pytest.approx(1.5)
    assert assess(reading(last_commit_at=None)).seconds_since_commit is None


def test_programs_get_the_sums_too() -> None:
    document = assess(reading()).as_json()
    assert (document["total_lag"], document["total_archive_lag"], document["held"]) == (10, 110, 5)
    assert document["total_label_lag"] == 7


def test_labels_that_nobody_has_entered_are_their_lag() -> None:
    assert assess(reading()).label_lag == {0: 7}
    assert assess(reading(entered_label_offsets={0: 8})).label_lag == {0: 1}
