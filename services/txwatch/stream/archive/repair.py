"""Brings the bucket back to what the ledger says: an S3 that forgot, or a crash between object and ledger."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import structlog

from txwatch.errors import UnavailableError
from txwatch.stream.archive.layout import OffsetRange, encode, prefix_of, range_of
from txwatch.stream.archive.ledger import ArchiveLedger, ArchiveObject
from txwatch.stream.archive.store import ObjectStore
from txwatch.stream.patience import Patience
from txwatch.stream.records import OffsetsGoneError, RecordSource

log = structlog.get_logger()


@dataclass(frozen=True)
class Differences:
    """How a bucket differs from its ledger."""

    missing: list[ArchiveObject]
    """In the ledger; not in the bucket, or of another size there."""

    redundant: list[str]
    """Not in the ledger, and all they hold is in ledger objects or still to be read: safe to remove."""

    unknown: list[str]
    """Not in the ledger, and perhaps the only copy of what they hold: left alone."""


def compare(
    held: Iterable[ArchiveObject],
    sizes: Mapping[str, int],
    next_offsets: Mapping[int, int],
    in_transit: Collection[str] = (),
) -> Differences:
    """Compare the ledger with the bucket.

    Args:
        held: what the ledger holds of a topic.
        sizes: bytes of each object in the bucket under the topic's prefix.
        next_offsets: per partition, the offset that is archived next, which Kafka still has.
        in_transit: objects that compaction has announced, which are its to remove.
    """
    known = {entry.range.key: entry for entry in held}
    missing = [entry for key, entry in known.items() if sizes.get(key) != entry.bytes]
    first_offsets = dict(next_offsets)
    for entry in known.values():
        partition = entry.range.partition
        first_offsets[partition] = min(first_offsets.get(partition, entry.range.start), entry.range.start)
    strays = sorted(key for key in sizes if key not in known and key not in in_transit)
    redundant = [key for key in strays if _is_redundant(range_of(key), first_offsets, next_offsets)]
    return Differences(missing, redundant, [key for key in strays if key not in redundant])


def _is_redundant(stray: OffsetRange | None, first: Mapping[int, int], following: Mapping[int, int]) -> bool:
    if stray is None or stray.partition not in following:
        return False
    return first[stray.partition] <= stray.start <= following[stray.partition]


class Repair:
    """Writes again what the bucket has lost, object by object, and removes what a crash has left."""

    def __init__(
        self, source: RecordSource, ledger: ArchiveLedger, store: ObjectStore, patience: Patience
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._store = store
        self._insist = patience.insist
        self._missing: deque[ArchiveObject] = deque()
        self._reported: set[str] = set()

    @property
    def is_at_work(self) -> bool:
        """Whether something that the last survey found missing is still to be written."""
        return bool(self._missing)

    def survey(self, next_offsets: Mapping[int, int]) -> str | None:
        """Find what is to be written again, for `write_next`, and remove what is redundant.

        Args:
            next_offsets: per partition, the offset that is archived next.

        Returns:
            The key of an object that is there as the ledger says, if any is.
        """
        # In this order: what is listed is by then announced or in the ledger, whatever compaction does.
        sizes = self._insist(lambda: self._store.sizes(prefix_of(self._source.topic)))
        in_transit = self._insist(self._ledger.in_transit)
        held = self._insist(self._ledger.objects)
        differences = compare(held, sizes, next_offsets, in_transit)
        for key in differences.redundant:
            self._remove(key)
        for key in differences.unknown:
            self._report(key, "an object that the ledger does not know was left alone")
        self._missing = deque(differences.missing)
        there = {entry.range.key for entry in held} - {entry.range.key for entry in differences.missing}
        # Of a partition's newest object if it can be: compaction leaves that one alone.
        newest = {entry.range.partition: entry.range.key for entry in held}
        return next((key for key in newest.values() if key in there), max(there, default=None))

    def write_next(self) -> str | None:
        """Write the next missing object again; one that cannot be is logged by name, once.

        Returns:
            Its key; `None` if it was not written.

        Raises:
            UnavailableError: Kafka does not answer; the object has its turn again after the others.
        """
        entry = self._missing.popleft()
        try:
            is_written = self._write_again(entry)
        except UnavailableError:
            self._missing.append(entry)
            raise
        if not self._missing:
            self._source.end_reading()
            log.info("all that the store had lost and Kafka holds is written again")
        return entry.range.key if is_written else None

    def _remove(self, key: str) -> None:
        self._insist(lambda: self._store.delete(key))
        log.info("removed an object that never reached the ledger", key=key)

    def _write_again(self, entry: ArchiveObject) -> bool:
        key = entry.range.key
        if self._insist(lambda: self._store.size(key)) == entry.bytes:
            return False  # compaction wrote it after the list was made
        try:
            records = self._source.read(entry.range)
        except OffsetsGoneError as error:
            self._report(key, "an archived object is lost", reason=str(error))
            return False
        if not entry.describes(records):
            self._report(key, "an archived object is lost", reason="Kafka holds other records at its offsets")
            return False
        body = encode(records)
        if not self._insist(lambda: self._ledger.holds(entry)):
            return False  # compaction has merged it since the survey
        self._insist(lambda: self._store.put(key, body))
        self._insist(lambda: self._ledger.rewrite(ArchiveObject(entry.range, entry.rows, body.size)))
        log.info("wrote an object again that the store had lost", key=key)
        return True

    def _report(self, key: str, event: str, **details: str) -> None:
        if key not in self._reported:
            self._reported.add(key)
            log.error(event, key=key, **details)
