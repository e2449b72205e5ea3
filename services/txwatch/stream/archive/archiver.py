"""The archiver: reads on from where the ledger ends; writes each object first and its ledger row second."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Event

import structlog

from txwatch.errors import UnavailableError
from txwatch.stream.archive.buffer import Limits, PartitionBuffer
from txwatch.stream.archive.layout import encode
from txwatch.stream.archive.ledger import ArchiveLedger, ArchiveObject
from txwatch.stream.archive.repair import Repair
from txwatch.stream.archive.store import ObjectStore
from txwatch.stream.patience import Patience, StoppedError
from txwatch.stream.records import OffsetsGoneError, RecordSource

POLL_SECONDS = 0.5
PARTITION_CHECK_SECONDS = 30.0
BUFFERED_BYTES = 64 * 1024**2
"""Most raw bytes held in memory over all partitions."""

log = structlog.get_logger()


@dataclass
class ArchiveCounts:
    """What one run has written."""

    objects: int = 0
    rows: int = 0
    bytes: int = 0


class Archiver:
    """Archives one topic until it is stopped. Every system may go away and come back meanwhile."""

    def __init__(
        self,
        source: RecordSource,
        ledger: ArchiveLedger,
        store: ObjectStore,
        limits: Limits,
        stop: Event,
        *,
        on_step: Callable[[], None] = lambda: None,
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._store = store
        self._limits = limits
        self._stop = stop
        self._on_step = on_step
        self._insist = Patience(stop).insist
        self._repair = Repair(source, ledger, store, Patience(stop))
        self._buffers: dict[int, PartitionBuffer] = {}
        self._witness: str | None = None
        """The key of an object that is there unless the store was emptied."""
        self._checked_at = self._partitions_at = 0.0
        self.counts = ArchiveCounts()

    def run(self, *, until_drained: bool = False, skip_gone: bool = False) -> ArchiveCounts:
        """Archive until a stop is asked for; then write what has been read, unless a system is away.

        What the store has lost is written again meanwhile; a stop leaves the rest of that to the next start.

        Args:
            until_drained: end once everything that Kafka held at the start is archived, and what the store
                has lost is written again.
            skip_gone: where Kafka no longer holds the offset that comes next, go on at its first one.

        Raises:
            OffsetsGoneError: Kafka no longer holds what comes next, and `skip_gone` is not set.
            UsageError: another archiver holds the topic.
            FencedError: another archiver has written meanwhile.
        """
        try:
            self._insist(self._store.ensure_bucket)
            targets = self._begin(skip_gone=skip_gone)
            self._survey()
            while not self._stop.is_set() and not (until_drained and self._has_reached(targets)):
                self._step()
                self._on_step()
            self._write(everything=True)
            self._check_store()
            while until_drained and self._repair.is_at_work and not self._stop.is_set():
                self._write_again()
                self._on_step()
        except StoppedError as interruption:
            log.warning(
                "stopped before everything read was written; the next start reads it again",
                reason=str(interruption),
            )
        return self.counts

    def _begin(self, *, skip_gone: bool) -> dict[int, int]:
        """Stand where the ledger ends, in each partition; return where Kafka ends."""
        ends: dict[int, int] = {}
        for entry in self._insist(self._ledger.objects):
            ends[entry.range.partition] = entry.range.end
        targets: dict[int, int] = {}
        for partition in self._insist(self._source.partitions):
            low, high = self._insist(partial(self._source.bounds, partition))
            try:
                start = first_offset(ends.get(partition), low, high, skip_gone=skip_gone)
            except OffsetsGoneError as error:
                raise OffsetsGoneError(f"{self._source.topic}/{partition} {error}") from None
            self._buffers[partition] = PartitionBuffer(self._source.topic, partition, start)
            targets[partition] = high
        self._source.start(self._next_offsets())
        log.info("archiving", topic=self._source.topic, offsets=self._next_offsets(), kafka_ends=targets)
        return targets

    def _next_offsets(self) -> dict[int, int]:
        return {partition: buffer.end for partition, buffer in self._buffers.items()}

    def _has_reached(self, targets: dict[int, int]) -> bool:
        return all(self._buffers[partition].end >= end for partition, end in targets.items())

    def _step(self) -> None:
        is_repairing = self._repair.is_at_work
        self._take(waits=not is_repairing)
        self._write()
        if is_repairing:
            self._write_again()
        if time.monotonic() - self._checked_at >= self._limits.seconds:
            self._check_store()
        if time.monotonic() - self._partitions_at >= PARTITION_CHECK_SECONDS:
            self._take_new_partitions()

    def _take(self, *, waits: bool) -> None:
        """Take what Kafka has sent, for a while if it is much."""
        deadline = time.monotonic() + POLL_SECONDS
        while batches := self._source.poll(POLL_SECONDS if waits else 0):
            for partition, batch in batches.items():
                self._buffers[partition].add(batch, time.monotonic())
            if waits or time.monotonic() >= deadline:
                break

    def _write(self, *, everything: bool = False) -> None:
        for buffer in self._buffers.values():
            while buffer.rows and (everything or buffer.is_due(time.monotonic(), self._limits)):
                self._write_one(buffer)
        while sum(buffer.bytes for buffer in self._buffers.values()) > BUFFERED_BYTES:
            self._write_one(max(self._buffers.values(), key=lambda buffer: buffer.bytes))

    def _write_one(self, buffer: PartitionBuffer) -> None:
        """Write the next object of a partition. Object first: a ledger row always has its object."""
        offsets, records = buffer.cut(self._limits)
        body = encode(records)
        self._insist(lambda: self._store.put(offsets.key, body))
        self._insist(lambda: self._ledger.record(ArchiveObject(offsets, records.num_rows, body.size)))
        buffer.committed(offsets, records.num_rows)
        self._check_store()  # by the object before: a store that was emptied meanwhile holds this one
        self._witness = offsets.key
        self.counts.objects += 1
        self.counts.rows += records.num_rows
        self.counts.bytes += body.size
        log.info("archived", key=offsets.key, rows=records.num_rows, bytes=body.size)

    def _check_store(self) -> None:
        """Notice a store that came back empty."""
        key = self._witness
        if key is not None and self._insist(lambda: self._store.size(key)) is None:
            log.warning("the store has forgotten objects", key=key)
            self._survey()
        self._checked_at = time.monotonic()

    def _survey(self) -> None:
        self._witness = self._repair.survey(self._archived_offsets())

    def _write_again(self) -> None:
        """Write again some of what the store has lost."""
        deadline = time.monotonic() + POLL_SECONDS
        while self._repair.is_at_work and time.monotonic() < deadline:
            try:
                key = self._repair.write_next()
            except UnavailableError as error:
                log.warning("what is lost cannot be written again yet", reason=str(error))
                self._stop.wait(POLL_SECONDS)
                return
            if key is not None:
                self._check_store()  # by another object, as in `_write_one`
                self._witness = self._witness or key

    def _archived_offsets(self) -> dict[int, int]:
        return {partition: buffer.start for partition, buffer in self._buffers.items()}

    def _take_new_partitions(self) -> None:
        """Notice partitions added to the topic while this runs; they are read from their first record."""
        added = set(self._insist(self._source.partitions)) - set(self._buffers)
        for partition in added:
            low, _ = self._insist(partial(self._source.bounds, partition))
            self._buffers[partition] = PartitionBuffer(self._source.topic, partition, low)
        if added:
            self._source.start(self._next_offsets())
            log.info("the topic has new partitions", topic=self._source.topic, partitions=sorted(added))
        self._partitions_at = time.monotonic()


def first_offset(archived_to: int | None, low: int, high: int, *, skip_gone: bool) -> int:
    """Say where to begin in a partition.

    Args:
        archived_to: end of the last range in the ledger; `None` when there is none.
        low: the first offset that Kafka holds.
        high: the offset that Kafka gives out next.
        skip_gone: whether what Kafka no longer holds may be passed over.

    Raises:
        OffsetsGoneError: Kafka holds no such offset; the sentence says what can be done.
    """
    if archived_to is None:
        return low
    if archived_to > high:
        raise OffsetsGoneError(
            f"is archived up to offset {archived_to}, but Kafka ends at {high}: the topic was made anew; "
            "give it another name or start with an empty warehouse"
        )
    if archived_to < low and not skip_gone:
        raise OffsetsGoneError(
            f"has lost offsets {archived_to} to {low - 1} in Kafka before they were archived: "
            "`txwatch archive --skip-gone` goes on without them, and `txwatch verify` will name the gap"
        )
    return max(archived_to, low)
