"""What the stream did and when, read from ops.stream_ledger: its index on committed_at bounds every query."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from txwatch.console.database import read
from txwatch.console.windows import Window
from txwatch.postgres import Connection

TOTALS = """
select count(*), coalesce(sum(rows_in), 0)::bigint, coalesce(sum(facts), 0)::bigint,
    coalesce(sum(alerts), 0)::bigint, coalesce(sum(quarantined), 0)::bigint,
    coalesce(sum(duplicates), 0)::bigint,
    sum(latency_p50_ms * rows_in) / sum(rows_in) filter (where latency_p50_ms is not null),
    sum(latency_p95_ms * rows_in) / sum(rows_in) filter (where latency_p95_ms is not null),
    max(latency_max_ms)
from ops.stream_ledger
where committed_at > now() - %(span)s and rows_in > 0
"""

BINS = """
with bounds as (
    select date_bin(%(step)s, now() - %(span)s, 'epoch') + %(step)s as first_at,
        date_bin(%(step)s, now(), 'epoch') as past_at
),
measured as (
    select date_bin(%(step)s, committed_at, 'epoch') as starts_at,
        sum(rows_in) / %(step_seconds)s as rows_per_second,
        sum(latency_p50_ms * rows_in) / sum(rows_in) filter (where latency_p50_ms is not null) as p50_ms,
        sum(latency_p95_ms * rows_in) / sum(rows_in) filter (where latency_p95_ms is not null) as p95_ms
    from bounds, ops.stream_ledger
    where committed_at >= bounds.first_at and committed_at < bounds.past_at and rows_in > 0
    group by 1
)
select bin.starts_at, coalesce(measured.rows_per_second, 0)::float, p50_ms, p95_ms
from bounds, generate_series(bounds.first_at, bounds.past_at - %(step)s, %(step)s) as bin (starts_at)
left join measured on measured.starts_at = bin.starts_at
order by bin.starts_at
"""

LAST_COMMIT = """
select committed_at, extract(epoch from clock_timestamp() - committed_at)::float
from ops.stream_ledger
order by committed_at desc
limit 1
"""

NEWEST_BATCHES = """
select ledger_seq, query, epoch, batch_id, rows_in, facts, alerts, quarantined, duplicates,
    latency_p50_ms, latency_p95_ms, committed_at
from ops.stream_ledger
order by committed_at desc
limit %(limit)s
"""


class Totals(NamedTuple):
    """Sums over the batches of a span; latencies in ms, `None` when no batch measured one."""

    batches: int
    rows_in: int
    facts: int
    alerts: int
    quarantined: int
    duplicates: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_max_ms: float | None


class Bin(NamedTuple):
    """One bin of time: rows committed per second, and latency in ms (`None` when nothing was committed)."""

    starts_at: datetime
    rows_per_second: float
    latency_p50_ms: float | None
    latency_p95_ms: float | None


class LastCommit(NamedTuple):
    """The newest batch of any query: when, and how many seconds ago by the server's clock."""

    committed_at: datetime
    age_seconds: float


class Batch(NamedTuple):
    """One row of the ledger; latencies in ms, Kafka append to commit."""

    ledger_seq: int
    query: str
    epoch: int
    batch_id: int
    rows_in: int
    facts: int
    alerts: int
    quarantined: int
    duplicates: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    committed_at: datetime


def totals(connection: Connection, span: timedelta) -> Totals:
    """Sum the ledger over the last `span`.

    Percentiles of batches cannot be combined exactly without their rows. Each batch's percentile is weighted
    with its rows: `sum(p * rows_in) / sum(rows_in)`, the percentile that a row met in its batch, on average.
    """
    return read(connection, TOTALS, {"span": span}, Totals)[0]


def bins(connection: Connection, window: Window) -> list[Bin]:
    """Throughput and latency in whole bins, oldest first; the running bin is left out.

    A bin without a batch has 0 rows/s and no latency. Latencies are combined as in `totals`.
    """
    return read(connection, BINS, window.parameters, Bin)


def last_commit(connection: Connection) -> LastCommit | None:
    """Return the newest commit, or `None` when the stream has never committed."""
    return next(iter(read(connection, LAST_COMMIT, {}, LastCommit)), None)


def newest_batches(connection: Connection, limit: int) -> list[Batch]:
    """Return the newest batches, newest first."""
    parameters: dict[str, Any] = {"limit": limit}
    return read(connection, NEWEST_BATCHES, parameters, Batch)
