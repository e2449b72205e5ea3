"""Merges small objects of the archive into larger ones: reading them takes a call each.

A merged object is announced in ops.archive_transit, written, and then takes the place of its parts in the
ledger in one transaction. The parts stay on S3, announced as leaving, for readers that have just read the
ledger; a later run removes them. So at each moment, a crash included, the ledger's objects are all there,
and whatever else lies in the bucket is announced.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import structlog
from pyarrow import parquet

from txwatch.stream.archive.compaction_ledger import CompactionLedger
from txwatch.stream.archive.layout import OffsetRange, encode
from txwatch.stream.archive.ledger import ArchiveObject
from txwatch.stream.archive.store import ObjectStore

LARGEST_BYTES = 64 * 1024**2

log = structlog.get_logger()


class Group(NamedTuple):
    """Objects that follow each other in one partition and are to become one."""

    parts: tuple[ArchiveObject, ...]

    @property
    def range(self) -> OffsetRange:
        """What the merged object will hold."""
        first, last = self.parts[0].range, self.parts[-1].range
        return OffsetRange(first.topic, first.partition, first.start, last.end)


@dataclass
class CompactionCounts:
    """What one run did."""

    merged: int = 0
    into: int = 0
    removed: int = 0
    left_alone: int = 0
    """Groups of which a part was lost or damaged."""


def groups(objects: Sequence[ArchiveObject], newest: Mapping[int, int], max_rows: int) -> Iterator[Group]:
    """Say which objects become one.

    Args:
        objects: those old enough, by partition and offset.
        newest: per partition, where its last object starts: the archiver looks for that one, it stays.
        max_rows: most records in a merged object.
    """
    gathered: list[ArchiveObject] = []
    for entry in objects:
        if entry.range.start == newest.get(entry.range.partition):
            continue
        if gathered and not _fits(gathered, entry, max_rows):
            if len(gathered) > 1:
                yield Group(tuple(gathered))
            gathered = []
        gathered.append(entry)
    if len(gathered) > 1:
        yield Group(tuple(gathered))


def _fits(gathered: Sequence[ArchiveObject], entry: ArchiveObject, max_rows: int) -> bool:
    last = gathered[-1].range
    return (
        (last.partition, last.end) == (entry.range.partition, entry.range.start)
        and sum(part.rows for part in gathered) + entry.rows <= max_rows
        and sum(part.bytes for part in gathered) + entry.bytes <= LARGEST_BYTES
    )


class Compactor:
    """One run over one topic; two at once exclude each other through the ledger's lock."""

    def __init__(self, ledger: CompactionLedger, store: ObjectStore, max_rows: int) -> None:
        self._ledger = ledger
        self._store = store
        self._max_rows = max_rows

    def run(self, older_than_hours: float, readers_hours: float) -> CompactionCounts:
        """Remove what may leave by now, then merge what is small and old enough.

        Args:
            older_than_hours: younger objects are left alone.
            readers_hours: how long a merged part stays for whoever has read the ledger before.

        Raises:
            UnavailableError: Postgres or S3 does not answer; what was done is done, run it again.
            UsageError: another compaction is at work.
        """
        counts = CompactionCounts()
        with self._ledger.held():
            for key in self._ledger.may_go(readers_hours):
                self._store.delete(key)
                self._ledger.gone(key)
                counts.removed += 1
            objects, newest = self._ledger.objects(older_than_hours)
            for group in groups(objects, newest, self._max_rows):
                if self._merge(group):
                    counts.merged += len(group.parts)
                    counts.into += 1
                else:
                    counts.left_alone += 1
        return counts

    def _merge(self, group: Group) -> bool:
        records = self._records(group)
        if records is None:
            return False
        body = encode(records)
        self._ledger.announce(group.range)
        self._store.put(group.range.key, body)
        self._ledger.switch(ArchiveObject(group.range, records.num_rows, body.size), group.parts)
        log.info(
            "merged", key=group.range.key, parts=len(group.parts), rows=records.num_rows, bytes=body.size
        )
        return True

    def _records(self, group: Group) -> pa.Table | None:
        """Read a group's records; `None` when a part is not what the ledger says, which repair settles."""
        tables = []
        for part in group.parts:
            body = self._store.get(part.range.key)
            try:
                table = parquet.read_table(pa.BufferReader(body)) if body else None
            except (pa.ArrowException, OSError) as error:
                log.warning("a damaged object was left alone", key=part.range.key, reason=str(error))
                return None
            if table is None or not part.describes(table):
                log.warning("an object that is not what the ledger says was left alone", key=part.range.key)
                return None
            tables.append(table)
        return pa.concat_tables(tables)
