from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from txwatch.errors import UnavailableError
from txwatch.warehouse.verify.inputs import Bounds

TIMEOUT_SECONDS = 10.0


def read_bounds(client: Mapping[str, Any], topic: str) -> dict[int, Bounds]:
    """Read where each partition of a topic begins and ends.

    Args:
        client: librdkafka's options, as `Settings.kafka_client` returns them.
        topic: the topic's name.

    Raises:
        UnavailableError: no broker answers, or there is no such topic.
    """
    consumer = Consumer({**client, "group.id": "txwatch-verify", "enable.auto.commit": False})
    try:
        metadata = consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
        if metadata.error is not None:
            raise UnavailableError(f"the topic {topic} is not there: make it with `txwatch up`")
        return {
            partition: Bounds(
                *consumer.get_watermark_offsets(TopicPartition(topic, partition), TIMEOUT_SECONDS)
            )
            for partition in sorted(metadata.partitions)
        }
    except KafkaException as error:
        raise UnavailableError(f"Kafka does not answer ({error}): start it with `txwatch up`") from error
    finally:
        consumer.close()
