"""The status reads real offsets and a real ledger."""

import json
from contextlib import closing

import psycopg2
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from txwatch.cli.main import app
from txwatch.errors import UnavailableError
from txwatch.settings import Settings
from txwatch.warehouse.pipeline_reading import PipelineReader
from txwatch.warehouse.pipeline_status import PipelineStatus, assess


def produce(settings: Settings, records: dict[int, int]) -> None:
    producer = Producer(settings.kafka_client())
    for partition, count in records.items():
        for _ in range(count):
            producer.produce(settings.kafka_transactions_topic, value=b"x", partition=partition)
    assert producer.flush(30) == 0


BATCH = """
insert into ops.stream_ledger (query, epoch, batch_id, offset_ranges, rows_in, facts, alerts, quarantined,
                               duplicates, latency_p50_ms, latency_p95_ms, committed_at)
values ('transactions', 1, 0, '[]', %s, %s, 2, %s, 0, 120, 340, clock_timestamp())
"""
OFFSET = "insert into ops.stream_offset values ('transactions', %s, %s, %s)"


def commit_batch(settings: Settings, next_offsets: dict[int, int], quarantined: int) -> None:
    rows = sum(next_offsets.values())
    topic = settings.kafka_transactions_topic
    connection = psycopg2.connect(**settings.postgres("stream_writer"))
    with closing(connection), connection, connection.cursor() as cursor:
        cursor.execute(BATCH, (rows, rows - quarantined, quarantined))
        cursor.executemany(OFFSET, [(topic, *progress) for progress in next_offsets.items()])


def status_of(settings: Settings) -> PipelineStatus:
    with PipelineReader(settings) as reader:
        return assess(reader.read())


def test_before_the_stream_begins_everything_is_lag(pipeline: Settings) -> None:
    produce(pipeline, {0: 3, 2: 1})
    status = status_of(pipeline)
    assert status.lag == status.archive_lag == {0: 3, 1: 0, 2: 1, 3: 0}
    assert (status.facts, status.seconds_since_commit) == (0, None)


def test_a_committed_batch_shows(pipeline: Settings) -> None:
    produce(pipeline, {0: 30, 1: 10})
    commit_batch(pipeline, {0: 25, 1: 10}, quarantined=5)
    status = status_of(pipeline)
    assert status.lag == {0: 5, 1: 0, 2: 0, 3: 0}
    assert (status.produced, status.facts, status.alerts, status.quarantined) == (40, 30, 2, 5)
    assert status.rows_per_second == pytest.approx(3.5)
    assert (status.latency_p50_ms, status.latency_p95_ms) == (120, 340)
    assert status.seconds_since_commit is not None
    assert 0 <= status.seconds_since_commit < 60


def test_programs_can_read_it(pipeline_environment: dict[str, str]) -> None:
    answer = CliRunner().invoke(app, ["status", "--json"], env=pipeline_environment)
    document = json.loads(answer.stdout)
    assert {"kafka", "postgres", "s3"} <= document["processes"].keys()
    assert document["processes"]["kafka"]["memory_bytes"] > 50 * 2**20
    assert document["stream"]["total_lag"] == 0


def test_kafka_away_is_one_sentence(pipeline: Settings) -> None:
    nowhere = pipeline.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    with pytest.raises(UnavailableError, match="Kafka is away"):
        status_of(nowhere)
