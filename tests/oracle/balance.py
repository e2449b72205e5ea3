"""The balance, worked out by other means than the stream's: plain Python over what Kafka really holds."""

import io
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import boto3
import psycopg2
from confluent_kafka import Consumer, TopicPartition
from pyarrow import parquet

from txwatch.settings import Settings

Position = tuple[int, int]
"""Kafka partition and offset."""


@dataclass
class Expected:
    """What the warehouse must hold, given what Kafka holds."""

    amounts: dict[str, Decimal] = field(default_factory=dict)
    flagged: set[str] = field(default_factory=set)
    malformed: set[Position] = field(default_factory=set)
    duplicates: int = 0


def kafka_records(settings: Settings) -> dict[Position, bytes]:
    """Read the whole topic."""
    topic = settings.kafka_transactions_topic
    options = {"group.id": "oracle", "enable.auto.commit": False, "enable.partition.eof": False}
    with closing(Consumer(settings.kafka_client() | options)) as consumer:
        starts = [TopicPartition(topic, number, 0) for number in _partitions(consumer, topic)]
        ends = [consumer.get_watermark_offsets(start, timeout=30)[1] for start in starts]
        consumer.assign(starts)
        records: dict[Position, bytes] = {}
        while len(records) < sum(ends):
            for message in consumer.consume(10_000, timeout=1):
                assert message.error() is None
                records[message.partition(), message.offset()] = message.value()
        return records


def ends(settings: Settings) -> dict[int, int]:
    """Where each partition of the topic ends."""
    topic = settings.kafka_transactions_topic
    with closing(Consumer(settings.kafka_client() | {"group.id": "oracle"})) as consumer:
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=30)[1]
            for number in _partitions(consumer, topic)
        }


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    return sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions)


def expected(records: dict[Position, bytes]) -> Expected:
    """Apply the default ruleset by hand; records of one id lie in one partition, the first one counts."""
    outcome = Expected()
    for position in sorted(records):
        try:
            fields = json.loads(records[position], parse_float=Decimal)
        except ValueError:
            outcome.malformed.add(position)
            continue
        transaction_id = fields["transaction_id"]
        if transaction_id in outcome.amounts:
            outcome.duplicates += 1
            continue
        outcome.amounts[transaction_id] = fields["amount"]
        if fields["is_foreign"] or abs(fields["latitude"]) > 90 or abs(fields["longitude"]) > 180:
            outcome.flagged.add(transaction_id)
    return outcome


@dataclass(frozen=True)
class Warehouse:
    """Reads what the stream and the archiver have written."""

    settings: Settings

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a query as the dashboards' role."""
        with (
            closing(psycopg2.connect(**self.settings.postgres("dashboard_reader"))) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
            return cursor.fetchall()

    def value(self, statement: str) -> Any:
        """Return the one value of a query."""
        return self.rows(statement)[0][0]

    def ledger_ends(self) -> dict[int, int]:
        """Up to where each partition is done."""
        ends = "select kafka_partition, next_offset from ops.stream_offset where query = 'transactions'"
        return dict(self.rows(ends))

    def archive_ends(self) -> dict[int, int]:
        """Up to where each partition is archived."""
        ends = "select kafka_partition, max(end_offset) from ops.archive_object group by 1"
        return dict(self.rows(ends))


def differences(settings: Settings) -> list[str]:
    """Compare a drained warehouse with Kafka; nothing is returned when they balance."""
    records = kafka_records(settings)
    return list(_differences(Warehouse(settings), records))


def _differences(warehouse: Warehouse, records: dict[Position, bytes]) -> Iterator[str]:
    due = expected(records)
    yield from _unequal("facts", dict(warehouse.rows(_AMOUNTS)), due.amounts)
    yield from _unequal("verdicts", _ids(warehouse, _FLAGGED), due.flagged)
    yield from _unequal("alerts", _ids(warehouse, _ALERTS), due.flagged)
    yield from _unequal("quarantine", set(warehouse.rows(_QUARANTINE)), due.malformed)
    yield from _unequal("duplicates", warehouse.value(_DUPLICATES), due.duplicates)
    yield from _unequal("rows of the ledger", warehouse.value(_ROWS_IN), len(records))
    yield from _unequal("rollups", warehouse.rows(_ROLLUPS), warehouse.rows(_ROLLUPS_RECOMPUTED))
    yield from _unequal("facts without dimensions", warehouse.value(_ORPHANS), 0)
    yield from _gaps(warehouse, records)


_AMOUNTS = "select transaction_id::text, amount from core.fact_transaction"
_FLAGGED = "select transaction_id::text from core.fact_transaction where is_fraud"
_ALERTS = "select transaction_id::text from core.fact_alert"
_QUARANTINE = "select kafka_partition, kafka_offset from ops.quarantine"
_DUPLICATES = "select coalesce(sum(duplicates), 0)::int from ops.stream_ledger"
_ROWS_IN = "select coalesce(sum(rows_in), 0)::int from ops.stream_ledger"
_ROLLUPS = (
    "select minute, currency, transactions, amount, flagged, flagged_amount "
    "from core.rollup_minute order by 1, 2"
)
_ROLLUPS_RECOMPUTED = (
    "select date_trunc('minute', occurred_at), currency, count(*), sum(amount), "
    "count(*) filter (where is_fraud), coalesce(sum(amount) filter (where is_fraud), 0) "
    "from core.fact_transaction group by 1, 2 order by 1, 2"
)
_ORPHANS = (
    "select count(*) from core.fact_transaction f "
    "where not exists (select from core.dim_customer c where c.customer_id = f.customer_id) "
    "or not exists (select from core.dim_merchant m where m.merchant_id = f.merchant_id)"
)
_RANGES = (
    'select r."partition", r.start, r."end" from ops.stream_ledger l, '
    'jsonb_to_recordset(l.offset_ranges) as r(topic text, "partition" int, start bigint, "end" bigint) '
    "order by l.ledger_seq"
)


def _ids(warehouse: Warehouse, statement: str) -> set[str]:
    return {row[0] for row in warehouse.rows(statement)}


def _unequal(what: str, found: Any, due: Any) -> Iterator[str]:
    if found == due:
        return
    if isinstance(found, set | dict):
        missing, extra = sorted(set(due) - set(found)), sorted(set(found) - set(due))
        other = [key for key in due if isinstance(due, dict) and key in found and found[key] != due[key]]
        yield (
            f"{what}: {len(missing)} missing {missing[:3]}, {len(extra)} too many {extra[:3]}, "
            f"{len(other)} different {other[:3]}"
        )
    else:
        yield f"{what}: {found} instead of {due}"


def _gaps(warehouse: Warehouse, records: dict[Position, bytes]) -> Iterator[str]:
    """Each range of the ledger starts where the one before it ended; the last ends where Kafka does."""
    reached: dict[int, int] = {}
    for partition, start, end in warehouse.rows(_RANGES):
        if start != reached.get(partition, 0):
            yield f"ledger of partition {partition}: {start} follows {reached.get(partition, 0)}"
        reached[partition] = end
    kafka_ends: dict[int, int] = {}
    for partition, offset in records:
        kafka_ends[partition] = max(kafka_ends.get(partition, 0), offset + 1)
    yield from _unequal("ledger's ends", reached, kafka_ends)


def archive_differences(settings: Settings) -> list[str]:
    """Compare the objects on S3 that the archive's ledger names with Kafka, byte for byte."""
    archived: dict[Position, bytes] = {}
    repeated = 0
    s3 = boto3.client("s3", **settings.s3())
    for (key,) in Warehouse(settings).rows("select key from ops.archive_object"):
        body = s3.get_object(Bucket=settings.s3_bucket, Key=key)["Body"].read()
        for record in parquet.read_table(io.BytesIO(body)).to_pylist():
            position = (record["partition"], record["offset"])
            repeated += position in archived
            archived[position] = record["value"]
    return [
        *_unequal("archive", archived, kafka_records(settings)),
        *_unequal("records archived twice", repeated, 0),
    ]
