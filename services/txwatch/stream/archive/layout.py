"""How the archive is laid out: the name and the columns of an object."""

import re
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import parquet

PREFIX = "raw"
SCHEMA = pa.schema(
    [
        pa.field("topic", pa.string(), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp", pa.timestamp("ms", "UTC"), nullable=False),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field("headers", pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))),
    ]
)
"""A Kafka record as it came; `timestamp` is the broker's append time, a null `value` a tombstone."""

_KEY = re.compile(
    rf"^{PREFIX}/(?P<topic>[^/]+)/partition=(?P<partition>\d+)/(?P<start>\d{{20}})-(?P<end>\d{{20}})\.parquet$"
)


@dataclass(frozen=True, order=True)
class OffsetRange:
    """The records of one partition from `start` to before `end`."""

    topic: str
    partition: int
    start: int
    end: int

    @property
    def key(self) -> str:
        """Name of the object that holds the range; sorts as the offsets do."""
        return f"{prefix_of(self.topic)}partition={self.partition}/{self.start:020d}-{self.end:020d}.parquet"

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition} [{self.start}, {self.end})"


def prefix_of(topic: str) -> str:
    """Return what the names of all objects of a topic begin with."""
    return f"{PREFIX}/{topic}/"


def range_of(key: str) -> OffsetRange | None:
    """Read a range back from an object's name; `None` when the name is not one of ours."""
    match = _KEY.match(key)
    if match is None:
        return None
    return OffsetRange(match["topic"], int(match["partition"]), int(match["start"]), int(match["end"]))


def encode(records: pa.Table) -> pa.Buffer:
    """Write records (columns of `SCHEMA`) as one Parquet file, compressed with zstd."""
    sink = pa.BufferOutputStream()
    parquet.write_table(
        records,
        sink,
        compression="zstd",
        use_dictionary=["topic", "partition", "key"],
        column_encoding={"offset": "DELTA_BINARY_PACKED", "timestamp": "DELTA_BINARY_PACKED"},
        write_statistics=["partition", "offset", "timestamp"],
    )
    return sink.getvalue()
