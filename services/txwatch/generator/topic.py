"""Reading a topic's ends and tail: what is already there when a run goes on."""

import time
from collections import defaultdict
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from txwatch.errors import UnavailableError
from txwatch.generator.progress import Offsets
from txwatch.settings import Settings

ANSWER_SECONDS = 15.0
CONSUME_SECONDS = 0.1
BATCH = 10_000

_CONSUMER_OPTIONS = {
    "group.id": "txwatch-generator",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",
    "log_level": 2,
    "allow.auto.create.topics": False,
}


@dataclass(frozen=True)
class Stored:
    """Key and value of a record in a topic."""

    key: bytes | None
    value: bytes | None


class Topic:
    """One topic of the brokers in the settings.

    Raises:
        UnavailableError: Kafka does not answer or has no such topic; on construction too.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        self.name = name
        self._servers = settings.require("kafka_bootstrap_servers")
        self._consumer = Consumer({**settings.kafka_client(), **_CONSUMER_OPTIONS})
        self.partitions = self._count_partitions()

    def _count_partitions(self) -> int:
        try:
            metadata = self._consumer.list_topics(self.name, timeout=ANSWER_SECONDS).topics[self.name]
        except KafkaException as error:
            raise self._unavailable(error) from None
        if metadata.error is not None:
            raise UnavailableError(
                f"Kafka at {self._servers} has no topic {self.name!r} ({metadata.error.str()}): "
                "run `txwatch up`"
            )
        return len(metadata.partitions)

    def _unavailable(self, error: Exception | KafkaError) -> UnavailableError:
        return UnavailableError(
            f"Kafka at {self._servers} does not answer ({error}): run `txwatch up`, or set "
            "TXWATCH_KAFKA_BOOTSTRAP_SERVERS"
        )

    def ends(self) -> Offsets:
        """Return the offset after the last record, by partition."""
        try:
            return {
                partition: self._consumer.get_watermark_offsets(
                    TopicPartition(self.name, partition), timeout=ANSWER_SECONDS
                )[1]
                for partition in range(self.partitions)
            }
        except KafkaException as error:
            raise self._unavailable(error) from None

    def read_from(self, starts: Offsets) -> dict[int, list[Stored]]:
        """Read every partition from the given offset to its present end."""
        unread = {partition for partition, end in self.ends().items() if starts.get(partition, 0) < end}
        self._consumer.assign([TopicPartition(self.name, each, starts.get(each, 0)) for each in unread])
        stored: dict[int, list[Stored]] = defaultdict(list)
        while unread:
            for message in self._next_messages():
                partition, error = message.partition() or 0, message.error()
                if error is None:
                    stored[partition].append(Stored(message.key(), message.value()))
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                    unread.discard(partition)
                else:
                    raise self._unavailable(error)
        self._consumer.unassign()
        return stored

    def _next_messages(self) -> list[Message]:
        """Wait for some messages; `consume` returns only when it has all it may, or at its timeout."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            if messages := self._consumer.consume(BATCH, timeout=CONSUME_SECONDS):
                return messages
        raise self._unavailable(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its public name

    def close(self) -> None:
        """Give the connection back."""
        self._consumer.close()
