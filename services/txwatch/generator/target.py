"""Where records go: Kafka, or a file that shows the bytes."""

import time
from collections.abc import Collection
from typing import Any, BinaryIO, Protocol

import numpy as np
import structlog
from confluent_kafka import KafkaError, Message, Producer

from txwatch.errors import UnavailableError
from txwatch.generator.partitions import partitions
from txwatch.generator.source import Labels, Records
from txwatch.settings import Settings

log = structlog.get_logger()

QUEUE_RECORDS = 200_000
"""Most records that wait inside the client; at some 400 bytes each, 80 MB."""

_PRODUCER_OPTIONS: dict[str, Any] = {
    "enable.idempotence": True,
    "enable.gapless.guarantee": True,  # so that what is in a partition is a prefix of what was sent to it
    "acks": "all",
    "compression.type": "lz4",
    "linger.ms": 25,  # at 1,000 records/s, 5 ms made a request of nearly every record, at 0.8 of a core
    "batch.size": 1 << 20,
    "batch.num.messages": 20_000,
    "queue.buffering.max.messages": QUEUE_RECORDS,
    "queue.buffering.max.kbytes": 1 << 20,
    "delivery.report.only.error": True,
    "message.timeout.ms": 0,  # one record given up among others would leave a gap; see `_Patience`
    "log_level": 2,  # errors come to `error_cb`, which logs them
    "allow.auto.create.topics": False,
    "log.connection.close": False,
}


class Target(Protocol):
    """Takes a run's records and labels in order.

    `send` and `label` may return before anything is stored; `settle` returns when everything is, and raises
    when something is not: the run then goes on, later, from its last settled sequence.
    """

    def send(self, records: Records) -> None:
        """Take consecutive records."""

    def label(self, labels: Labels) -> None:
        """Take labels."""

    def settle(self) -> None:
        """Wait until all that was taken is stored."""


class _Patience:
    """Notices that deliveries have stopped: the number of waiting records has not gone down for too long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._before = 0
        self._moved_at = time.monotonic()

    def complaint(self, waiting: int) -> str | None:
        """Return what is wrong, if anything, when so many records wait."""
        if waiting == 0 or waiting < self._before:
            self._moved_at = time.monotonic()
        self._before = waiting
        idle = time.monotonic() - self._moved_at
        return f"nothing delivered for {idle:.0f} seconds" if idle > self._seconds else None


class KafkaTarget:
    """Sends records to the transactions topic and labels to the labels topic.

    Args:
        settings: say where Kafka is, what the topics are called and how long a delivery may take.
        partition_count: of the transactions topic.
        present_before: by partition, records with a smaller sequence are in the topic already.
        present_labels: transaction ids whose labels are in their topic already.
    """

    def __init__(
        self,
        settings: Settings,
        partition_count: int,
        present_before: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None,
        present_labels: Collection[bytes] = frozenset(),
    ) -> None:
        self._producer: Any = Producer(  # its type information knows no produce_batch
            {
                **settings.kafka_client(),
                **_PRODUCER_OPTIONS,
                "on_delivery": self._on_failure,
                "error_cb": self._on_error,
            }
        )
        self._settings = settings
        self._partition_count = partition_count
        self._present_before = present_before
        self._present_labels = present_labels
        self._failure: KafkaError | None = None
        self._patience = _Patience(settings.kafka_delivery_timeout_seconds)

    def _on_failure(self, error: KafkaError | None, _: Message) -> None:
        self._failure = self._failure or error

    def _on_error(self, error: KafkaError) -> None:
        log.warning("kafka_error", error=error.str())
        if error.fatal():
            self._failure = self._failure or error

    def send(self, records: Records) -> None:
        """Queue records, those of one partition in order."""
        partition_of = partitions(records.key_hashes, self._partition_count)
        if self._present_before is not None:
            sequences = np.arange(records.first, records.after)
            partition_of[sequences < self._present_before[partition_of]] = -1
        keys, values = records.keys, records.values
        for partition in range(self._partition_count):
            rows = np.flatnonzero(partition_of == partition).tolist()
            messages = [{"key": keys[row], "value": values[row]} for row in rows]
            self._queue(self._settings.kafka_transactions_topic, messages, partition)

    def label(self, labels: Labels) -> None:
        """Queue labels, keyed by their transaction's id."""
        messages = [
            {"key": key, "value": value} for key, value in labels.encode() if key not in self._present_labels
        ]
        for first in range(0, len(messages), QUEUE_RECORDS // 2):
            self._queue(self._settings.kafka_labels_topic, messages[first : first + QUEUE_RECORDS // 2])

    def _queue(self, topic: str, messages: list[dict[str, Any]], partition: int = -1) -> None:
        """Hand messages over when all have room: a batch that is refused in part would lose its order."""
        if not messages:
            return
        while (waiting := len(self._producer)) + len(messages) > QUEUE_RECORDS:
            self._producer.poll(0.01)
            self._check(waiting)
        queued = self._producer.produce_batch(topic, messages, partition=partition)
        if queued != len(messages):
            reason = next(message["_error"] for message in messages if "_error" in message)
            raise UnavailableError(f"Kafka's client refused a record for topic {topic!r}: {reason}")
        self._producer.poll(0)
        self._check(waiting)

    def settle(self) -> None:
        """Wait until every record is acknowledged by all in-sync replicas."""
        while waiting := self._producer.flush(0.5):
            self._check(waiting)
        self._check(waiting)

    def _check(self, waiting: int) -> None:
        reason = self._failure.str() if self._failure else self._patience.complaint(waiting)
        if reason is not None:
            self._producer.purge()  # or the client would go on trying until the process ends
            raise UnavailableError(
                f"Kafka at {self._settings.kafka_bootstrap_servers} did not take a record "
                f"({reason}): see that it runs, then give the same command again to go on"
            )


class FileTarget:
    """Writes each record's value and a line feed, in the order of sequence; labels are left out."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def send(self, records: Records) -> None:
        """Write records; a tombstone is an empty line."""
        self._file.write(records.lines())

    def label(self, labels: Labels) -> None:
        """Leave labels out: the file shows what scoring sees."""

    def settle(self) -> None:
        """Flush the file."""
        self._file.flush()
