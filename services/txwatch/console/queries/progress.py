"""How far each partition has come: scored (ops.stream_offset) and archived (ops.archive_object)."""

from datetime import datetime
from typing import NamedTuple

from txwatch.console.database import read
from txwatch.postgres import Connection

PARTITIONS = """
select reached.query, reached.topic, reached.kafka_partition, reached.next_offset,
    archived.end_offset, archived.archived_at
from ops.stream_offset as reached
left join lateral (
    select end_offset, archived_at
    from ops.archive_object as object
    where object.topic = reached.topic and object.kafka_partition = reached.kafka_partition
    order by object.start_offset desc
    limit 1
) as archived on true
where reached.query <> 'labels'  -- they are entered as they come, and not archived
order by reached.query, reached.topic, reached.kafka_partition
"""

QUERIES = "select query, epoch, started_at, holder from ops.stream_query order by query"


class PartitionProgress(NamedTuple):
    """Next offset to score and to archive (`None`: nothing archived yet) of one partition."""

    query: str
    topic: str
    partition: int
    next_offset: int
    archived_to: int | None
    archived_at: datetime | None


class Query(NamedTuple):
    """The start of a query that may write, and what holds it."""

    query: str
    epoch: int
    started_at: datetime
    holder: str


def partitions(connection: Connection) -> list[PartitionProgress]:
    """Return every partition that a query has read from."""
    return read(connection, PARTITIONS, {}, PartitionProgress)


def queries(connection: Connection) -> list[Query]:
    """Return the streaming queries that have ever started."""
    return read(connection, QUERIES, {}, Query)
