"""Records that were no transactions: how many of each reason, and samples of their raw bytes."""

from datetime import datetime
from typing import NamedTuple

from txwatch.console.database import read
from txwatch.postgres import Connection

HELD_BY_REASON = """
select reason, count(*)
from ops.quarantine
where resolution is null
group by reason
order by count(*) desc, reason
"""

RESOLVED = "select count(*) from ops.quarantine where resolution is not null"

# Only the first bytes leave the server: a record may be far larger than a screen.
SAMPLES = """
select topic, kafka_partition, kafka_offset, appended_at, quarantined_at, field, detail,
    substring(raw for %(bytes)s), octet_length(raw)
from ops.quarantine
where resolution is null and reason = %(reason)s
order by quarantined_at desc, kafka_partition, kafka_offset desc
limit %(limit)s
"""


class ReasonCount(NamedTuple):
    """Records held for one reason."""

    reason: str
    records: int


class Sample(NamedTuple):
    """One held record: where it lies in Kafka, what is wrong, and its first bytes (`None`: a tombstone)."""

    topic: str
    partition: int
    offset: int
    appended_at: datetime
    quarantined_at: datetime
    field: str | None
    detail: str | None
    raw: memoryview | None
    length: int | None


class _Count(NamedTuple):
    records: int


def held_by_reason(connection: Connection) -> list[ReasonCount]:
    """Count what is held by reason, most first."""
    return read(connection, HELD_BY_REASON, {}, ReasonCount)


def resolved(connection: Connection) -> int:
    """Count what a replay has turned into facts or found to be duplicates."""
    return read(connection, RESOLVED, {}, _Count)[0].records


def samples(connection: Connection, reason: str, limit: int, raw_bytes: int) -> list[Sample]:
    """Return the newest records held for one reason, each with its first `raw_bytes` bytes."""
    return read(connection, SAMPLES, {"reason": reason, "limit": limit, "bytes": raw_bytes}, Sample)
