from datetime import UTC, datetime

import pytest

from txwatch.console.lag import PartitionLag, combine, total
from txwatch.console.queries.progress import PartitionProgress

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def reached(
    partition: int, next_offset: int, archived_to: int | None = None, topic: str = "t"
) -> PartitionProgress:
    return PartitionProgress("q", topic, partition, next_offset, archived_to, NOON if archived_to else None)


def test_lag_is_the_end_less_what_was_scored() -> None:
    (first, second) = combine([reached(0, 10, 4), reached(1, 7)], {0: 15, 1: 7}, "t")
    assert (first.behind, first.archive_behind, first.archived_at) == (5, 11, NOON)
    assert (second.behind, second.archive_behind, second.archived_at) == (0, 7, None)


def test_a_partition_never_read_is_wholly_behind() -> None:
    (known, new) = combine([reached(0, 10)], {0: 10, 1: 6}, "t")
    assert (known.behind, new.partition, new.behind) == (0, 1, 6)


def test_without_kafka_lag_is_not_known_and_the_archives_is_what_the_ledger_knows() -> None:
    (place,) = combine([reached(0, 10, 4)], None, "t")
    assert (place.behind, place.archive_behind, place.is_past_the_end) == (None, 6, False)


def test_other_topics_are_left_out() -> None:
    assert combine([reached(0, 10, topic="labels")], {}, "t") == []


def test_a_topic_made_anew_is_told_apart() -> None:
    (place,) = combine([reached(0, 10)], {0: 3}, "t")
    assert (place.behind, place.is_past_the_end) == (0, True)


@pytest.mark.parametrize(("counts", "expected"), [([], 0), ([1, 2], 3), ([1, None], None)])
def test_a_total_is_unknown_as_soon_as_a_part_is(counts: list[int | None], expected: int | None) -> None:
    assert total(counts) == expected


def test_scored_beyond_the_end_archives_nothing_more() -> None:
    assert PartitionLag("t", 0, scored_to=5, end=9, archived_to=9, archived_at=NOON).archive_behind == 0
