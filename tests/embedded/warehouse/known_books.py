"""A pipeline whose books are kept by hand: what the stream would have written, worked out in plain Python."""

import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Event
from typing import Any

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function
from psycopg2.extras import Json

from oracle.feed import MALFORMED, event, send
from txwatch.settings import Settings
from txwatch.stream.archive.archiver import Archiver
from txwatch.stream.archive.buffer import Limits
from txwatch.stream.archive.ledger import ArchiveLedger
from txwatch.stream.archive.store import ObjectStore
from txwatch.stream.records import RecordSource

STREAM, REPLAY = "transactions", "quarantine-replay"
FIXED_LATER = event(50, currency="SEK")  # quarantined at first, a fact once the currency is accepted
RECORDS: dict[int, list[bytes | None]] = {
    # Offsets 7 and 12 are held; 8 is replayed; 35 repeats an id with another amount.
    0: [
        {7: MALFORMED, 8: FIXED_LATER, 12: None, 35: event(3, amount="77.77")}.get(number, event(number))
        for number in range(40)
    ],
    1: [*(event(number) for number in range(60, 69)), event(60)],  # the last repeats the first
}
QUARANTINED = {(0, 7): "not_json", (0, 8): "unknown_currency", (0, 12): "tombstone"}
BATCHES = {1: {0: (0, 20), 1: (0, 10)}, 2: {0: (20, 40)}}
"""ledger_seq -> partition -> offsets, end exclusive."""


@dataclass
class Books:
    """What the batches come to, row by row."""

    topic: str
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    tallies: dict[int, Counter[str]] = field(default_factory=dict)

    def take(self, ledger_seq: int, value: bytes) -> None:
        """Enter one valid record; of those with the same id the first counts."""
        fields = json.loads(value, parse_float=Decimal)
        tally = self.tallies.setdefault(ledger_seq, Counter())
        if fields["transaction_id"] in self.facts:
            tally["duplicates"] += 1
            return
        is_fraud = fields["is_foreign"] or abs(fields["latitude"]) > 90
        self.facts[fields["transaction_id"]] = fields | {"ledger_seq": ledger_seq, "is_fraud": is_fraud}
        tally["facts"] += 1
        tally["alerts"] += is_fraud


def keep_books(settings: Settings) -> None:
    """Produce the records, write the warehouse by hand, archive with the archiver."""
    for partition, values in RECORDS.items():
        send(settings, values, partition)
    books = Books(settings.kafka_transactions_topic)
    for ledger_seq, ranges in BATCHES.items():
        for partition, (start, end) in ranges.items():
            for offset in range(start, end):
                if (partition, offset) in QUARANTINED:
                    books.tallies.setdefault(ledger_seq, Counter())["quarantined"] += 1
                else:
                    books.take(ledger_seq, RECORDS[partition][offset] or b"")
    books.take(3, FIXED_LATER)
    with closing(psycopg2.connect(**settings.postgres("warehouse_owner"))) as connection, connection:
        _write(connection.cursor(), books)
    _archive(settings)


def _write(cursor: Cursor, books: Books) -> None:
    cursor.execute("insert into ops.ruleset (name, version, hash, body) values ('known', 1, 'h', '{}')")
    for fields in books.facts.values():
        rules = ["suspicious"] if fields["is_fraud"] else []
        cursor.execute(_FACT, fields | {"rules": rules})
        if rules:
            cursor.execute(_ALERT, fields | {"rules": rules})
    for (partition, offset), reason in QUARANTINED.items():
        cursor.execute(_QUARANTINE, (books.topic, partition, offset, RECORDS[partition][offset], reason))
    cursor.execute(_RESOLVE)
    for seq, tally in books.tallies.items():
        query, spans = (STREAM, BATCHES[seq]) if seq in BATCHES else (REPLAY, {})
        ranges = [
            {"topic": books.topic, "partition": partition, "start": start, "end": end}
            for partition, (start, end) in spans.items()
        ]
        counts = [tally[name] for name in ("facts", "alerts", "quarantined", "duplicates")]
        rows_in = tally["facts"] + tally["quarantined"] + tally["duplicates"]
        cursor.execute(_LEDGER, (query, seq, Json(ranges), rows_in, *counts))
    for partition in range(4):
        end = len(RECORDS.get(partition, []))
        cursor.execute(
            "insert into ops.stream_offset values (%s, %s, %s, %s)", (STREAM, books.topic, partition, end)
        )
    cursor.execute(_ROLLUPS)
    cursor.execute(_DIMENSIONS)


def _archive(settings: Settings) -> None:
    source = RecordSource(settings.kafka_client(), settings.kafka_transactions_topic)
    ledger = ArchiveLedger(settings.postgres("archiver"), settings.kafka_transactions_topic)
    store = ObjectStore(settings.s3(), settings.s3_bucket)
    with closing(source), closing(ledger):
        Archiver(source, ledger, store, Limits(rows=15, seconds=3600), Event()).run(until_drained=True)


_FACT = """
insert into core.fact_transaction (
    transaction_id, customer_id, merchant_id, occurred_at, latitude, longitude, ledger_seq, ruleset_id,
    is_foreign, is_fraud, amount, currency, country, payment_method, device_id, rules
) values (
    %(transaction_id)s, %(customer_id)s, %(merchant_id)s, %(occurred_at)s, %(latitude)s, %(longitude)s,
    %(ledger_seq)s, 1, %(is_foreign)s, %(is_fraud)s, %(amount)s, %(currency)s, %(country)s,
    %(payment_method)s, %(device_id)s, %(rules)s
)
"""
_ALERT = """
insert into core.fact_alert (
    transaction_id, customer_id, occurred_at, ledger_seq, ruleset_id, severity, rules, evidence
) values (
    %(transaction_id)s, %(customer_id)s, %(occurred_at)s, %(ledger_seq)s, 1, 'high', %(rules)s, '{}'
)
"""
_QUARANTINE = """
insert into ops.quarantine (topic, kafka_partition, kafka_offset, appended_at, raw, reason, ledger_seq)
values (%s, %s, %s, now(), %s, %s, 1)
"""
_RESOLVE = """
update ops.quarantine set resolution = 'fact', resolved_ledger_seq = 3, resolved_at = now()
where reason = 'unknown_currency'
"""
_LEDGER = """
insert into ops.stream_ledger (
    query, epoch, batch_id, offset_ranges, rows_in, facts, alerts, quarantined, duplicates, committed_at
) values (%s, 1, %s, %s, %s, %s, %s, %s, %s, now())
"""
_ROLLUPS = """
insert into core.rollup_minute
select date_trunc('minute', occurred_at), currency, count(*), sum(amount), count(*) filter (where is_fraud),
       coalesce(sum(amount) filter (where is_fraud), 0)
from core.fact_transaction group by 1, 2
"""
_DIMENSIONS = """
insert into core.dim_customer (customer_id) select distinct customer_id from core.fact_transaction;
insert into core.dim_merchant (merchant_id) select distinct merchant_id from core.fact_transaction
"""
