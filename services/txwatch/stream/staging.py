"""The executors' half of the sink: each task copies its rows into the staging tables and reports them.

Contract: a task reports once its rows are committed. Which tries of a task count is Spark's decision alone:
the driver moves those whose report it got; what a failed, killed or outrun try left behind is never moved.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function
from pyspark import TaskContext
from pyspark.sql import DataFrame

from txwatch.errors import TxwatchError
from txwatch.postgres import AWAY, Connection, as_writer, connect
from txwatch.settings import Settings
from txwatch.stream.batch import alerts_of, facts_of, milliseconds, offset_ranges
from txwatch.stream.copying import copy_into
from txwatch.stream.decoding import RECORD, RECORD_SCHEMA
from txwatch.stream.ledger import Epoch, writer_name
from txwatch.stream.offsets import OffsetRange
from txwatch.stream.reading import RECORD_DDL, RecordReader, reader_for
from txwatch.stream.rules import Ruleset

_BATCH_ID = "streaming.sql.batchId"
"""The property under which Spark tells a task its micro-batch (MicroBatchExecution.BATCH_ID_KEY)."""

Copy = Callable[[Cursor, tuple[str, ...], pa.Table], None]


@dataclass(frozen=True)
class Origin:
    """Whose rows are staged: one try of one task of one batch of one start of a query."""

    query: str
    epoch: int
    batch_id: int
    task: int
    attempt_number: int


@dataclass(frozen=True)
class Attempt:
    """One try of one task, as the driver learns of it."""

    attempt_id: str
    facts: int
    """Rows that it left in ops.stage_fact."""
    alerts: int


@dataclass(frozen=True)
class Report:
    """What the tasks of a batch tell the driver."""

    attempts: tuple[Attempt, ...]
    ranges: tuple[OffsetRange, ...]
    rows_in: int
    appended_ms: npt.NDArray[np.float64]
    """When Kafka appended each record, milliseconds since the epoch."""
    undecided: pa.Table
    """Columns of `RECORD`: what was not in canonical form and is the driver's to inspect."""


@dataclass(frozen=True)
class Stage:
    """Runs on the executors, once per task: all that it needs travels in its fields."""

    connection: Mapping[str, Any]
    epoch: Epoch
    reader: RecordReader
    copy: Copy = copy_into

    def report(self, prepared: DataFrame) -> DataFrame:
        """Let the tasks that compute what the reader prepared stage their rows and return reports."""
        return prepared.mapInArrow(self, f"{RECORD_DDL}, report string")

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Stage one task's rows; yield its report and the records that are not decided yet."""
        kept = list(batches)
        if not kept:
            return
        prepared = pa.Table.from_batches(kept)
        decoded = self.reader.read(prepared)
        report = {"rows": prepared.num_rows, "spans": _spans(prepared), "appended": _appended(prepared)}
        yield from _batches(_told(report | self._staged(decoded.events)))
        yield from _batches(_records(decoded.undecided))

    def _staged(self, valid: pa.Table) -> dict[str, Any]:
        """Commit the valid rows; a refusal, which trying again does not change, is reported to the driver."""
        try:
            connection = _connection(self.connection)
            with connection, connection.cursor() as cursor:
                return {"attempt": asdict(self._fill(cursor, valid))}
        except AWAY:
            _forget()
            raise
        except psycopg2.Error as refusal:
            return {"refusal": " ".join(str(refusal).split())}

    def _fill(self, cursor: Cursor, valid: pa.Table) -> Attempt:
        task = TaskContext.get()
        if task is None:
            raise TxwatchError("rows are staged by Spark's tasks only")
        batch_id = int(task.getLocalProperty(_BATCH_ID) or 0)
        origin = Origin(
            self.epoch.query, self.epoch.number, batch_id, task.partitionId(), task.attemptNumber()
        )
        return stage_rows(cursor, origin, *staged_tables(valid, self.reader.ruleset), copy=self.copy)


def stage_for(settings: Settings, epoch: Epoch, ruleset: Ruleset) -> Stage:
    """Return what the executors run in this start of the query."""
    # A later start of the query ends what writes under this name. Nothing that is staged outlives a crash, so
    # no commit of it waits for the disk.
    login = settings.postgres("stream_writer")
    options = as_writer(login, writer_name(epoch.query), synchronous_commit="off")
    return Stage(options, epoch, reader_for(settings, ruleset))


def stage_rows(
    cursor: Cursor, origin: Origin, facts: pa.Table, alerts: pa.Table, copy: Copy = copy_into
) -> Attempt:
    """Append rows to the staging tables under a new attempt.

    Args:
        cursor: of an open transaction as stream_writer.
        origin: whose rows these are.
        facts: as `staged_tables` makes them.
        alerts: as `staged_tables` makes them of these facts.
        copy: what copies.
    """
    attempt = Attempt(str(uuid4()), facts.num_rows, alerts.num_rows)
    columns = {**vars(origin), **vars(attempt)}
    cursor.execute(
        f"insert into ops.stage_attempt ({', '.join(columns)}) "  # noqa: S608 - our names
        f"values ({', '.join(['%s'] * len(columns))})",
        tuple(columns.values()),
    )
    copy(cursor, ("ops", "stage_fact"), _marked(facts, attempt))
    copy(cursor, ("ops", "stage_alert"), _marked(alerts, attempt))
    return attempt


def staged_tables(scored: pa.Table, ruleset: Ruleset) -> tuple[pa.Table, pa.Table]:
    """Turn valid scored records into facts and alerts as `stage_rows` takes them."""
    facts = facts_of(scored)
    places = scored.select(["partition", "offset"])
    alerts, flagged = alerts_of(facts, ruleset), places.filter(facts["is_fraud"])
    return _positioned(facts, places), _positioned(alerts, flagged)


def read_report(told: pa.Table) -> Report:
    """Put together what `Stage` yielded in all tasks of a batch.

    Raises:
        TxwatchError: Postgres refused the rows.
    """
    reports = [json.loads(text) for text in told["report"].drop_null().to_pylist()]
    for report in reports:
        if "refusal" in report:
            raise TxwatchError(
                f"Postgres refuses the batch ({report['refusal']}): is the schema migrated? "
                "`txwatch up` migrates it"
            )
    appended = [pair for report in reports for pair in report["appended"]]
    moments, counts = (np.array(column) for column in zip(*appended, strict=True)) if appended else ([], [])
    return Report(
        attempts=tuple(Attempt(**report["attempt"]) for report in reports),
        ranges=_joined(OffsetRange(**span) for report in reports for span in report["spans"]),
        rows_in=sum(report["rows"] for report in reports),
        appended_ms=np.repeat(np.asarray(moments, np.float64), np.asarray(counts, np.int64)),
        undecided=told.filter(pc.is_null(told["report"])).select(RECORD),
    )


def _marked(rows: pa.Table, attempt: Attempt) -> pa.Table:
    key = pa.scalar(bytes.fromhex(attempt.attempt_id.replace("-", "")), pa.binary(16))
    return rows.append_column("attempt_id", pa.repeat(key, rows.num_rows))


def _positioned(rows: pa.Table, places: pa.Table) -> pa.Table:
    return rows.append_column("kafka_partition", places["partition"].cast(pa.int32())).append_column(
        "kafka_offset", places["offset"].cast(pa.int64())
    )


def _spans(prepared: pa.Table) -> list[dict[str, Any]]:
    return [span.as_json() for span in offset_ranges(prepared)]


def _joined(spans: Iterator[OffsetRange]) -> tuple[OffsetRange, ...]:
    """One range per partition, though several tasks may have read parts of it."""
    joined: dict[tuple[str, int], OffsetRange] = {}
    for span in spans:
        known = joined.get((span.topic, span.partition), span)
        joined[span.topic, span.partition] = OffsetRange(
            span.topic, span.partition, min(known.start, span.start), max(known.end, span.end)
        )
    return tuple(joined[place] for place in sorted(joined))


def _appended(prepared: pa.Table) -> list[tuple[float, int]]:
    """Append times with their numbers: records come in bursts, so this is far shorter than they are."""
    moments, counts = np.unique(milliseconds(prepared["appended_at"]), return_counts=True)
    return list(zip(moments.tolist(), counts.tolist(), strict=True))


def _told(report: dict[str, Any]) -> pa.Table:
    nothing = {field.name: pa.nulls(1, field.type) for field in RECORD_SCHEMA}
    return pa.table(nothing | {"report": pa.array([json.dumps(report)], pa.string())})


def _records(undecided: pa.Table) -> pa.Table:
    records = undecided.select(RECORD).cast(RECORD_SCHEMA)
    return records.append_column("report", pa.nulls(records.num_rows, pa.string()))


def _batches(table: pa.Table) -> list[pa.RecordBatch]:
    return [batch for batch in table.to_batches() if batch.num_rows]


_open: dict[str, Connection] = {}
"""The connection that this worker process keeps from task to task."""


def _connection(options: Mapping[str, Any]) -> Connection:
    wanted = repr(sorted(options.items()))
    if wanted in _open and not _is_alive(_open[wanted]):
        _forget()
    if wanted not in _open:
        _forget()
        _open[wanted] = connect(options)
    return _open[wanted]


def _is_alive(connection: Connection) -> bool:
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("select")
    except psycopg2.Error:
        return False
    return True


def _forget() -> None:
    for connection in _open.values():
        with suppress(psycopg2.Error):
            connection.close()
    _open.clear()
