"""What has been read of one partition and not yet been written."""

from dataclasses import dataclass

import pyarrow as pa

from txwatch.stream.archive.layout import OffsetRange


@dataclass(frozen=True)
class Limits:
    """When a partition's records become an object, whichever comes first."""

    rows: int
    seconds: float
    object_bytes: int = 64 * 1024**2


class PartitionBuffer:
    """Gathers a partition's records and cuts them into ranges without gap or overlap."""

    def __init__(self, topic: str, partition: int, next_offset: int) -> None:
        self._topic = topic
        self._partition = partition
        self._start = self._end = next_offset
        self._batches: list[pa.RecordBatch] = []
        self._since = 0.0
        self.rows = 0
        self.bytes = 0

    @property
    def start(self) -> int:
        """The offset up to which everything is written."""
        return self._start

    @property
    def end(self) -> int:
        """The offset that is to be read next."""
        return self._end

    def add(self, batch: pa.RecordBatch, now: float) -> None:
        """Take records that follow those taken before.

        Args:
            batch: columns of `records.SCHEMA`, in order of offset, not empty.
            now: a monotonic clock's time, in seconds.
        """
        if not self._batches:
            self._since = now
        self._batches.append(batch)
        self._end = batch["offset"][-1].as_py() + 1
        self.rows += batch.num_rows
        self.bytes += batch.nbytes

    def is_due(self, now: float, limits: Limits) -> bool:
        """Say whether an object should be cut now."""
        is_old = now - self._since >= limits.seconds
        return self.rows > 0 and (is_old or self.rows >= limits.rows or self.bytes >= limits.object_bytes)

    def cut(self, limits: Limits) -> tuple[OffsetRange, pa.Table]:
        """Return the next object's range and records; `committed` takes them off the buffer."""
        records = pa.Table.from_batches(self._batches).slice(0, limits.rows)
        is_all = records.num_rows == self.rows
        end = self._end if is_all else records["offset"][-1].as_py() + 1
        return OffsetRange(self._topic, self._partition, self._start, end), records

    def committed(self, written: OffsetRange, rows: int) -> None:
        """Drop the records of a range that is safe in store and ledger."""
        rest = pa.Table.from_batches(self._batches).slice(rows)
        self._batches = rest.to_batches()
        self._start = written.end
        self.rows, self.bytes = rest.num_rows, rest.nbytes
