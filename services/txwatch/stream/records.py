"""Reads raw records from Kafka, by offset and without a consumer group."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import pyarrow as pa
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from txwatch.errors import TxwatchError, UnavailableError
from txwatch.stream.offsets import OffsetRange

SCHEMA = pa.schema(
    [
        pa.field("topic", pa.string(), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp", pa.timestamp("ms", "UTC"), nullable=False),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field("headers", pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))),
    ]
)
"""A Kafka record as it came; `timestamp` is the broker's append time, a null `value` a tombstone."""
RECORDS_PER_POLL = 2_000
TIMEOUT_SECONDS = 10.0

_OPTIONS: dict[str, str | int | bool] = {
    "group.id": "txwatch-records",  # librdkafka asks for one; it is never joined
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",  # an offset that is gone must be noticed, not skipped
    "queued.max.messages.kbytes": 16 * 1024,
    "fetch.queue.backoff.ms": 10,  # the default of 1 s idles whenever that queue has been full
    "reconnect.backoff.ms": 1000,  # the default asks a broker that is away, and logs it, 20 times a second
}

_FOLLOWING = {"fetch.min.bytes": 1 << 16, "fetch.wait.max.ms": 500}
"""For who follows a topic and is in no hurry: else the broker answers for every few records."""

_READING = {"fetch.wait.max.ms": 10}
"""For who reads a range again: before a fetch that waits at a topic's end, a broker answers nothing else."""

log = structlog.get_logger()


class OffsetsGoneError(TxwatchError):
    """Kafka does not hold an offset that is to be read."""


class RecordSource:
    """One topic's records, as batches of `SCHEMA`."""

    def __init__(self, client: Mapping[str, Any], topic: str) -> None:
        """Prepare a consumer; nothing is read before `start`.

        Args:
            client: librdkafka's options, as `Settings.kafka_client` returns them.
            topic: the topic to read.
        """
        self.topic = topic
        self._client = client
        self._consumer = self._new_consumer(_FOLLOWING)
        self._reader: Consumer | None = None
        self._reader_at: tuple[int, int] | None = None

    def close(self) -> None:
        """Leave the brokers."""
        self._consumer.close()
        self.end_reading()

    def partitions(self) -> list[int]:
        """Return the topic's partitions.

        Raises:
            UnavailableError: no broker answers, or the topic does not exist (yet).
        """
        try:
            topic = self._consumer.list_topics(self.topic, timeout=TIMEOUT_SECONDS).topics[self.topic]
        except KafkaException as error:
            raise _away(error) from error
        if topic.error is not None or not topic.partitions:
            raise UnavailableError(f"the topic {self.topic} is not there: make it with `txwatch up`")
        return sorted(topic.partitions)

    def bounds(self, partition: int) -> tuple[int, int]:
        """Return the first offset that Kafka still holds and the one that comes next.

        Raises:
            UnavailableError: no broker answers.
        """
        return self._bounds(self._consumer, partition)

    def _bounds(self, consumer: Consumer, partition: int) -> tuple[int, int]:
        try:
            low, high = consumer.get_watermark_offsets(
                TopicPartition(self.topic, partition), timeout=TIMEOUT_SECONDS
            )
        except KafkaException as error:
            raise _away(error) from error
        return low, high

    def start(self, offsets: Mapping[int, int]) -> None:
        """Read on from these offsets, one per partition."""
        self._consumer.assign([TopicPartition(self.topic, *item) for item in offsets.items()])

    def poll(self, seconds: float) -> dict[int, pa.RecordBatch]:
        """Return what has come by partition, waiting up to `seconds` for more.

        Raises:
            OffsetsGoneError: Kafka does not hold the offset at which a partition stands.
        """
        by_partition: dict[int, list[Message]] = {}
        for message in self._consumer.consume(RECORDS_PER_POLL, seconds):
            if _is_record(message):
                by_partition.setdefault(_partition(message), []).append(message)
        return {partition: self._batch(messages) for partition, messages in by_partition.items()}

    def read(self, wanted: OffsetRange) -> pa.Table:
        """Read exactly one range again. Ranges in their order are read fastest; `end_reading` follows them.

        Raises:
            OffsetsGoneError: Kafka no longer holds all of it.
            UnavailableError: no broker answers, or none does for a while.
        """
        if self._reader is None:
            self._reader = self._new_consumer(_READING)
        try:
            return self._read_with(self._reader, wanted)
        except BaseException:
            self.end_reading()
            raise

    def end_reading(self) -> None:
        """Give back what `read` keeps for the next range."""
        if self._reader is not None:
            self._reader.close()
        self._reader = self._reader_at = None

    def _read_with(self, reader: Consumer, wanted: OffsetRange) -> pa.Table:
        low, high = self._bounds(reader, wanted.partition)
        if low > wanted.start or high < wanted.end:
            raise OffsetsGoneError(f"{wanted} is not in Kafka any more: it holds [{low}, {high})")
        if self._reader_at != (wanted.partition, wanted.start):
            reader.assign([TopicPartition(wanted.topic, wanted.partition, wanted.start)])
        return self._read_all(reader, wanted)

    def _read_all(self, consumer: Consumer, wanted: OffsetRange) -> pa.Table:
        batches: list[pa.RecordBatch] = []
        following = wanted.start
        while following < wanted.end:
            # No more than is wanted: near the topic's end, more would be waited for in vain.
            messages = consumer.consume(min(RECORDS_PER_POLL, wanted.end - following), TIMEOUT_SECONDS)
            if not messages:
                raise UnavailableError(f"Kafka sent nothing for {TIMEOUT_SECONDS:.0f} s")
            records = [message for message in messages if _is_record(message)]
            if records:
                following = _offset(records[-1]) + 1
                batches.append(self._batch([record for record in records if _offset(record) < wanted.end]))
        self._reader_at = (wanted.partition, following)
        return pa.Table.from_batches(batches, SCHEMA)

    def _batch(self, messages: list[Message]) -> pa.RecordBatch:
        rows = len(messages)
        columns = [
            pa.repeat(pa.scalar(self.topic, pa.string()), rows),
            pa.array([message.partition() for message in messages], pa.int32()),
            pa.array([message.offset() for message in messages], pa.int64()),
            pa.array([message.timestamp()[1] for message in messages], pa.timestamp("ms", "UTC")),
            pa.array([message.key() for message in messages], pa.binary()),
            pa.array([message.value() for message in messages], pa.binary()),
            pa.array([_headers(message) for message in messages], SCHEMA.field("headers").type),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)

    def _new_consumer(self, options: Mapping[str, int]) -> Consumer:
        return Consumer({**self._client, **_OPTIONS, **options, "error_cb": _log_error})


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - librdkafka's own codes are spelled so
        raise OffsetsGoneError(f"Kafka does not hold what is to be read next: {error.str()}")
    log.warning("kafka reports", reason=error.str())
    return False


def _partition(message: Message) -> int:
    return cast("int", message.partition())


def _offset(message: Message) -> int:
    return cast("int", message.offset())


def _headers(message: Message) -> Iterable[dict[str, Any]] | None:
    headers = message.headers()
    return [{"key": key, "value": value} for key, value in headers] if headers else None


def _log_error(error: KafkaError) -> None:
    log.warning("kafka reports", reason=error.str())


def _away(error: KafkaException) -> UnavailableError:
    return UnavailableError(f"Kafka does not answer ({error})")
