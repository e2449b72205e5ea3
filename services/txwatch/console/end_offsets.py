"""Where each partition of a topic ends, asked of Kafka: the ledger knows only what has been committed."""

from confluent_kafka import Consumer, KafkaException, TopicPartition

from txwatch.errors import UnavailableError

TIMEOUT_SECONDS = 1.5


class EndOffsets:
    """Asks a cluster for end offsets; it joins no group and reads no record."""

    def __init__(self, client: dict[str, str | int]) -> None:
        self._servers = client["bootstrap.servers"]
        self._consumer = Consumer(
            client | {"group.id": "txwatch-console", "enable.auto.commit": False, "log_level": 0}
        )

    def of_topic(self, topic: str) -> dict[int, int]:
        """Return the end offset of every partition of `topic`; none when there is no such topic.

        Raises:
            UnavailableError: Kafka does not answer in time.
        """
        try:
            partitions = self._consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic].partitions
            return {number: self._end(topic, number) for number in partitions}
        except KafkaException:
            raise UnavailableError(
                f"Kafka at {self._servers} does not answer: start it with `txwatch up`"
            ) from None

    def _end(self, topic: str, number: int) -> int:
        place = TopicPartition(topic, number)
        offsets = self._consumer.get_watermark_offsets(place, timeout=TIMEOUT_SECONDS)
        if offsets is None:
            raise KafkaException(f"no offsets of {topic}/{number} within {TIMEOUT_SECONDS} s")
        end: int = offsets[1]
        return end
