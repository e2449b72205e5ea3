"""Which objects of the archive become one, and which checkpoints are of no use any more."""

from itertools import pairwise

import pytest

from txwatch.stream.archive.compaction import groups
from txwatch.stream.archive.layout import OffsetRange
from txwatch.stream.archive.ledger import ArchiveObject
from txwatch.stream.archive.repair import compare
from txwatch.stream.checkpoint_cleaning import is_outdated


def held(*bounds: int, partition: int = 0) -> list[ArchiveObject]:
    return [
        ArchiveObject(OffsetRange("t", partition, start, end), end - start, 100)
        for start, end in pairwise(bounds)
    ]


def merged(
    objects: list[ArchiveObject], newest: dict[int, int], max_rows: int = 100
) -> list[tuple[int, int]]:
    return [(group.range.start, group.range.end) for group in groups(objects, newest, max_rows)]


def test_followers_are_merged_up_to_the_most_rows() -> None:
    assert merged(held(0, 40, 80, 120, 130, 500), {0: 130}) == [(0, 80), (80, 130)]


def test_the_newest_object_of_a_partition_stays() -> None:
    assert merged(held(0, 10, 20), {0: 10}) == []
    assert merged(held(0, 10, 20, 30), {0: 20}) == [(0, 20)]


def test_a_gap_and_another_partition_end_a_group() -> None:
    objects = [*held(0, 10, 20), *held(25, 30, 35), *held(0, 5, 9, partition=1)]
    assert merged(objects, {}) == [(0, 20), (25, 35), (0, 9)]


def test_a_large_object_is_left_alone() -> None:
    assert merged(held(0, 99, 198, 200, 202), {}) == [(198, 202)]


def test_what_was_merged_is_not_merged_again() -> None:
    objects = held(0, 40, 80, 120, 160, 200)
    first = [group.range for group in groups(objects, {0: 160}, 100)]
    assert [(one.start, one.end) for one in first] == [(0, 80), (80, 160)]
    again = [ArchiveObject(one, one.end - one.start, 100) for one in first]
    assert merged([*again, *held(160, 200)], {0: 160}) == []


def test_repair_leaves_announced_objects_alone() -> None:
    objects = held(0, 10, 20)
    sizes = {entry.range.key: 100 for entry in objects}
    arriving = OffsetRange("t", 0, 0, 20).key
    stray = OffsetRange("t", 0, 20, 25).key
    found = compare(objects, sizes | {arriving: 180, stray: 9}, {0: 20}, {arriving})
    assert found.redundant == [stray]
    assert found.missing == []


@pytest.mark.parametrize(
    ("query", "epoch", "expected"),
    [("transactions", 2, True), ("transactions", 3, False), ("transactions", 4, False), ("other", 1, False)],
)
def test_only_checkpoints_of_earlier_starts_of_known_queries_go(
    query: str, epoch: int, expected: bool
) -> None:
    assert is_outdated(query, epoch, {"transactions": 3}) is expected
