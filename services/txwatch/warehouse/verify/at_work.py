"""Reads a pipeline that is at work: judged is what Kafka held at the start, once that has come through.

What has arrived since is left out on every side: the warehouse is read in one snapshot, the archive up to
where that snapshot stands, and Kafka's end is put where the snapshot stands, but never before the end of
the beginning. So whoever is stuck is still behind, and nobody is for merely being busy.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from txwatch.settings import Settings
from txwatch.warehouse.verify.archive import Bucket, read_archive
from txwatch.warehouse.verify.inputs import ArchiveReading, Bounds, Inputs, Span
from txwatch.warehouse.verify.kafka import read_bounds
from txwatch.warehouse.verify.label_tables import LABELS_QUERY
from txwatch.warehouse.verify.postgres import (
    STREAM_QUERY,
    WarehouseSide,
    read_archive_ledger,
    read_next_offsets,
    read_warehouse,
)
from txwatch.warehouse.verify.published import read_published

PATIENCE_SECONDS = 300.0
POLL_SECONDS = 1.0


def read_inputs_at_work(settings: Settings, *, with_archive: bool = True) -> Inputs:
    """Read everything that the balance is drawn from, as of one moment of a pipeline that goes on.

    Raises:
        UnavailableError: Kafka, Postgres or S3 does not answer.
        TxwatchError: the warehouse does not have the schema.
    """
    client, options = settings.kafka_client(), settings.postgres("analyst")
    topic, labels = settings.kafka_transactions_topic, settings.kafka_labels_topic
    began, labels_began = read_bounds(client, topic), read_bounds(client, labels)
    _wait(lambda: has_reached(read_next_offsets(options, STREAM_QUERY, topic), began))
    _wait(lambda: has_reached(read_next_offsets(options, LABELS_QUERY, labels), labels_began))
    held = read_warehouse(options, topic, labels)
    archive = _read_archive(settings, held) if with_archive else None
    bounds = as_of(began, read_bounds(client, topic), held.ledger.next_offsets)
    label_bounds = as_of(labels_began, read_bounds(client, labels), held.labels.next_offsets)
    published = read_published(client, labels, label_bounds, held.labels, held.label_quarantine)
    label_reading = replace(held.labels, kafka=label_bounds, published=published)
    return Inputs(bounds, held.ledger, held.warehouse, archive, held.mart, label_reading)


def as_of(
    began: Mapping[int, Bounds], now: Mapping[int, Bounds], reached: Mapping[int, int]
) -> dict[int, Bounds]:
    """Put each partition's end where the warehouse stood, between Kafka's ends at the beginning and now.

    Args:
        began: what Kafka held before the warehouse was read.
        now: what it held afterwards.
        reached: per partition, the offset that the warehouse stood at.
    """
    return {
        partition: Bounds(
            bounds.low,
            min(max(reached.get(partition, bounds.low), began.get(partition, bounds).end), bounds.end),
        )
        for partition, bounds in now.items()
        if partition in began
    }


def has_reached(reached: Mapping[int, int], began: Mapping[int, Bounds]) -> bool:
    """Say whether all that Kafka held at the beginning has come through."""
    return all(reached.get(partition, bounds.low) >= bounds.end for partition, bounds in began.items())


def clipped(archive: ArchiveReading, stands: Mapping[int, int]) -> ArchiveReading:
    """Leave out what the archive holds beyond where the warehouse stood; its records were not judged."""
    spans = [
        Span(span.partition, span.start, min(span.end, stands.get(span.partition, span.end)))
        for span in archive.spans
        if span.start < stands.get(span.partition, span.end)
    ]
    return replace(archive, spans=spans)


def _read_archive(settings: Settings, held: WarehouseSide) -> ArchiveReading:
    """Read the archive once it has come to where the warehouse was read."""
    options, topic = settings.postgres("analyst"), settings.kafka_transactions_topic
    stands = held.ledger.next_offsets
    wanted = {partition: Bounds(offset, offset) for partition, offset in stands.items()}

    def archived() -> dict[int, int]:
        objects, _ = read_archive_ledger(options, topic)
        return {entry.span.partition: entry.span.end for entry in objects}

    _wait(lambda: has_reached(dict.fromkeys(wanted, 0) | archived(), wanted))
    objects, in_transit = read_archive_ledger(options, topic)
    plan = replace(held.plan, objects=objects, in_transit=in_transit)
    return clipped(read_archive(Bucket(settings.s3(), settings.s3_bucket), plan, at_work=True), stands)


def _wait(has_come: Callable[[], bool]) -> None:
    """Wait until something has come through, but not for ever: the balance says what has not."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not has_come() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
