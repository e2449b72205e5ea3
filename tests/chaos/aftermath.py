"""What a pipeline has made of its input, row for row, without what differs between two runs of it."""

import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from pyarrow import parquet

from oracle.balance import Position, Warehouse, kafka_records
from txwatch.settings import Settings

Rows = Mapping[Any, Any]

_FACTS = """
select transaction_id::text, md5((customer_id, merchant_id, occurred_at, latitude, longitude, is_foreign,
    is_fraud, amount, currency, country, payment_method, device_id, rules)::text)
from core.fact_transaction"""
_ALERTS = """
select transaction_id::text, md5((customer_id, occurred_at, severity, rules, evidence)::text)
from core.fact_alert"""
_QUARANTINE = """
select (kafka_partition, kafka_offset)::text, md5((key, raw, reason, field, detail, resolution)::text)
from ops.quarantine"""
_ROLLUPS = """
select (minute, currency)::text, md5((transactions, amount, flagged, flagged_amount)::text)
from core.rollup_minute"""
_COUNTED = {
    "records read": "select sum(rows_in)::bigint from ops.stream_ledger",
    "repeats of an id": "select sum(duplicates)::bigint from ops.stream_ledger",
}
_TABLES = {"facts": _FACTS, "alerts": _ALERTS, "quarantine": _QUARANTINE, "rollups": _ROLLUPS}


@dataclass(frozen=True)
class Outcome:
    """Every row by its key, reduced to a digest."""

    tables: Mapping[str, Rows]
    doubled: Mapping[str, int]
    """Rows whose key was there before, by table."""

    def counts(self) -> dict[str, int]:
        """Return how many rows there are of each kind."""
        return {name: len(rows) for name, rows in self.tables.items() if name != "totals"}


def read_outcome(settings: Settings) -> Outcome:
    """Read facts, alerts, quarantine, rollups, the ledger's totals and every archived record."""
    warehouse = Warehouse(settings)
    read = {name: warehouse.rows(query) for name, query in _TABLES.items()}
    read["archive"] = list(_archived(settings, warehouse))
    tables: dict[str, Rows] = {name: dict(rows) for name, rows in read.items()}
    doubled = {name: len(rows) - len(tables[name]) for name, rows in read.items()}
    tables["totals"] = {name: warehouse.value(query) for name, query in _COUNTED.items()}
    return Outcome(tables, {name: count for name, count in doubled.items() if count})


def _archived(settings: Settings, warehouse: Warehouse) -> Iterator[tuple[Any, ...]]:
    s3 = boto3.client("s3", **settings.s3())
    for (key,) in warehouse.rows("select key from ops.archive_object"):
        body = s3.get_object(Bucket=settings.s3_bucket, Key=key)["Body"].read()
        for record in parquet.read_table(io.BytesIO(body)).to_pylist():
            content = repr((record["key"], record["value"])).encode()
            yield (record["partition"], record["offset"]), hashlib.sha256(content).hexdigest()


def differences(found: Outcome, due: Outcome) -> list[str]:
    """Name each kind of row that is not as it should be; nothing where all are equal."""
    sentences = [f"{name}: {count} rows doubled" for name, count in found.doubled.items()]
    for name, rows in due.tables.items():
        here = found.tables[name]
        missing, extra = rows.keys() - here.keys(), here.keys() - rows.keys()
        other = [key for key in rows.keys() & here.keys() if rows[key] != here[key]]
        if missing or extra or other:
            sentences.append(
                f"{name}: {len(missing)} missing {sorted(missing)[:2]}, {len(extra)} too many "
                f"{sorted(extra)[:2]}, {len(other)} different {sorted(other)[:2]}"
            )
    return sentences


@dataclass(frozen=True)
class Miscount:
    """By how much a table without keys misses what Kafka holds."""

    due: int
    found: int
    lost: int
    unread: int
    """Of the lost: sent after everything of their partition that was found, so never read."""
    doubled: int


def miscount(settings: Settings, sent: Mapping[Position, str]) -> Miscount:
    """Compare how often each id stands in the facts with how often it was sent."""
    rows = Warehouse(settings).rows(
        "select transaction_id::text, count(*) from core.fact_transaction group by 1"
    )
    return compare(sent, Counter(dict(rows)))


def compare(sent: Mapping[Position, str], found: Counter[str]) -> Miscount:
    """Count what of the ids, by their place in Kafka, is lost and doubled among those found."""
    due = Counter(sent.values())
    lost, unread = due - found, Counter(_sent_later(sent, found))
    return Miscount(due.total(), found.total(), lost.total(), (lost & unread).total(), (found - due).total())


def _sent_later(sent: Mapping[Position, str], found: Counter[str]) -> Iterator[str]:
    """Yield the ids sent after the last one that was found of their partition; repeats tell nothing."""
    first = {sent[position]: position for position in sorted(sent, reverse=True)}
    read = dict[int, int]()
    for partition, offset in (first[name] for name in found.keys() & first.keys()):
        read[partition] = max(offset, read.get(partition, -1))
    return (name for (partition, offset), name in sent.items() if offset > read.get(partition, -1))


def sent_ids(settings: Settings) -> dict[Position, str]:
    """Return each transaction id that Kafka holds by its place; every record is well-formed."""
    marker, length = b'"transaction_id":"', 36
    return {
        position: value[(start := value.index(marker) + len(marker)) : start + length].decode()
        for position, value in kafka_records(settings).items()
    }
