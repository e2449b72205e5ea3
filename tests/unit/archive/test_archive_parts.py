"""The archive's decisions: names, cuts, where to begin, what to repair."""

import pyarrow as pa
import pytest
from pyarrow import parquet

from txwatch.stream.archive.archiver import first_offset
from txwatch.stream.archive.buffer import Limits, PartitionBuffer
from txwatch.stream.archive.layout import OffsetRange, encode, range_of
from txwatch.stream.archive.ledger import ArchiveObject
from txwatch.stream.archive.repair import compare
from txwatch.stream.records import SCHEMA, OffsetsGoneError

LIMITS = Limits(rows=3, seconds=10)


def batch(*offsets: int) -> pa.RecordBatch:
    rows = [
        {"topic": "t", "partition": 2, "offset": offset, "timestamp": 0, "value": b"v%d" % offset}
        for offset in offsets
    ]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def test_a_name_says_its_range_and_sorts_as_offsets_do() -> None:
    offsets = OffsetRange("transactions", 3, 12345, 22345)
    assert offsets.key == "raw/transactions/partition=3/00000000000000012345-00000000000000022345.parquet"
    assert range_of(offsets.key) == offsets
    assert range_of("raw/transactions/partition=3/notes.txt") is None
    assert OffsetRange("t", 3, 9, 10).key < OffsetRange("t", 3, 10, 11).key


def test_an_object_holds_every_record_as_it_came() -> None:
    place = {"topic": "t", "partition": 0}
    headers = [{"key": "h", "value": b"1"}, {"key": "h", "value": None}]
    records = pa.Table.from_pylist(
        [
            place | {"offset": 7, "timestamp": 1_700_000_000_123, "key": b"k", "value": b"\xff\0"},
            place | {"offset": 8, "timestamp": 1_700_000_000_124, "headers": headers},
        ],
        schema=SCHEMA,
    )
    assert parquet.read_table(pa.BufferReader(encode(records))).to_pylist() == records.to_pylist()


def test_a_buffer_cuts_ranges_that_follow_each_other() -> None:
    buffer = PartitionBuffer("t", 2, next_offset=10)
    buffer.add(batch(10, 11), now=0)
    assert not buffer.is_due(now=9.9, limits=LIMITS)
    buffer.add(batch(12, 13), now=5)
    assert buffer.is_due(now=5, limits=LIMITS)
    first, records = buffer.cut(LIMITS)
    assert (first.start, first.end, records["offset"].to_pylist()) == (10, 13, [10, 11, 12])
    assert buffer.cut(LIMITS)[0] == first  # nothing is taken off before it is safe
    buffer.committed(first, records.num_rows)
    assert buffer.start == 13
    second, records = buffer.cut(LIMITS)
    assert (second.start, second.end, records["offset"].to_pylist()) == (13, 14, [13])
    buffer.committed(second, records.num_rows)
    assert (buffer.rows, buffer.start, buffer.end) == (0, 14, 14)
    assert not buffer.is_due(now=1e9, limits=LIMITS)


def test_a_buffer_is_due_when_its_first_record_has_waited_long_enough() -> None:
    buffer = PartitionBuffer("t", 2, next_offset=0)
    buffer.add(batch(0), now=100)
    assert not buffer.is_due(now=109.9, limits=LIMITS)
    assert buffer.is_due(now=110, limits=LIMITS)
    assert buffer.is_due(now=100, limits=Limits(rows=3, seconds=10, object_bytes=1))


def test_offsets_without_a_record_belong_to_the_range_before_the_next_record() -> None:
    buffer = PartitionBuffer("t", 2, next_offset=0)
    buffer.add(batch(4, 6), now=0)
    assert buffer.cut(LIMITS)[0] == OffsetRange("t", 2, 0, 7)


def test_reading_begins_where_the_ledger_ends() -> None:
    assert first_offset(None, low=5, high=9, skip_gone=False) == 5
    assert first_offset(7, low=5, high=9, skip_gone=False) == 7
    assert first_offset(9, low=9, high=9, skip_gone=False) == 9
    assert first_offset(3, low=5, high=9, skip_gone=True) == 5


def test_what_kafka_has_lost_is_named_and_not_skipped_silently() -> None:
    with pytest.raises(OffsetsGoneError, match=r"lost offsets 3 to 4 .*--skip-gone"):
        first_offset(3, low=5, high=9, skip_gone=False)
    with pytest.raises(OffsetsGoneError, match="up to offset 12, but Kafka ends at 9"):
        first_offset(12, low=5, high=9, skip_gone=True)


def test_repair_writes_what_is_missing_and_removes_only_what_is_redundant() -> None:
    held = [ArchiveObject(OffsetRange("t", 0, start, start + 10), 10, 500) for start in (20, 30, 40)]
    lost, damaged, _ = held
    crashed = OffsetRange("t", 0, 50, 57).key  # put, but never entered: its records are read again
    covered = OffsetRange("t", 0, 30, 35).key
    before_the_ledger = OffsetRange("t", 0, 0, 20).key  # may be the only copy
    ahead = OffsetRange("t", 0, 60, 70).key
    strange = "raw/t/notes.txt"
    sizes = {damaged.range.key: 499, held[2].range.key: 500}
    sizes |= dict.fromkeys([crashed, covered, before_the_ledger, ahead, strange], 1)
    differences = compare(held, sizes, {0: 50})
    assert differences.missing == [lost, damaged]
    assert sorted(differences.redundant) == sorted([covered, crashed])
    assert sorted(differences.unknown) == sorted([before_the_ledger, ahead, strange])


def test_an_empty_ledger_condemns_nothing_that_kafka_has_not() -> None:
    sizes = {OffsetRange("t", 0, 0, 10).key: 1, OffsetRange("t", 0, 10, 20).key: 1}
    differences = compare([], sizes, {0: 10})  # Kafka begins at 10: the first object is the only copy
    assert differences.redundant == [OffsetRange("t", 0, 10, 20).key]
    assert differences.unknown == [OffsetRange("t", 0, 0, 10).key]
