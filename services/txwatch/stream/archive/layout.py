"""How the archive is laid out: the name and the columns of an object."""

import re
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import parquet

from txwatch.stream import offsets

PREFIX = "raw"
_KEY = re.compile(
    rf"^{PREFIX}/(?P<topic>[^/]+)/partition=(?P<partition>\d+)/(?P<start>\d{{20}})-(?P<end>\d{{20}})\.parquet$"
)


@dataclass(frozen=True, order=True)
class OffsetRange(offsets.OffsetRange):
    """An offset range that an object holds."""

    @property
    def key(self) -> str:
        """Name of the object that holds the range; sorts as the offsets do."""
        return f"{prefix_of(self.topic)}partition={self.partition}/{self.start:020d}-{self.end:020d}.parquet"


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
    """Write records (columns of `records.SCHEMA`) as one Parquet file, compressed with zstd."""
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
