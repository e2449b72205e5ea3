"""What is judged of a pipeline that goes on while it is looked at."""

from txwatch.warehouse.verify.archive import in_flight
from txwatch.warehouse.verify.at_work import as_of, clipped, has_reached
from txwatch.warehouse.verify.inputs import ArchiveReading, Bounds, Span
from txwatch.warehouse.verify.plan import ArchivedObject, ArchivePlan

BEGAN = {0: Bounds(0, 100), 1: Bounds(5, 50)}
NOW = {0: Bounds(0, 140), 1: Bounds(5, 50)}


def end_of(reached: int, began: int = 100, now: int = 140) -> int:
    return as_of({0: Bounds(0, began)}, {0: Bounds(0, now)}, {0: reached})[0].end


def test_the_end_is_put_where_the_warehouse_stood() -> None:
    assert end_of(reached=120) == 120


def test_who_has_not_come_to_where_kafka_began_is_behind() -> None:
    assert end_of(reached=60) == 100


def test_who_is_beyond_kafkas_end_is_still_beyond() -> None:
    assert end_of(reached=150) == 140


def test_a_partition_without_a_batch_is_behind_as_soon_as_it_holds_records() -> None:
    assert as_of(BEGAN, NOW, {0: 100}) == {0: Bounds(0, 100), 1: Bounds(5, 50)}
    assert not has_reached({0: 100}, BEGAN)
    assert has_reached({0: 100, 1: 50}, BEGAN)
    assert has_reached({}, {0: Bounds(7, 7)})


def test_the_archive_is_judged_up_to_where_the_warehouse_stood() -> None:
    held = ArchiveReading(spans=[Span(0, 0, 60), Span(0, 60, 110), Span(0, 110, 130), Span(1, 5, 50)])
    assert clipped(held, {0: 100, 1: 50}).spans == [Span(0, 0, 60), Span(0, 60, 100), Span(1, 5, 50)]


def test_only_objects_beyond_the_ledgers_end_are_in_flight() -> None:
    def key(partition: int, start: int) -> str:
        return f"raw/t/partition={partition}/{start:020d}-{start + 10:020d}.parquet"

    objects = [ArchivedObject(Span(0, 0, 10), key(0, 0), 10), ArchivedObject(Span(0, 20, 30), key(0, 20), 10)]
    plan = ArchivePlan("t", objects, {0: 30, 1: 0}, {}, {})
    keys = [key(0, 10), key(0, 30), key(1, 0), "raw/t/partition=0/notes", key(7, 0)]
    assert set(in_flight(keys, plan)) == {key(0, 30), key(1, 0)}
