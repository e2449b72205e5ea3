"""Whatever is repeated, added, lost or away while the stream runs: each record counts once."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import boto3
import pytest
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from oracle.balance import Warehouse, differences, ends
from oracle.deadline import until
from oracle.feed import event, identifier, mixed, send
from txwatch.embedded.ports import free_port
from txwatch.errors import FencedError, TxwatchError, UnavailableError
from txwatch.postgres import connect
from txwatch.settings import Settings
from txwatch.stream.query import TransactionStream

Drain = Callable[[Settings], None]

both_modes = pytest.mark.parametrize("sink_mode", ["driver", "executors"])


@both_modes
def test_everything_is_read_once_over_several_starts(
    settings: Settings, drain: Drain, warehouse: Warehouse
) -> None:
    send(settings, map(mixed, range(2500)))
    drain(settings)
    drain(settings)  # nothing new: ends all the same
    send(settings, map(mixed, range(2500, 3000)), partition=1)
    drain(settings)
    assert differences(settings) == []
    assert warehouse.value("select epoch from ops.stream_query") == 3
    assert warehouse.value("select max(rows_in) from ops.stream_ledger") <= 1000


@both_modes
def test_of_records_with_one_id_the_first_is_kept_and_the_others_are_counted(
    settings: Settings, drain: Drain, warehouse: Warehouse
) -> None:
    inside = [event(1), event(1, amount="2.00"), event(2)]
    across = [event(2, amount="9.00"), event(3), event(1, amount="3.00")]
    send(settings, [*inside, *across])
    drain(settings.model_copy(update={"stream_max_batch_rows": 3}))
    assert warehouse.rows(
        "select transaction_id::text, amount::text from core.fact_transaction order by 1"
    ) == [(identifier(1, 1), "2.01"), (identifier(1, 2), "3.02"), (identifier(1, 3), "4.03")]
    assert warehouse.rows("select facts, duplicates from ops.stream_ledger order by ledger_seq") == [
        (2, 1),
        (1, 2),
    ]
    assert differences(settings) == []


@both_modes
def test_an_unknown_customer_or_merchant_gets_a_dimension_row_that_says_so(
    settings: Settings, drain: Drain, warehouse: Warehouse
) -> None:
    send(settings, [event(1), event(2, customer_id=identifier(2, 1))])
    drain(settings)
    assert warehouse.rows("select customer_id::text, name, is_inferred from core.dim_customer") == [
        (identifier(2, 1), None, True)
    ]
    assert warehouse.rows(
        "select merchant_id::text, name, is_inferred from core.dim_merchant order by 1"
    ) == [(identifier(3, 1), None, True), (identifier(3, 2), None, True)]


@both_modes
def test_a_batch_that_fails_once_is_read_again_though_nothing_follows_it(
    settings: Settings, new_stream: Callable[[Settings], TransactionStream], warehouse: Warehouse
) -> None:
    send(settings, map(mixed, range(100)))
    failing = new_stream(settings)
    failures = iter([RuntimeError("broken once")])

    def break_once(step: str) -> None:
        if step == "rollups" and (failure := next(failures, None)):
            raise failure

    failing.reached = break_once
    failing.until_drained = True
    failing.run()
    assert differences(settings) == []
    assert warehouse.value("select epoch from ops.stream_query") == 2


def test_a_partition_added_while_the_stream_runs_is_read_from_its_beginning(
    settings: Settings, in_background: Any, warehouse: Warehouse
) -> None:
    topic, added = settings.kafka_transactions_topic, settings.kafka_partitions
    send(settings, map(mixed, range(100)))
    with in_background(settings):
        until(lambda: warehouse.ledger_ends().get(0) == 100)
        admin = AdminClient(settings.kafka_client())
        admin.create_partitions([NewPartitions(topic, added + 1)])[topic].result(30)
        send(settings, map(mixed, range(100, 200)), partition=added)
        until(lambda: warehouse.ledger_ends().get(added) == 100)
    assert differences(settings) == []


def test_spark_notes_no_watermark_for_each_batch(
    settings: Settings, in_background: Any, warehouse: Warehouse
) -> None:
    """It would forget none of them, for as long as the stream lives: progress is written aside."""
    send(settings, map(mixed, range(10)))
    with in_background(settings) as running:
        until(lambda: warehouse.ledger_ends().get(0) == 10)
        (query,) = running.stream.spark.streams.active
        propagator = query._jsq.streamingQuery().watermarkPropagator()  # noqa: SLF001 - nothing public tells
        assert propagator.getClass().getSimpleName() == "UseSingleWatermarkPropagator"


@both_modes
def test_the_checkpoint_on_s3_may_vanish_while_the_stream_runs(
    settings: Settings, in_background: Any, warehouse: Warehouse
) -> None:
    bucket = boto3.resource("s3", **settings.s3()).Bucket(settings.s3_bucket)
    sent = 0

    def send_more(count: int) -> None:
        nonlocal sent
        send(settings, map(mixed, range(sent, sent + count)))
        sent += count

    def is_noted() -> bool:
        """Progress is written beside the batches, once a second at most: a batch may have to follow."""
        if any(bucket.objects.filter(Prefix="checkpoints/transactions/")):
            return True
        send_more(1)
        return False

    send_more(300)
    with in_background(settings) as running:
        until(lambda: warehouse.ledger_ends().get(0) == sent)
        for _ in range(2):
            until(is_noted)
            bucket.objects.all().delete()
            send_more(100)
            until(lambda: warehouse.ledger_ends().get(0) == sent)
    assert running.error is None
    assert differences(settings) == []


def test_a_checkpoint_of_a_warehouse_that_was_thrown_away_is_not_gone_on_from(
    settings: Settings, drain: Drain
) -> None:
    send(settings, map(mixed, range(300)))
    drain(settings)
    with closing(connect(settings.postgres("warehouse_owner"))) as connection, connection:
        connection.cursor().execute(
            "truncate core.fact_transaction, core.fact_alert, core.rollup_minute, ops.quarantine, "
            "ops.stream_ledger, ops.stream_offset, ops.stream_query"
        )
    drain(settings)
    assert differences(settings) == []


def test_without_s3_the_checkpoint_lies_on_the_local_disk(settings: Settings, drain: Drain) -> None:
    send(settings, map(mixed, range(100)))
    drain(settings.model_copy(update={"s3_endpoint": f"http://127.0.0.1:{free_port()}"}))
    assert differences(settings) == []
    checkpoints = settings.state_dir / "checkpoints" / "transactions"
    assert [folder.name for folder in checkpoints.iterdir()] == ["epoch=1"]


@both_modes
def test_of_two_streams_at_once_the_later_one_goes_on_alone(
    settings: Settings, in_background: Any, warehouse: Warehouse
) -> None:
    send(settings, map(mixed, range(100)))
    with in_background(settings) as first:
        until(lambda: warehouse.ledger_ends().get(0) == 100)
        with in_background(settings) as second:
            until(lambda: warehouse.value("select epoch from ops.stream_query") == 2)
            send(settings, map(mixed, range(100, 2000)))
            first.join()
            assert isinstance(first.error, FencedError)
            assert str(first.error) == "query transactions: epoch 2 has taken over from epoch 1"
            until(lambda: warehouse.ledger_ends().get(0) == 2000)
        assert second.error is None
    assert warehouse.value("select epoch from ops.stream_query") == 2
    assert differences(settings) == []


def test_a_topic_that_was_made_anew_is_refused(settings: Settings, drain: Drain) -> None:
    topic = settings.kafka_transactions_topic
    send(settings, map(mixed, range(100)))
    drain(settings)
    admin = AdminClient(settings.kafka_client())
    admin.delete_topics([topic])[topic].result(30)
    until(lambda: _is_made(admin, NewTopic(topic, settings.kafka_partitions, 1)))
    send(settings, map(mixed, range(10)))
    with pytest.raises(TxwatchError, match=f"{topic}-0: the ledger is at offset 100 but Kafka ends at 10"):
        drain(settings)


def _is_made(admin: AdminClient, topic: NewTopic) -> bool:
    """Try to make a topic whose deletion may still be under way."""
    try:
        admin.create_topics([topic])[topic.topic].result(30)
    except KafkaException:
        return False
    return True


def test_records_that_kafka_dropped_before_they_were_read_are_told(settings: Settings, drain: Drain) -> None:
    topic = settings.kafka_transactions_topic
    send(settings, map(mixed, range(100)))
    drain(settings)
    send(settings, map(mixed, range(100, 200)))
    admin = AdminClient(settings.kafka_client())
    for future in admin.delete_records([TopicPartition(topic, 0, 150)]).values():
        future.result(30)
    with pytest.raises(TxwatchError, match=f"{topic}-0: offsets 100 to 149 are gone from Kafka"):
        drain(settings)


@both_modes
def test_without_postgres_the_stream_ends_after_its_limit(
    settings: Settings, in_background: Any, drain: Drain, warehouse: Warehouse, postgres_wire: Any
) -> None:
    impatient = {"postgres_port": postgres_wire.port, "stream_retry_limit_seconds": 3.0}
    send(settings, map(mixed, range(100)))
    with in_background(settings.model_copy(update=impatient)) as running:
        until(lambda: warehouse.ledger_ends().get(0) == 100)
        postgres_wire.cut()
        send(settings, map(mixed, range(100, 200)))
        running.join()
    assert isinstance(running.error, UnavailableError)
    assert "a restart continues where it left off" in str(running.error)
    drain(settings)
    assert differences(settings) == []


def test_without_kafka_the_stream_ends_after_its_limit(settings: Settings, drain: Drain) -> None:
    away = {"kafka_bootstrap_servers": f"127.0.0.1:{free_port()}", "stream_retry_limit_seconds": 1.0}
    with pytest.raises(UnavailableError, match="Kafka does not answer"):
        drain(settings.model_copy(update=away))


def test_a_stream_that_had_nothing_to_do_is_as_patient_as_a_busy_one(
    settings: Settings, in_background: Any, warehouse: Warehouse
) -> None:
    bucket = boto3.resource("s3", **settings.s3()).Bucket(settings.s3_bucket)
    send(settings, map(mixed, range(100)))
    with in_background(settings.model_copy(update={"stream_retry_limit_seconds": 2.0})) as running:
        until(lambda: warehouse.ledger_ends().get(0) == 100)
        is_idle_for_longer = "select clock_timestamp() - max(committed_at) > '3 s' from ops.stream_ledger"
        until(lambda: warehouse.value(is_idle_for_longer))
        bucket.objects.all().delete()  # the next batch fails and is tried again
        send(settings, map(mixed, range(100, 200)))
        until(lambda: warehouse.ledger_ends().get(0) == 200)
    assert running.error is None


@both_modes
def test_a_stop_lets_the_batch_in_flight_finish(
    settings: Settings, in_background: Any, drain: Drain, warehouse: Warehouse
) -> None:
    send(settings, map(mixed, range(8_000)))
    with in_background(settings) as running:
        until(lambda: warehouse.ledger_ends().get(0, 0) > 0)
    assert running.error is None
    assert 0 < warehouse.ledger_ends()[0] < ends(settings)[0]
    drain(settings)
    assert differences(settings) == []
