"""A topic of labels, what the warehouse made of it, and what it should have: a plain reading of the topic."""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from threading import Event, Thread
from typing import Any

import psycopg2
from confluent_kafka import Consumer, Producer, TopicPartition

from oracle.feed import identifier
from txwatch.settings import Role, Settings
from txwatch.stream.labels.keeper import LabelKeeper
from txwatch.stream.labels.ledger import LabelLedger
from txwatch.stream.records import RecordSource

DEADLINE_SECONDS = 120

Row = tuple[str, datetime, bool, str | None, bool]
"""transaction_id, known_at, is_fraud, scenario, whether it is the current one."""


def label(number: int, hour: int, is_fraud: bool = True, scenario: str | None = "stolen") -> bytes:
    fields = {
        "transaction_id": identifier(1, number),
        "is_fraud": is_fraud,
        "scenario": scenario,
        "known_at": f"2026-01-{2 + hour // 24:02d}T{hour % 24:02d}:00:00.000Z",
    }
    return json.dumps(fields).encode()


class LabelTopic:
    """The labels of one pipeline."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._producer = Producer(
            settings.kafka_client() | {"acks": "all", "enable.idempotence": True, "log_level": 0}
        )

    def send(self, *values: bytes | None, partition: int = 0) -> None:
        for value in values:
            self._producer.produce(self.settings.kafka_labels_topic, value, partition=partition)
        assert self._producer.flush(DEADLINE_SECONDS) == 0

    @contextmanager
    def keeper(self, stop: Event | None = None) -> Iterator[LabelKeeper]:
        """Lend a keeper; not yet at work."""
        source = RecordSource(self.settings.kafka_client(), self.settings.kafka_labels_topic)
        ledger = LabelLedger(self.settings.postgres("label_writer"))
        with closing(source), closing(ledger):
            yield LabelKeeper(source, ledger, stop or Event())

    def drain(self) -> dict[str, int]:
        """Enter everything that is there; return what it came to."""
        with self.keeper() as keeper:
            return vars(keeper.run(until_drained=True))

    def rows(self, statement: str, role: Role = "warehouse_owner") -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(**self.settings.postgres(role))
        with closing(connection), connection, connection.cursor() as cursor:
            cursor.execute("set time zone 'UTC'")
            cursor.execute(statement)
            return cursor.fetchall()

    def value(self, statement: str) -> Any:
        return self.rows(statement)[0][0]

    def entered(self) -> int:
        return int(self.value("select coalesce(sum(rows_in), 0) from ops.label_ledger"))

    def held(self) -> set[Row]:
        rows = self.rows(
            "select transaction_id::text, known_at, is_fraud, scenario, superseded_seq is null "
            "from core.fact_chargeback"
        )
        assert len(set(rows)) == len(rows)
        return set(rows)

    def expected(self) -> set[Row]:
        """Read the whole topic: each distinct label once, the latest of each transaction current."""
        distinct: dict[tuple[str, datetime, bool, str | None], None] = {}
        for value in self._records():
            try:
                fields = json.loads(value or b"")
            except ValueError:
                continue
            known_at = datetime.fromisoformat(fields["known_at"])
            distinct[fields["transaction_id"], known_at, fields["is_fraud"], fields["scenario"]] = None
        current: dict[str, tuple[str, datetime, bool, str | None]] = {}
        for each in distinct:
            if each[0] not in current or each[1] >= current[each[0]][1]:
                current[each[0]] = each
        return {(*each, current[each[0]] == each) for each in distinct}

    def _records(self) -> Iterable[bytes | None]:
        topic = self.settings.kafka_labels_topic
        options = {"group.id": "test-labels", "enable.auto.commit": False}
        with closing(Consumer(self.settings.kafka_client() | options)) as consumer:
            for partition in range(self.settings.kafka_partitions):
                place = TopicPartition(topic, partition, 0)
                _, end = consumer.get_watermark_offsets(place, DEADLINE_SECONDS)
                consumer.assign([place])
                left = end
                while left:
                    messages = consumer.consume(left, DEADLINE_SECONDS)
                    assert messages, "Kafka sends nothing more"
                    left -= len(messages)
                    yield from (message.value() for message in messages)


class Load:
    """Sends labels in the background: repeats, corrections and outdated ones among them."""

    def __init__(self, topic: LabelTopic) -> None:
        self._topic = topic
        self._stopping = Event()
        self.sent = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.wait(0.02):
            for partition in range(self._topic.settings.kafka_partitions):
                number = self.sent * 10 + partition
                values = [label(number, 5), label(number, 5), b"{", label(number, 9, is_fraud=False)]
                older = label(max(partition, number - 30), 1 + self.sent % 3)
                self._topic.send(*values, older, partition=partition)
            self.sent += 1
