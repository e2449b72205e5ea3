"""The executors' sink: of all tries of a task exactly the one that Spark reports counts."""

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow as pa
import pytest
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function
from pyspark import cloudpickle
from pyspark.sql import DataFrame, SparkSession

from oracle.balance import Warehouse, differences
from oracle.feed import event, mixed, send
from txwatch.errors import StagingLostError, TxwatchError
from txwatch.postgres import connect
from txwatch.settings import Settings
from txwatch.stream import sink as sink_module
from txwatch.stream.copying import copy_into, encoded
from txwatch.stream.ledger import Epoch, Totals, open_epoch
from txwatch.stream.rules import load_ruleset
from txwatch.stream.scorer import Scorer
from txwatch.stream.sink import WarehouseSink
from txwatch.stream.staging import Stage, stage_for

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # Spark's workers do not know this file

RECORDS = "topic string, partition int, offset bigint, timestamp timestamp, key binary, value binary"
APPENDED_AT = datetime(2026, 3, 1, tzinfo=UTC)
STAGED = ("ops.stage_attempt", "ops.stage_fact", "ops.stage_alert")

# Of 400 `mixed` records 8 are malformed and 8 repeat an id; number 400 is valid in another form than ours.
# Flagged: 40 foreign ones (0, 10 ... 390), ten more off the globe (33 ... 396 but for 99 and 330), and 400.
WHOLE = Totals(rows_in=401, facts=385, alerts=51, quarantined=8, duplicates=8)


@pytest.fixture
def sink_mode() -> str:
    return "executors"


@dataclass
class Bench:
    """One start of the query, and records to write."""

    settings: Settings
    spark: SparkSession

    def __post_init__(self) -> None:
        self.ruleset = load_ruleset(self.settings.stream_ruleset)
        self.scorer = Scorer(self.settings, self.ruleset, lambda: self.spark)
        with closing(connect(self.settings.postgres("stream_writer"))) as connection:
            begin = {(self.settings.kafka_transactions_topic, 0): 0}
            self.epoch = open_epoch(connection, "transactions", begin)
        self.stage: Stage = stage_for(self.settings, self.epoch, self.ruleset)
        self.sink = WarehouseSink(self.settings, self.epoch, self.ruleset)

    def scored(self, first: int = 0) -> DataFrame:
        """400 mixed records and one that is valid, but not canonical, in two tasks."""
        topic = self.settings.kafka_transactions_topic
        irregular = event(first + 400).replace(b'":', b'": ')
        values = [*map(mixed, range(first, first + 400)), irregular]
        records = [(topic, 0, offset, APPENDED_AT, None, value) for offset, value in enumerate(values, first)]
        return self.scorer.prepare(self.spark.createDataFrame(records, RECORDS))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(**self.settings.postgres("warehouse_owner"))) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def staged(self) -> list[int]:
        return [self.rows(f"select count(*)::int from {table}")[0][0] for table in STAGED]

    def owner(self, statement: str) -> None:
        with closing(psycopg2.connect(**self.settings.postgres("warehouse_owner"))) as connection, connection:
            connection.cursor().execute(statement)


@pytest.fixture
def bench(settings: Settings, spark: SparkSession) -> Iterator[Bench]:
    opened = Bench(settings, spark)
    yield opened
    opened.sink.close()


def content(bench: Bench) -> dict[str, list[tuple[Any, ...]]]:
    """All that batches leave behind, but for moments of the clock."""
    columns = {
        "core.fact_transaction": "*",
        "core.fact_alert": "transaction_id, customer_id, occurred_at, ledger_seq, ruleset_id, severity, "
        "rules, evidence",
        "core.rollup_minute": "*",
        "core.dim_customer": "customer_id, name, is_inferred",
        "core.dim_merchant": "merchant_id, name, is_inferred",
        "ops.quarantine": "topic, kafka_partition, kafka_offset, appended_at, key::text, raw::text, reason, "
        "field, detail, ledger_seq",
        "ops.stream_ledger": "query, epoch, batch_id, offset_ranges, rows_in, facts, alerts, quarantined, "
        "duplicates, appended_from, appended_to, latency_p50_ms is null, latency_max_ms is null",
        "ops.stream_offset": "*",
    }
    return {
        table: bench.rows(f"select {names} from {table} order by 1, 2, 3") for table, names in columns.items()
    }


def test_both_sinks_leave_the_same_row_for_row(bench: Bench) -> None:
    assert bench.sink.write(bench.scorer.batch(0, bench.scored().toArrow())) == WHOLE
    driver = content(bench)
    bench.owner(
        "truncate core.fact_transaction, core.fact_alert, core.rollup_minute, core.dim_customer, "
        "core.dim_merchant, ops.quarantine, ops.stream_offset; "
        "truncate ops.stream_ledger restart identity"
    )
    with closing(WarehouseSink(bench.settings, bench.epoch, bench.ruleset)) as other:
        staged = bench.scorer.staged_batch(0, bench.scored().transform(bench.stage.report))
        assert other.write(staged) == WHOLE
    assert content(bench) == driver
    assert bench.staged() == [0, 0, 0]


def test_of_two_tries_of_a_task_only_the_reported_one_is_moved(bench: Bench) -> None:
    reported = bench.scored().transform(bench.stage.report)
    outrun = bench.scorer.staged_batch(0, reported)
    counted = bench.scorer.staged_batch(0, reported)
    assert outrun.attempts != counted.attempts
    assert bench.staged() == [4, 784, 100]  # two tasks, twice; the irregular record is the driver's
    assert bench.sink.write(counted) == WHOLE
    assert bench.rows("select count(*)::int from core.fact_transaction") == [(WHOLE.facts,)]
    assert bench.staged() == [0, 0, 0]
    assert bench.sink.write(outrun).facts == 0  # its batch is claimed


def test_ids_that_are_there_already_are_counted_as_duplicates(bench: Bench) -> None:
    report = bench.stage.report
    assert bench.sink.write(bench.scorer.staged_batch(0, bench.scored().transform(report))) == WHOLE
    again = bench.scorer.staged_batch(0, bench.scored().transform(report))
    moved_on = tuple(replace(span, start=401, end=802) for span in again.ranges)
    held = again.quarantine.slice(0, 0)
    repeated = replace(again, batch_id=1, ranges=moved_on, quarantine=held, rows_in=393)
    assert bench.sink.write(repeated) == Totals(rows_in=393, facts=0, alerts=0, quarantined=0, duplicates=393)
    assert bench.rows("select sum(transactions)::int from core.rollup_minute") == [(WHOLE.facts,)]


def test_a_task_that_still_writes_is_not_waited_for_and_its_leftovers_go_with_the_next_batch(
    bench: Bench,
) -> None:
    straggler = psycopg2.connect(**bench.settings.postgres("stream_writer"))
    straggler.cursor().execute(
        "insert into ops.stage_attempt values (gen_random_uuid(), 'transactions', 1, 0, 0, 1, 0, 0)"
    )
    report = bench.stage.report
    assert bench.sink.write(bench.scorer.staged_batch(0, bench.scored().transform(report))) == WHOLE
    straggler.commit()
    straggler.close()
    assert bench.staged()[0] == 4  # two tasks, the driver, the straggler
    second = bench.scorer.staged_batch(1, bench.scored(401).transform(report))
    assert bench.sink.write(second).rows_in == 401
    assert bench.staged() == [0, 0, 0]


def test_what_a_crash_of_postgres_took_is_noticed_and_nothing_is_written(bench: Bench) -> None:
    staged = bench.scorer.staged_batch(0, bench.scored().transform(bench.stage.report))
    bench.owner("truncate ops.stage_fact")  # as an unlogged table is after a crash
    before = content(bench)
    with pytest.raises(StagingLostError, match="of 393 staged facts and 51 alerts 1 and 51 are left"):
        bench.sink.write(staged)
    assert content(bench) == before


def test_a_batch_whose_staged_rows_are_lost_is_read_again(
    settings: Settings, drain: Callable[[Settings], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = []

    def losing(cursor: Cursor, *arguments: Any, **options: Any) -> Any:
        if not lost:
            lost.append(True)
            cursor.execute("truncate ops.stage_fact")
        return move(cursor, *arguments, **options)

    move = sink_module.move
    monkeypatch.setattr(sink_module, "move", losing)
    send(settings, map(mixed, range(1500)))
    drain(settings.model_copy(update={"stream_retry_limit_seconds": 300.0}))
    assert lost
    assert differences(settings) == []
    assert Warehouse(settings).value("select epoch from ops.stream_query") == 2


@dataclass(frozen=True)
class MortalCopy:
    """Copies; the first one of all is killed when Postgres has half of it."""

    grave: Path

    def __call__(self, cursor: Cursor, table: tuple[str, ...], rows: pa.Table) -> None:
        try:
            self.grave.touch(exist_ok=False)
        except FileExistsError:
            return copy_into(cursor, table, rows)
        statement = f"copy {'.'.join(table)} ({', '.join(rows.column_names)}) from stdin (format binary)"
        return cursor.copy_expert(statement, _Half(b"".join(encoded(rows))), size=1024)


class _Half(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > len(self.getbuffer()) // 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(size)


def test_a_task_killed_in_mid_copy_is_tried_again_and_nothing_is_doubled(
    bench: Bench, tmp_path: Path
) -> None:
    mortal = replace(bench.stage, copy=MortalCopy(tmp_path / "grave"))
    staged = bench.scorer.staged_batch(0, bench.scored().transform(mortal.report))
    assert (tmp_path / "grave").exists()
    assert bench.sink.write(staged) == WHOLE
    assert bench.rows("select count(*)::int from core.fact_transaction") == [(WHOLE.facts,)]
    assert bench.staged() == [0, 0, 0]


@dataclass(frozen=True)
class DyingAfterCommit:
    """A stage whose first task of all is killed between its commit and its report."""

    stage: Stage
    grave: Path

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        report = list(self.stage(batches))
        try:
            self.grave.touch(exist_ok=False)
        except FileExistsError:
            yield from report
        else:
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_task_killed_after_its_commit_leaves_rows_that_are_never_moved(
    bench: Bench, tmp_path: Path
) -> None:
    schema = bench.stage.report(bench.scored()).schema
    reported = bench.scored().mapInArrow(DyingAfterCommit(bench.stage, tmp_path / "grave"), schema)  # type: ignore[arg-type]
    staged = bench.scorer.staged_batch(0, reported)
    assert len(staged.attempts) == 2
    assert bench.rows("select count(*)::int, max(attempt_number) from ops.stage_attempt") == [(3, 1)]
    assert bench.sink.write(staged) == WHOLE
    assert bench.staged() == [0, 0, 0]


def test_a_refusal_by_postgres_ends_the_stream_with_its_sentence(
    bench: Bench, drain: Callable[[Settings], None]
) -> None:
    bench.owner("revoke insert on ops.stage_fact from stream_writer")
    send(bench.settings, map(mixed, range(100)))
    refusal = r"Postgres refuses the batch \(permission denied for table stage_fact"
    with pytest.raises(TxwatchError, match=refusal):
        drain(bench.settings)


def test_rows_staged_under_an_earlier_start_are_not_written(bench: Bench) -> None:
    staged = bench.scorer.staged_batch(0, bench.scored().transform(bench.stage.report))
    with closing(connect(bench.settings.postgres("stream_writer"))) as connection:
        later = open_epoch(connection, "transactions", {})
    assert later == Epoch("transactions", 2, {(bench.settings.kafka_transactions_topic, 0): 0})
    with pytest.raises(TxwatchError, match="epoch 2 has taken over from epoch 1"):
        bench.sink.write(staged)
    assert bench.rows("select count(*)::int from core.fact_transaction") == [(0,)]
