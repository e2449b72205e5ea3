"""The driver's half of the executors' sink: one statement moves a staged batch into the warehouse."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import psycopg2
import pyarrow as pa
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function

from txwatch.errors import StagingLostError
from txwatch.stream.batch import FACT_COLUMNS
from txwatch.stream.offsets import OffsetRange
from txwatch.stream.staging import Attempt

_FACT = ", ".join(FACT_COLUMNS)
_ALERT = "transaction_id, customer_id, occurred_at, severity, rules, evidence"

# Column by column as the driver's sink does it. The first in offset order of those that share an id counts.
_MOVE = """
with staged as materialized (
    select * from ops.stage_fact where attempt_id = any(%(attempts)s::uuid[])
), first as materialized (
    select distinct on (transaction_id) * from staged
    order by transaction_id, kafka_partition, kafka_offset
), inserted as (
    insert into core.fact_transaction ({fact}, ledger_seq, ruleset_id)
    select {fact}, %(ledger_seq)s, %(ruleset_id)s from first
    {on_conflict} returning transaction_id
), kept as materialized (
    select first.* from first {only_inserted}
), rollup as (
    insert into core.rollup_minute as kept (minute, currency, transactions, amount, flagged, flagged_amount)
    select date_trunc('minute', occurred_at), currency, count(*), sum(amount),
        count(*) filter (where is_fraud), coalesce(sum(amount) filter (where is_fraud), 0)
    from kept group by 1, 2
    on conflict (minute, currency) do update set
        transactions = kept.transactions + excluded.transactions,
        amount = kept.amount + excluded.amount,
        flagged = kept.flagged + excluded.flagged,
        flagged_amount = kept.flagged_amount + excluded.flagged_amount
), customer as (
    insert into core.dim_customer (customer_id, is_inferred)
    select distinct customer_id, true from kept on conflict (customer_id) do nothing
), merchant as (
    insert into core.dim_merchant (merchant_id, is_inferred)
    select distinct merchant_id, true from kept on conflict (merchant_id) do nothing
), due as materialized (
    select * from ops.stage_alert where attempt_id = any(%(attempts)s::uuid[])
), raised as (
    insert into core.fact_alert ({alert}, ledger_seq, ruleset_id)
    select {alert}, %(ledger_seq)s, %(ruleset_id)s from due
    where (attempt_id, kafka_partition, kafka_offset) in (
        select attempt_id, kafka_partition, kafka_offset from kept where is_fraud
    )
)
select (select count(*) from staged), (select count(*) from due),
    (select count(*) from kept), (select count(*) from kept where is_fraud)
"""
_PLAIN = _MOVE.format(fact=_FACT, alert=_ALERT, on_conflict="", only_inserted="")
_WARY = _MOVE.format(
    fact=_FACT,
    alert=_ALERT,
    on_conflict="on conflict (transaction_id) do nothing",
    only_inserted="join inserted using (transaction_id)",
)


@dataclass(frozen=True)
class StagedBatch:
    """One micro-batch that lies in the staging tables, on its way into the warehouse."""

    batch_id: int
    ranges: tuple[OffsetRange, ...]
    rows_in: int
    attempts: tuple[Attempt, ...]
    """Of each task the try that counts."""
    late: pa.Table | None
    """Scored records that the driver itself found valid, where there are any."""
    quarantine: pa.Table
    """Columns of `batch.QUARANTINE_SCHEMA`."""
    appended_ms: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Written:
    """How many rows of a batch went into the warehouse."""

    facts: int
    alerts: int
    duplicates: int


def move(
    cursor: Cursor, attempts: Sequence[Attempt], ledger_seq: int, ruleset_id: int, *, wary: bool
) -> Written:
    """Bring the facts of these attempts, their alerts, rollups and inferred dimensions into the warehouse.

    Args:
        cursor: of the transaction that has claimed the batch.
        attempts: what is to be moved; whatever else lies in the staging tables stays where it is.
        ledger_seq: the claim.
        ruleset_id: the ruleset that scored them.
        wary: whether an id may be there already; if not, one that is raises UniqueViolation.

    Raises:
        StagingLostError: the tables no longer hold what was staged: Postgres has crashed since.
    """
    cursor.execute(
        # The tables have no statistics: left to itself, the planner may take a loop in a loop for cheap.
        "set local enable_nestloop = off; set local work_mem = '64MB'"
    )
    names = [attempt.attempt_id for attempt in attempts]
    cursor.execute(
        _WARY if wary else _PLAIN, {"attempts": names, "ledger_seq": ledger_seq, "ruleset_id": ruleset_id}
    )
    row = cursor.fetchone()
    assert row is not None  # noqa: S101 - an aggregate without grouping has one row
    staged, due, facts, alerts = row
    expected = (sum(attempt.facts for attempt in attempts), sum(attempt.alerts for attempt in attempts))
    if (staged, due) != expected:
        raise StagingLostError(
            f"of {expected[0]} staged facts and {expected[1]} alerts {staged} and {due} are left: "
            "Postgres has restarted; the batch is read again"
        )
    return Written(facts, alerts, staged - facts)


def empty_stage(cursor: Cursor) -> None:
    """Empty the staging tables, leftovers too, unless a task writes there now: then the next batch does."""
    cursor.execute("savepoint stage")
    try:
        cursor.execute(
            "lock table ops.stage_attempt, ops.stage_fact, ops.stage_alert in access exclusive mode nowait"
        )
    except psycopg2.errors.LockNotAvailable:
        cursor.execute("rollback to savepoint stage")
    else:
        cursor.execute("truncate ops.stage_attempt, ops.stage_fact, ops.stage_alert")
