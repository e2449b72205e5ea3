"""Reads the labels from Kafka and the alerts from Postgres, to compare them."""

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any
from uuid import UUID

from confluent_kafka import Consumer, TopicPartition

from txwatch.errors import UnavailableError
from txwatch.events import FraudLabel
from txwatch.postgres import Connection, connect
from txwatch.settings import Settings
from txwatch.warehouse.verdict_quality import RuleQuality, assess_rules

if TYPE_CHECKING:
    from datetime import datetime

_BATCH = 10_000
_ANSWER_SECONDS = 30


def read_rule_quality(settings: Settings) -> list[RuleQuality]:
    """Compare all alerts with all labels published so far.

    Raises:
        UnavailableError: Kafka or Postgres does not answer.
    """
    frauds = [str(transaction_id) for transaction_id in _frauds(settings)]
    with closing(connect(settings.postgres("analyst"))) as connection:
        scored = set(_scored(connection, frauds))
        return assess_rules(_alerts(connection), scored)


def _frauds(settings: Settings) -> list[UUID]:
    """Return the transactions whose latest label says fraud."""
    latest: dict[UUID, tuple[datetime, bool]] = {}
    for label in _labels(settings):
        known = latest.get(label.transaction_id)
        if known is None or label.known_at >= known[0]:
            latest[label.transaction_id] = (label.known_at, label.is_fraud)
    return [transaction_id for transaction_id, (_, is_fraud) in latest.items() if is_fraud]


def _labels(settings: Settings) -> Iterator[FraudLabel]:
    topic = settings.kafka_labels_topic
    consumer = Consumer(settings.kafka_client() | {"group.id": "txwatch-labels", "enable.auto.commit": False})
    with closing(consumer):
        bounds = _bounds(consumer, topic)
        consumer.assign([TopicPartition(topic, partition, low) for partition, (low, _) in bounds.items()])
        remaining = sum(high - low for low, high in bounds.values())
        while remaining > 0:
            messages = consumer.consume(min(remaining, _BATCH), timeout=_ANSWER_SECONDS)
            if not messages:
                raise UnavailableError(f"Kafka holds {remaining:,} more labels but sends none: try again")
            remaining -= len(messages)
            yield from (FraudLabel.model_validate_json(message.value() or b"") for message in messages)


def _bounds(consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    """Return the first and the next offset of each partition."""
    return {
        partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ANSWER_SECONDS)
        for partition in consumer.list_topics(topic, timeout=_ANSWER_SECONDS).topics[topic].partitions
    }


def _scored(connection: Connection, transaction_ids: list[str]) -> Iterator[str]:
    """Leave out what never became a fact: it was quarantined, or is still under way."""
    statement = (
        "select transaction_id::text from core.fact_transaction where transaction_id = any(%s::uuid[])"
    )
    for first in range(0, len(transaction_ids), _BATCH):
        yield from (row[0] for row in _rows(connection, statement, transaction_ids[first : first + _BATCH]))


def _alerts(connection: Connection) -> Iterator[tuple[str, list[str]]]:
    yield from _rows(connection, "select transaction_id::text, rules from core.fact_alert")


def _rows(connection: Connection, statement: str, *parameters: Any) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        yield from cursor
