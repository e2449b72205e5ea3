"""Malformed records among good ones: each held, the good ones through, replay exactly once."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from pyspark.sql import SparkSession

from txwatch.postgres import connect
from txwatch.settings import SERVICES_DIR, Settings
from txwatch.stream.query import TransactionStream
from txwatch.stream.replay import QuarantineReplay, ReplayResult
from txwatch.stream.rules import Ruleset, load_ruleset

EVENT = (
    '{"transaction_id":"019ca8f0-0000-7000-8000-%012d","customer_id":"7d444840-9dc0-41d1-b245-5ffdce74fad2",'
    '"merchant_id":"0e37df36-f698-41e6-8d75-9d28f9f7b6f1","amount":%s,"currency":"%s",'
    '"occurred_at":"2026-01-31T23:59:59.000Z","latitude":48.2,"longitude":16.4,"country":"AT",'
    '"is_foreign":false,"device_id":"d","payment_method":"chip"}'
)


@pytest.fixture(scope="module")
def ruleset() -> Ruleset:
    return load_ruleset(SERVICES_DIR / "rules" / "default.yaml")


@pytest.fixture
def held(pipeline: Settings, tmp_path: Path) -> Settings:
    """Return the test's own pipeline, with its checkpoints on the local disk."""
    return pipeline.model_copy(update={"stream_checkpoint": "local", "state_dir": tmp_path})


def produce(settings: Settings, values: Sequence[bytes | None]) -> None:
    producer = Producer(settings.kafka_client())
    for value in values:
        producer.produce(settings.kafka_transactions_topic, value, key=b"k")
    assert producer.flush(30) == 0


def drain(settings: Settings, ruleset: Ruleset, spark: SparkSession) -> None:
    TransactionStream(settings, ruleset, spark, until_drained=True).run()


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with closing(connect(settings.postgres("dashboard_reader"))) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def facts(settings: Settings) -> list[int]:
    return [
        int(str(row[0])[-12:])
        for row in rows(settings, "select transaction_id from core.fact_transaction order by 1")
    ]


def test_what_becomes_valid_moves_into_the_facts_exactly_once(
    held: Settings, ruleset: Ruleset, spark: SparkSession
) -> None:
    produce(
        held,
        [
            (EVENT % (1, "10.00", "EUR")).encode(),
            (EVENT % (2, "20.00", "XTS")).encode(),
            (EVENT % (3, "30.00", "XTS")).encode(),
            (EVENT % (3, "30.00", "XTS")).encode(),
            (EVENT % (1, "10.00", "XTS")).encode(),
            (EVENT % (4, "-1.00", "EUR")).encode(),
            b"{",
            None,
        ],
    )
    drain(held, ruleset, spark)
    assert facts(held) == [1]
    assert rows(held, "select reason, count(*) from ops.quarantine group by 1 order by 1") == [
        ("amount_negative", 1),
        ("not_json", 1),
        ("tombstone", 1),
        ("unknown_currency", 4),
    ]

    widened = held.model_copy(update={"currencies": held.currencies | {"XTS"}})
    replay = QuarantineReplay(widened, ruleset, lambda: spark)
    first, second = replay.run(), replay.run()

    assert first == ReplayResult(looked_at=7, facts=2, duplicates=2, held=3)
    assert second == ReplayResult(looked_at=3, facts=0, duplicates=0, held=3)
    assert facts(held) == [1, 2, 3]
    assert rows(
        held,
        "select resolution, count(*) from ops.quarantine where resolution is not null group by 1 order by 1",
    ) == [("duplicate", 2), ("fact", 2)]
    assert rows(
        held, "select rows_in, facts, duplicates from ops.stream_ledger where query = 'quarantine-replay'"
    ) == [(4, 2, 2)]
    assert rows(held, "select sum(transactions), sum(amount)::text from core.rollup_minute") == [(3, "60.00")]


def test_replay_can_be_limited_to_a_reason(held: Settings, ruleset: Ruleset, spark: SparkSession) -> None:
    produce(held, [(EVENT % (1, "1.00", "XTS")).encode(), b"["])
    drain(held, ruleset, spark)

    widened = held.model_copy(update={"currencies": held.currencies | {"XTS"}})

    assert QuarantineReplay(widened, ruleset, lambda: spark).run("not_json").looked_at == 1
    assert facts(held) == []
    assert QuarantineReplay(widened, ruleset, lambda: spark).run("unknown_currency").facts == 1


def test_raw_bytes_are_kept_as_they_came(held: Settings, ruleset: Ruleset, spark: SparkSession) -> None:
    hostile = [b"\xff\x00\xfe", b'{"device_id":"\\u0000"}', b"\x1f\x8b\x08", b"<script>alert(1)</script>"]
    produce(held, hostile)

    drain(held, ruleset, spark)

    records = rows(
        held,
        "select raw, key, topic, kafka_offset, appended_at from ops.quarantine order by kafka_offset",
    )
    assert [bytes(row[0]) for row in records] == hostile
    assert {bytes(row[1]) for row in records} == {b"k"}
    assert {row[2] for row in records} == {held.kafka_transactions_topic}
    assert all(row[4] is not None for row in records)
