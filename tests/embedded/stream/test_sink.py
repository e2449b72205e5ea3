"""What the sink does with one and the same batch when it is not sure what became of it."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from types import TracebackType

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class is spelled like a function
from pyspark.sql import SparkSession

from oracle.balance import Warehouse
from oracle.feed import mixed
from txwatch.errors import FencedError
from txwatch.postgres import connect
from txwatch.settings import Settings
from txwatch.stream import sink as sink_module
from txwatch.stream.ledger import Epoch, Totals, new_holder, open_epoch
from txwatch.stream.moving import StagedBatch
from txwatch.stream.rules import Ruleset, load_ruleset
from txwatch.stream.scorer import Scorer
from txwatch.stream.sink import ScoredBatch, WarehouseSink
from txwatch.stream.staging import stage_for

RECORDS = "topic string, partition int, offset bigint, timestamp timestamp, key binary, value binary"
APPENDED_AT = datetime(2026, 3, 1, tzinfo=UTC)

# Of `mixed`: four malformed records (49, 99, 149, 199), four that repeat an earlier id (39, 79, 119, 159);
# twenty foreign ones (0, 10 ... 190) and five more that lie off the globe (33, 66, 132, 165, 198).
WHOLE = Totals(rows_in=200, facts=192, alerts=25, quarantined=4, duplicates=4)
Batch = ScoredBatch | StagedBatch
NOTHING = Totals(rows_in=0, facts=0, alerts=0, quarantined=0, duplicates=0)


@pytest.fixture
def ruleset(settings: Settings) -> Ruleset:
    return load_ruleset(settings.stream_ruleset)


@pytest.fixture(params=["driver", "executors"])
def sink_mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def batch(settings: Settings, ruleset: Ruleset, spark: SparkSession) -> Batch:
    topic = settings.kafka_transactions_topic
    records = [(topic, 0, offset, APPENDED_AT, None, mixed(offset)) for offset in range(200)]
    scorer = Scorer(settings, ruleset, lambda: spark)
    scored = scorer.prepare(spark.createDataFrame(records, RECORDS))
    if settings.stream_sink_mode == "driver":
        return scorer.batch(0, scored.toArrow())
    stage = stage_for(settings, Epoch("transactions", 1, {}), ruleset)
    return scorer.staged_batch(0, scored.transform(stage.report))


def start(settings: Settings) -> Epoch:
    with closing(connect(settings.postgres("stream_writer"))) as connection:
        return open_epoch(connection, "transactions", {(settings.kafka_transactions_topic, 0): 0})


@pytest.fixture
def sink(settings: Settings, ruleset: Ruleset) -> Iterator[WarehouseSink]:
    with closing(WarehouseSink(settings, start(settings), ruleset)) as opened:
        yield opened


def content(warehouse: Warehouse) -> list[object]:
    """All that a batch leaves behind."""
    tables = (
        *("core.fact_transaction", "core.fact_alert", "core.rollup_minute", "core.dim_customer"),
        *("core.dim_merchant", "ops.quarantine", "ops.stream_ledger", "ops.stream_offset"),
    )
    columns = {"core.dim_customer": "customer_id, is_inferred, updated_at"}  # not everything is for everybody
    return [
        warehouse.rows(f"select {columns.get(table, '*')} from {table} order by 1, 2, 3") for table in tables
    ]


def test_a_batch_written_twice_is_written_once(
    sink: WarehouseSink, batch: Batch, warehouse: Warehouse
) -> None:
    assert sink.write(batch) == WHOLE
    once = content(warehouse)
    assert sink.write(batch) == NOTHING
    assert content(warehouse) == once


class Forgetful(Connection):
    """Commits, and loses the answer."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if kind is None and _has_facts(self):
            self.close()
            raise psycopg2.OperationalError("server closed the connection unexpectedly")


def _has_facts(connection: Connection) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select exists (select from core.fact_transaction where transaction_id is not null)")
        row = cursor.fetchone()
    return row is not None and bool(row[0])


def test_a_connection_lost_between_the_commit_and_its_answer_is_harmless(
    sink: WarehouseSink,
    batch: Batch,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factories = [Forgetful, Connection]
    monkeypatch.setattr(
        sink_module, "connect", lambda options: connect({**options, "connection_factory": factories.pop(0)})
    )
    assert sink.write(batch) == NOTHING  # as the second attempt found it
    assert factories == []
    assert warehouse.rows(
        "select rows_in, facts, alerts, quarantined, duplicates from ops.stream_ledger"
    ) == [(WHOLE.rows_in, WHOLE.facts, WHOLE.alerts, WHOLE.quarantined, WHOLE.duplicates)]
    assert warehouse.value("select sum(transactions) from core.rollup_minute") == WHOLE.facts


def test_a_batch_that_fails_in_its_middle_leaves_nothing(
    sink: WarehouseSink,
    batch: Batch,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = content(warehouse)

    def fail(*_: object) -> None:
        raise RuntimeError("just before the commit")

    with monkeypatch.context() as patch:
        patch.setattr(sink_module, "settle", fail)
        with pytest.raises(RuntimeError, match="just before the commit"):
            sink.write(batch)
    assert content(warehouse) == before
    assert sink.write(batch) == WHOLE


def test_the_sink_of_an_earlier_start_writes_nothing(
    sink: WarehouseSink, batch: Batch, settings: Settings, warehouse: Warehouse
) -> None:
    start(settings)
    before = content(warehouse)
    with pytest.raises(FencedError, match="epoch 2 has taken over from epoch 1"):
        sink.write(batch)
    assert content(warehouse) == before


@pytest.mark.parametrize("sink_mode", ["driver"])
def test_an_earlier_start_does_not_take_the_query_back_by_itself(settings: Settings) -> None:
    earlier, later = start(settings), start(settings)
    with closing(connect(settings.postgres("stream_writer"))) as connection:
        with pytest.raises(FencedError, match="epoch 2 has taken over from epoch 1"):
            open_epoch(connection, "transactions", {}, earlier.number)
        assert open_epoch(connection, "transactions", {}, later.number).number == 3


@pytest.mark.parametrize("sink_mode", ["driver"])
def test_a_start_whose_answer_was_lost_is_no_other_one(settings: Settings) -> None:
    holder = new_holder()
    with closing(connect(settings.postgres("stream_writer"))) as connection:
        known = open_epoch(connection, "transactions", {}, holder=holder)
        open_epoch(connection, "transactions", {}, known.number, holder)  # it never heard of this
        assert open_epoch(connection, "transactions", {}, known.number, holder).number == 3
        start(settings)
        with pytest.raises(FencedError, match="epoch 4 has taken over from epoch 1"):
            open_epoch(connection, "transactions", {}, known.number, holder)


def test_a_start_does_not_wait_for_one_that_froze_in_mid_batch(
    sink: WarehouseSink, batch: Batch, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs: list[int] = []

    def freeze(*_: object) -> None:
        monkeypatch.undo()
        epochs.append(start(settings).number)  # while the batch holds its locks

    monkeypatch.setattr(sink_module, "settle", freeze)
    with pytest.raises(FencedError):
        sink.write(batch)
    assert epochs == [2]
