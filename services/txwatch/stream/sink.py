"""The warehouse end of the stream: one Postgres transaction per micro-batch.

Contract: `write` returns when the batch is committed or has been before; whatever it raises, nothing of the
batch is visible, and writing the same batch again is harmless. An absent Postgres is retried for as long as
the settings say.
"""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
import structlog
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function
from psycopg2.extras import Json
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_exponential,
)

from txwatch.errors import StagingLostError, UnavailableError
from txwatch.postgres import AWAY, Connection, as_writer, connect
from txwatch.settings import Settings
from txwatch.stream.batch import alerts_of, only, rollups_of, without_repeats
from txwatch.stream.columns import constant
from txwatch.stream.copying import copy_into
from txwatch.stream.ledger import Epoch, Totals, claim, settle, writer_name
from txwatch.stream.moving import StagedBatch, Written, empty_stage, move
from txwatch.stream.offsets import OffsetRange
from txwatch.stream.rules import Ruleset
from txwatch.stream.staging import Attempt, Origin, stage_rows, staged_tables

log = structlog.get_logger()

TRANSIENT = (*AWAY, UnavailableError)

_STAGED_BATCHES = 100
"""How many batches go through the staging table after one that held an id which was there already."""

_DRIVER = -1
"""The driver's task number in the staging tables."""

_WORK_TABLES = """
create temporary table work_fact (
    transaction_id uuid, customer_id uuid, merchant_id uuid, occurred_at timestamptz, latitude float8,
    longitude float8, ledger_seq bigint, ruleset_id integer, is_foreign boolean, is_fraud boolean,
    amount numeric, currency text, country text, payment_method text, device_id text, rules text[]
) on commit delete rows;
create temporary table work_rollup (
    minute timestamptz, currency text, transactions bigint, amount numeric, flagged bigint,
    flagged_amount numeric
) on commit delete rows;
create temporary table work_customer (customer_id uuid, is_inferred boolean) on commit delete rows;
create temporary table work_merchant (merchant_id uuid, is_inferred boolean) on commit delete rows;
"""
"""Written out, because `like` would need to read the table that it copies."""


def unwatched(_: str) -> None:
    """Take no notice of a step."""


@dataclass(frozen=True)
class ScoredBatch:
    """One micro-batch, scored, on its way into the warehouse."""

    batch_id: int
    ranges: tuple[OffsetRange, ...]
    rows_in: int
    facts: pa.Table
    """As `batch.facts_of` makes it; ids may repeat."""
    quarantine: pa.Table
    """Columns of `batch.QUARANTINE_SCHEMA`."""
    appended_ms: npt.NDArray[np.float64]
    """When Kafka appended each record, milliseconds since the epoch."""
    resolve: Callable[[Cursor, int, set[bytes]], None] | None = None
    """What else belongs into the same transaction: called with ledger_seq and the ids that became facts."""


@dataclass
class WarehouseSink:
    """Writes scored batches; holds one connection as stream_writer."""

    settings: Settings
    epoch: Epoch
    ruleset: Ruleset
    stopping: threading.Event = field(default_factory=threading.Event)
    """When set, an absent Postgres is not waited for."""
    reached: Callable[[str], None] = unwatched
    """Called with the name of each step that a batch has come past: where the chaos suite breaks it off."""
    _connection: Connection | None = None
    _ruleset_id: int = 0
    _known: dict[str, set[bytes]] = field(default_factory=dict)
    _staged_batches_left: int = 0

    def write(self, batch: ScoredBatch | StagedBatch) -> Totals:
        """Commit a batch exactly once and return what it came to (nothing, where it was committed before).

        Raises:
            FencedError: a newer start of the query has taken over.
            StagingLostError: a staged batch is no longer there; it must be staged again.
            UnavailableError: Postgres stayed away for longer than `stream_retry_limit_seconds`.
        """
        self.reached("scoring")  # and staging, where executors write
        limit = self.settings.stream_retry_limit_seconds
        retrying = Retrying(
            retry=retry_if_exception_type(TRANSIENT) & retry_if_not_exception_type(StagingLostError),
            wait=wait_exponential(multiplier=0.2, max=5),
            stop=stop_after_delay(limit) | stop_when_event_set(self.stopping),
            sleep=sleep_using_event(self.stopping),
            before_sleep=self._reconnect,
            reraise=True,
        )
        return retrying(self._write_once, batch)

    def close(self) -> None:
        """Give the connection back; a transaction that is open is rolled back."""
        if self._connection is not None:
            with contextlib.suppress(psycopg2.Error):
                self._connection.close()
            self._connection = None

    def _reconnect(self, attempt: RetryCallState) -> None:
        error = attempt.outcome and attempt.outcome.exception()
        log.warning("postgres_retry", attempt=attempt.attempt_number, error=" ".join(str(error).split()))
        self.close()

    def _write_once(self, batch: ScoredBatch | StagedBatch) -> Totals:
        connection = self._connection or self._connect()
        with connection, connection.cursor() as cursor:
            ledger_seq = claim(cursor, self.epoch, batch.batch_id, batch.ranges)
            if ledger_seq is None:
                return Totals(rows_in=0, facts=0, alerts=0, quarantined=0, duplicates=0)
            self.reached("claim")
            if isinstance(batch, ScoredBatch):
                written = self._insert(cursor, batch, ledger_seq)
            else:
                written = self._move(cursor, batch, ledger_seq)
            _insert_quarantine(cursor, batch.quarantine, ledger_seq)
            self.reached("quarantine")
            totals = Totals(rows_in=batch.rows_in, quarantined=batch.quarantine.num_rows, **vars(written))
            settle(cursor, ledger_seq, totals, _latency(batch.appended_ms))
            self.reached("settle")
        self.reached("commit")
        return totals

    def _insert(self, cursor: Cursor, batch: ScoredBatch, ledger_seq: int) -> Written:
        facts = self._insert_facts(cursor, without_repeats(batch.facts), ledger_seq)
        self.reached("facts")
        self._insert_inferred_dimensions(cursor, facts)
        self.reached("dimensions")
        alerts = self._stamped(alerts_of(facts, self.ruleset), ledger_seq)
        copy_into(cursor, ("core", "fact_alert"), alerts)
        self.reached("alerts")
        _update_rollups(cursor, facts)
        self.reached("rollups")
        if batch.resolve is not None:
            batch.resolve(cursor, ledger_seq, set(facts["transaction_id"].to_pylist()))
        return Written(facts.num_rows, alerts.num_rows, batch.facts.num_rows - facts.num_rows)

    def _move(self, cursor: Cursor, batch: StagedBatch, ledger_seq: int) -> Written:
        """Do in the database what `_insert` does here, with what the executors have staged."""
        attempts = [*batch.attempts, *self._stage_own(cursor, batch)]
        if self._staged_batches_left == 0:
            cursor.execute("savepoint facts")
            try:
                written = move(cursor, attempts, ledger_seq, self._ruleset_id, wary=False)
            except psycopg2.errors.UniqueViolation:
                cursor.execute("rollback to savepoint facts")
                self._staged_batches_left = _STAGED_BATCHES
        if self._staged_batches_left:
            self._staged_batches_left -= 1
            written = move(cursor, attempts, ledger_seq, self._ruleset_id, wary=True)
        for step in ("facts", "dimensions", "alerts", "rollups"):
            self.reached(step)  # one statement has done them all
        empty_stage(cursor)
        return written

    def _stage_own(self, cursor: Cursor, batch: StagedBatch) -> list[Attempt]:
        if batch.late is None:
            return []
        origin = Origin(self.epoch.query, self.epoch.number, batch.batch_id, _DRIVER, 0)
        return [stage_rows(cursor, origin, *staged_tables(batch.late, self.ruleset))]

    def _connect(self) -> Connection:
        options = self.settings.postgres("stream_writer")
        self._connection = connect(as_writer(options, writer_name(self.epoch.query)))
        with self._connection as connection, connection.cursor() as cursor:
            cursor.execute(_WORK_TABLES)
            self._ruleset_id = register_ruleset(cursor, self.ruleset)
            self._known = {name: _known_ids(cursor, name) for name in ("customer", "merchant")}
        return self._connection

    def _stamped(self, rows: pa.Table, ledger_seq: int) -> pa.Table:
        return rows.append_column(
            "ledger_seq", constant(ledger_seq, rows.num_rows, pa.int64())
        ).append_column("ruleset_id", constant(self._ruleset_id, rows.num_rows, pa.int32()))

    def _insert_facts(self, cursor: Cursor, facts: pa.Table, ledger_seq: int) -> pa.Table:
        """Insert the facts that are not there yet and return them.

        A plain COPY costs least, so it is tried first. A batch with an id that is there already goes
        through a staging table, and so do the batches after it for a while: repeats come in bursts.
        """
        stamped = self._stamped(facts, ledger_seq)
        if self._staged_batches_left == 0:
            cursor.execute("savepoint facts")
            try:
                copy_into(cursor, ("core", "fact_transaction"), stamped)
            except psycopg2.errors.UniqueViolation:
                cursor.execute("rollback to savepoint facts")
                self._staged_batches_left = _STAGED_BATCHES
            else:
                return facts
        self._staged_batches_left -= 1
        return only(facts, _insert_through_staging(cursor, stamped))

    def _insert_inferred_dimensions(self, cursor: Cursor, facts: pa.Table) -> None:
        """Make a row for each customer and merchant that no dimension row is known of."""
        for name in self._known:
            ids = set(pc.unique(facts[f"{name}_id"]).to_pylist())
            if unknown := ids - self._known[name]:
                rows = pa.table(
                    {
                        f"{name}_id": pa.array(sorted(unknown), pa.binary(16)),
                        "is_inferred": pa.repeat(True, len(unknown)),
                    }
                )
                _insert_dimensions(cursor, name, rows)
                self._known[name] |= unknown  # a rollback ends this sink; the next one asks anew


def register_ruleset(cursor: Cursor, ruleset: Ruleset) -> int:
    """Return the id of a ruleset in ops.ruleset, where it is entered first if it is new."""
    identity = (ruleset.ruleset, ruleset.version, ruleset.hash)
    cursor.execute(
        "insert into ops.ruleset (name, version, hash, body) values (%s, %s, %s, %s) on conflict do nothing",
        (*identity, Json(ruleset.model_dump())),
    )
    cursor.execute("select ruleset_id from ops.ruleset where (name, version, hash) = (%s, %s, %s)", identity)
    row: tuple[int] = cursor.fetchone()  # type: ignore[assignment]  # it was inserted above
    return row[0]


def _known_ids(cursor: Cursor, name: str) -> set[bytes]:
    cursor.execute(f"select uuid_send({name}_id) from core.dim_{name}")  # noqa: S608 - our names
    return {bytes(row[0]) for row in cursor.fetchall()}


def _insert_through_staging(cursor: Cursor, rows: pa.Table) -> set[bytes]:
    """Insert the facts whose id is new, and return the ids that were."""
    copy_into(cursor, ("work_fact",), rows)
    columns = ", ".join(rows.column_names)
    cursor.execute(
        f"insert into core.fact_transaction ({columns}) select {columns} from work_fact "  # noqa: S608 - our names
        "on conflict (transaction_id) do nothing returning uuid_send(transaction_id)"
    )
    return {bytes(row[0]) for row in cursor.fetchall()}


def _insert_dimensions(cursor: Cursor, name: str, rows: pa.Table) -> None:
    copy_into(cursor, (f"work_{name}",), rows)
    columns = ", ".join(rows.column_names)
    cursor.execute(
        f"insert into core.dim_{name} ({columns}) select {columns} from work_{name} "  # noqa: S608 - our names
        f"on conflict ({name}_id) do nothing"
    )


def _insert_quarantine(cursor: Cursor, rows: pa.Table, ledger_seq: int) -> None:
    copy_into(
        cursor,
        ("ops", "quarantine"),
        rows.append_column("ledger_seq", constant(ledger_seq, rows.num_rows, pa.int64())),
    )


def _update_rollups(cursor: Cursor, facts: pa.Table) -> None:
    rollups = rollups_of(facts)
    copy_into(cursor, ("work_rollup",), rollups)
    columns = ", ".join(rollups.column_names)
    cursor.execute(
        f"insert into core.rollup_minute as kept ({columns}) select {columns} from work_rollup "  # noqa: S608
        "on conflict (minute, currency) do update set "
        "transactions = kept.transactions + excluded.transactions, "
        "amount = kept.amount + excluded.amount, "
        "flagged = kept.flagged + excluded.flagged, "
        "flagged_amount = kept.flagged_amount + excluded.flagged_amount"
    )


def _latency(appended_ms: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Append-to-now percentiles of the batch's records, taken right before the commit."""
    if len(appended_ms) == 0:
        return {}
    moments = {
        "appended_from": datetime.fromtimestamp(appended_ms.min() / 1000, UTC),
        "appended_to": datetime.fromtimestamp(appended_ms.max() / 1000, UTC),
    }
    waited = datetime.now(UTC).timestamp() * 1000 - appended_ms
    p50, p95, p99 = (float(value) for value in np.percentile(waited, [50, 95, 99]))
    latest = float(waited.max())
    return {
        **moments,
        "latency_p50_ms": p50,
        "latency_p95_ms": p95,
        "latency_p99_ms": p99,
        "latency_max_ms": latest,
    }
