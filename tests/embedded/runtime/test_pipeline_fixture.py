"""The servers that other tests are given do what they are there for."""

from contextlib import closing

import boto3
import psycopg2
import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, Producer

from txwatch.embedded.runtime import Runtime
from txwatch.errors import UsageError
from txwatch.settings import Settings


def test_a_record_comes_back_with_the_brokers_own_time(pipeline: Settings) -> None:
    producer = Producer(pipeline.kafka_client())
    producer.produce(pipeline.kafka_transactions_topic, key=b"k", value=b"v", timestamp=1)
    assert producer.flush(30) == 0
    consumer = Consumer(pipeline.kafka_client() | {"group.id": "t", "auto.offset.reset": "earliest"})
    with closing(consumer):
        consumer.subscribe([pipeline.kafka_transactions_topic])
        (record,) = consumer.consume(1, timeout=30)
    assert (record.key(), record.value()) == (b"k", b"v")
    kind, appended_at_ms = record.timestamp()
    assert kind == TIMESTAMP_LOG_APPEND_TIME
    assert appended_at_ms > 1


def test_an_address_from_elsewhere_is_refused(
    shared_runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TXWATCH_POSTGRES_HOST", "warehouse.example")
    with pytest.raises(UsageError, match=r"TXWATCH_POSTGRES_HOST is set to warehouse\.example, but"):
        shared_runtime.settings()


def test_every_test_has_an_empty_warehouse(pipeline: Settings) -> None:
    with (
        closing(psycopg2.connect(**pipeline.postgres("dashboard_reader"))) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select count(*) from core.fact_transaction")
        assert cursor.fetchone() == (0,)


def test_postgres_confirms_a_commit_only_when_it_is_on_disk(pipeline: Settings) -> None:
    with (
        closing(psycopg2.connect(**pipeline.postgres("analyst"))) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select current_setting('fsync'), current_setting('synchronous_commit')")
        assert cursor.fetchone() == ("on", "on")


def test_the_bucket_keeps_an_object(pipeline: Settings) -> None:
    s3 = boto3.client("s3", **pipeline.s3())
    s3.put_object(Bucket=pipeline.s3_bucket, Key="a/b", Body=b"content")
    assert s3.get_object(Bucket=pipeline.s3_bucket, Key="a/b")["Body"].read() == b"content"
