"""Reads the labels out of Kafka, sharing no code with what entered them."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from hashlib import md5
from typing import Any
from uuid import UUID

from confluent_kafka import Consumer, Message, TopicPartition

from txwatch.errors import UnavailableError
from txwatch.warehouse.verify.inputs import Bounds, LabelCount, LabelKey, LabelReading, PublishedLabels
from txwatch.warehouse.verify.spans import first_starts

RECORDS_AT_ONCE = 5_000
PATIENCE_SECONDS = 30.0


def read_published(
    client: Mapping[str, Any],
    topic: str,
    bounds: Mapping[int, Bounds],
    held: LabelReading,
    quarantine: frozenset[tuple[int, int]],
) -> PublishedLabels:
    """Read every label that the ledger has read, each distinct one once.

    Args:
        client: librdkafka's options, as `Settings.kafka_client` returns them.
        topic: the labels' topic.
        bounds: what Kafka holds of it.
        held: what the warehouse says of it.
        quarantine: partition and offset of what the warehouse has refused.

    Raises:
        UnavailableError: Kafka sends nothing.
    """
    starts = first_starts(held.spans)
    ranges = {
        partition: (max(starts[partition], each.low), min(held.next_offsets.get(partition, 0), each.end))
        for partition, each in bounds.items()
        if partition in starts
    }
    if any(bounds[partition].low > starts[partition] for partition in ranges):
        return PublishedLabels(is_whole=False)
    unreadable: list[str] = []
    digests: set[tuple[LabelKey, bytes]] = set()
    for partition, offset, value in _records(client, topic, ranges):
        if (partition, offset) in quarantine:
            continue
        label = read_one(value)
        if label is None:
            unreadable.append(f"partition {partition} offset {offset}")
        else:
            digests.add(label)
    return PublishedLabels(unreadable=unreadable, counts=_counts(digests))


def read_one(value: bytes | None) -> tuple[LabelKey, bytes] | None:
    """Read one record: its day and verdict, and a digest of all that it says; `None` when it is no label."""
    try:
        label = json.loads(value or b"")
        known_at = datetime.fromisoformat(label["known_at"]).astimezone(UTC)
        said = [str(UUID(label["transaction_id"])), f"{known_at:%Y-%m-%d %H:%M:%S.%f}"]
        said += [label["scenario"]] if label.get("scenario") is not None else []
        key = LabelKey(known_at.date(), {True: True, False: False}[label["is_fraud"]])
        return key, md5(" ".join(said).encode(), usedforsecurity=False).digest()
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _counts(digests: set[tuple[LabelKey, bytes]]) -> dict[LabelKey, LabelCount]:
    counts: dict[LabelKey, LabelCount] = defaultdict(LabelCount)
    for key, digest in digests:
        count = counts[key]
        counts[key] = LabelCount(count.labels + 1, count.digest_sum + int.from_bytes(digest[:4], "big"))
    return counts


def _records(
    client: Mapping[str, Any], topic: str, ranges: Mapping[int, tuple[int, int]]
) -> Iterator[tuple[int, int, bytes | None]]:
    options = {"group.id": "txwatch-verify", "enable.auto.commit": False}
    with closing(Consumer({**client, **options})) as consumer:
        for partition, (start, end) in ranges.items():
            consumer.assign([TopicPartition(topic, partition, start)])
            following = start
            while following < end:
                for message in _consume(consumer, end - following):
                    following = _offset(message) + 1
                    yield partition, _offset(message), message.value()


def _consume(consumer: Consumer, wanted: int) -> list[Message]:
    messages = consumer.consume(min(wanted, RECORDS_AT_ONCE), PATIENCE_SECONDS)
    records = [message for message in messages if message.error() is None]
    if not records:
        raise UnavailableError(f"Kafka holds {wanted:,} more labels but sends none: see `txwatch status`")
    return records


def _offset(message: Message) -> int:
    offset = message.offset()
    assert offset is not None, "a record has an offset"  # noqa: S101 - the type says otherwise, for errors
    return offset
