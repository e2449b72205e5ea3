"""The Kafka end of the stream."""

import json

from confluent_kafka import Consumer, KafkaException, TopicPartition
from pyspark.sql import DataFrame, SparkSession

from txwatch.errors import UnavailableError
from txwatch.settings import Settings
from txwatch.stream.offsets import Offsets

_TIMEOUT = 10.0
_CONSUMER = {
    # Fewer, larger fetches: together they halve the CPU per row of the defaults. Spark asks for the topic's
    # bounds after each poll, which throws away what is left of a fetch: so a poll takes all of it.
    "kafka.max.poll.records": "50000",
    "kafka.max.partition.fetch.bytes": str(4 << 20),
    "kafka.fetch.max.bytes": str(4 << 20),
    "kafka.receive.buffer.bytes": str(1 << 20),
    # After a poll that came to the end of a partition, the client asks the broker for what follows, and waits
    # for that answer before any other: half a second by default, twice a batch.
    "kafka.fetch.max.wait.ms": "20",
}


def watermarks(settings: Settings, topic: str) -> dict[tuple[str, int], tuple[int, int]]:
    """Return the first and the next offset of each partition of a topic.

    Raises:
        UnavailableError: Kafka does not answer, or has no such topic.
    """
    consumer = Consumer(
        {**settings.kafka_client(), "group.id": "txwatch-watermarks", "enable.auto.commit": False}
    )
    try:
        found = consumer.list_topics(topic, timeout=_TIMEOUT).topics[topic]
        if found.error is not None or not found.partitions:
            raise UnavailableError(f"Kafka has no topic {topic}: make it, or run `txwatch up`")
        return {
            (topic, partition): consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=_TIMEOUT
            )
            for partition in found.partitions
        }
    except KafkaException as error:
        servers = settings.kafka_bootstrap_servers
        raise UnavailableError(
            f"Kafka does not answer at {servers} ({error}): "
            "start it with `txwatch up`, or correct TXWATCH_KAFKA_BOOTSTRAP_SERVERS"
        ) from error
    finally:
        consumer.close()


def read_transactions(spark: SparkSession, settings: Settings, begin: Offsets) -> DataFrame:
    """Stream the topic's records from given offsets on; new partitions are read from their beginning."""
    subscribed = settings.kafka_transactions_topic
    starts = {str(partition): offset for (topic, partition), offset in begin.items() if topic == subscribed}
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.require("kafka_bootstrap_servers"))
        .option("subscribe", subscribed)
        .option("startingOffsets", json.dumps({subscribed: starts}))
        .option("failOnDataLoss", "true")
        .option("maxOffsetsPerTrigger", settings.stream_max_batch_rows)
        .options(**_CONSUMER)
        .load()
    )
