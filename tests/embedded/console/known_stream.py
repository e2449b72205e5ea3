"""A small, consistent warehouse as the stream leaves it: facts, alerts, rollups, ledger, quarantine, archive.

Every batch moves the offsets on, so rows_in = facts + quarantined + duplicates holds, alerts are exactly the
flagged facts, and the same start gives the same rows.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extras import Json, execute_values

from txwatch.postgres import Connection

TOPIC = "transactions"
QUERY = "transactions"
PARTITIONS = 4
AMOUNT_LIMIT = Decimal(1000)
HOSTILE_NAME = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
RULES = {
    "amount_over_threshold": ("high", "The amount is far above what a card payment usually is."),
    "foreign_transaction": ("low", "The transaction took place outside the customer's home country."),
    "invalid_geolocation": ("medium", "The reported place does not exist."),
}
SEVERITIES = ("low", "medium", "high")
CITIES = (
    ("DE", 52.52, 13.40, "EUR"),
    ("FR", 48.86, 2.35, "EUR"),
    ("GB", 51.51, -0.13, "GBP"),
    ("US", 40.71, -74.01, "USD"),
    ("BR", -23.55, -46.63, "BRL"),
    ("ZA", -26.20, 28.05, "ZAR"),
    ("JP", 35.68, 139.69, "JPY"),
    ("AU", -33.87, 151.21, "AUD"),
    ("IN", 19.08, 72.88, "INR"),
    ("MX", 19.43, -99.13, "MXN"),
)
CUSTOMERS = ("Ada", "Ben", "Chiara", "Dmitri", "Elif", "Femi", "Greta", "Hiro", "Ines", "Jonas")
MERCHANTS = ("Corner Bakery", "Harbour Hotel", "Nova Electronics", "Sunrise Travel", HOSTILE_NAME)
HOSTILE_MERCHANT = MERCHANTS.index(HOSTILE_NAME)


@dataclass(frozen=True)
class Payment:
    """One valid transaction; customer, merchant and city are numbers into the tuples above."""

    customer: int
    merchant: int
    amount: Decimal
    occurred_at: datetime
    city: int = 0
    is_foreign: bool = False
    latitude: float = 0.0
    longitude: float = 0.0

    @property
    def evidence(self) -> dict[str, dict[str, Any]]:
        """The rules that fire, with what each looked at."""
        country, _, _, currency = CITIES[self.city]
        fired: dict[str, dict[str, Any]] = {}
        if self.amount > AMOUNT_LIMIT:
            fired["amount_over_threshold"] = {"amount": float(self.amount), "currency": currency}
        if self.is_foreign:
            fired["foreign_transaction"] = {"is_foreign": True, "country": country}
        if not -90 <= self.latitude <= 90:
            fired["invalid_geolocation"] = {"latitude": self.latitude, "longitude": self.longitude}
        return fired


@dataclass(frozen=True)
class Malformed:
    """One record that is no transaction."""

    reason: str
    raw: bytes | None
    field: str | None = None
    detail: str | None = None


MALFORMED = (
    Malformed("not_json", b'{"transaction_id": "0190', detail="unexpected end of the record"),
    Malformed("missing_field", b'{"amount": 12.50, "currency": "EUR"}', field="customer_id"),
    Malformed("unknown_currency", b'{"amount": 12.50, "currency": "XXY"}', field="currency", detail="XXY"),
    Malformed("amount_negative", b'{"amount": -3.00, "currency": "EUR"}', field="amount", detail="-3.00"),
    Malformed("not_utf8", b"\xff\xfe\x00{", detail="invalid start byte at 0"),
    Malformed("not_an_object", HOSTILE_NAME.encode()),
    Malformed("tombstone", None),
)


def customer_id(number: int) -> str:
    return str(UUID(int=0xC0000000_0000_4000_8000_000000000000 + number))


def merchant_id(number: int) -> str:
    return str(UUID(int=0xE0000000_0000_4000_8000_000000000000 + number))


def transaction_id(number: int) -> str:
    """The id of the stream's `number`-th transaction, counted from 1."""
    return str(UUID(int=0x01900000_0000_7000_8000_000000000000 + number))


@dataclass
class KnownStream:
    """Writes what a stream would have written; `connection` belongs to a role that may."""

    connection: Connection
    topic: str = TOPIC
    batch_id: int = 0
    transactions: int = 0
    offsets: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    archived: list[int] = field(default_factory=lambda: [0] * PARTITIONS)

    def open(self, started_at: datetime) -> None:
        """Write the dimensions, the ruleset and the query's first epoch."""
        rules = [{"id": rule, "severity": said[0], "description": said[1]} for rule, said in RULES.items()]
        homes = [(customer_id(n), f"{name} Example", CITIES[n][0]) for n, name in enumerate(CUSTOMERS)]
        shops = [(merchant_id(n), name, "shops") for n, name in enumerate(MERCHANTS)]
        with self.connection:
            self._insert("core.dim_customer", ("customer_id", "name", "home_country"), homes)
            self._insert("core.dim_merchant", ("merchant_id", "name", "category"), shops)
            self._insert(
                "ops.ruleset",
                ("name", "version", "hash", "body"),
                [("default", 1, "abc", Json({"ruleset": "default", "version": 1, "rules": rules}))],
            )
            self._insert(
                "ops.stream_query", ("query", "epoch", "started_at", "holder"), [(QUERY, 1, started_at, "t")]
            )

    def commit_batch(
        self,
        committed_at: datetime,
        payments: Sequence[Payment],
        malformed: Sequence[Malformed] = (),
        duplicates: int = 0,
        latency_ms: float = 300.0,
    ) -> int:
        """Write one batch and return its ledger_seq; its p95 is twice its median, its most three times."""
        rows_in = len(payments) + len(malformed) + duplicates
        with self.connection:
            ranges = self._advance(rows_in)
            ledger_seq = self._claim(
                rows_in=rows_in,
                offset_ranges=Json(ranges),
                facts=len(payments),
                alerts=sum(1 for payment in payments if payment.evidence),
                quarantined=len(malformed),
                duplicates=duplicates,
                latency_p50_ms=latency_ms,
                latency_p95_ms=2 * latency_ms,
                latency_max_ms=3 * latency_ms,
                committed_at=committed_at,
            )
            self._write_payments(payments, ledger_seq, committed_at)
            self._write_malformed(malformed, ranges, ledger_seq, committed_at)
        return ledger_seq

    def archive(self, archived_at: datetime) -> None:
        """Write one archive object per partition, up to what has been read so far."""
        objects = [
            (
                self.topic,
                partition,
                start,
                end,
                end - start,
                f"{partition}/{start}",
                300 * (end - start),
                archived_at,
            )
            for partition, (start, end) in enumerate(zip(self.archived, self.offsets, strict=True))
            if end > start
        ]
        columns = (
            "topic",
            "kafka_partition",
            "start_offset",
            "end_offset",
            "rows",
            "key",
            "bytes",
            "archived_at",
        )
        with self.connection:
            self._insert("ops.archive_object", columns, objects)
        self.archived = list(self.offsets)

    def _insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], tail: str = ""
    ) -> None:
        with self.connection.cursor() as cursor:
            execute_values(cursor, f"insert into {table} ({', '.join(columns)}) values %s {tail}", rows)

    def _claim(self, **columns: Any) -> int:
        known = {"query": QUERY, "epoch": 1, "batch_id": self.batch_id} | columns
        self.batch_id += 1
        with self.connection.cursor() as cursor:
            names, values = ", ".join(known), ", ".join(f"%({name})s" for name in known)
            cursor.execute(
                f"insert into ops.stream_ledger ({names}) values ({values}) returning ledger_seq", known
            )
            (ledger_seq,) = cursor.fetchone() or (0,)
        return int(ledger_seq)

    def _advance(self, rows: int) -> list[tuple[int, int, int]]:
        """Share `rows` out over the partitions; return (partition, start, end) of each."""
        ranges = []
        for partition in range(PARTITIONS):
            start = self.offsets[partition]
            self.offsets[partition] += rows // PARTITIONS + (partition < rows % PARTITIONS)
            ranges.append((partition, start, self.offsets[partition]))
        self._insert(
            "ops.stream_offset",
            ("query", "topic", "kafka_partition", "next_offset"),
            [(QUERY, self.topic, partition, end) for partition, _, end in ranges],
            "on conflict (query, topic, kafka_partition) do update set next_offset = excluded.next_offset",
        )
        return ranges

    def _write_payments(self, payments: Iterable[Payment], ledger_seq: int, committed_at: datetime) -> None:
        facts, alerts = [], []
        for payment in payments:
            self.transactions += 1
            fact = self._fact(payment, ledger_seq)
            facts.append(fact)
            if payment.evidence:
                severity = max((RULES[rule][0] for rule in payment.evidence), key=SEVERITIES.index)
                shared = {
                    name: fact[name] for name in ("transaction_id", "customer_id", "occurred_at", "rules")
                }
                seen = {
                    "raised_at": committed_at,
                    "ledger_seq": ledger_seq,
                    "ruleset_id": 1,
                    "severity": severity,
                }
                alerts.append(shared | seen | {"evidence": Json(payment.evidence)})
        for table, rows in (("core.fact_transaction", facts), ("core.fact_alert", alerts)):
            if rows:
                self._insert(table, list(rows[0]), [list(row.values()) for row in rows])

    def _fact(self, payment: Payment, ledger_seq: int) -> dict[str, Any]:
        country, _, _, currency = CITIES[payment.city]
        return {
            "transaction_id": transaction_id(self.transactions),
            "customer_id": customer_id(payment.customer),
            "merchant_id": merchant_id(payment.merchant),
            "occurred_at": payment.occurred_at,
            "latitude": payment.latitude,
            "longitude": payment.longitude,
            "ledger_seq": ledger_seq,
            "ruleset_id": 1,
            "is_foreign": payment.is_foreign,
            "is_fraud": bool(payment.evidence),
            "amount": payment.amount,
            "currency": currency,
            "country": country,
            "payment_method": "chip",
            "device_id": f"device-{payment.customer}",
            "rules": sorted(payment.evidence),
        }

    def _write_malformed(
        self,
        malformed: Iterable[Malformed],
        ranges: Iterable[tuple[int, int, int]],
        ledger_seq: int,
        committed_at: datetime,
    ) -> None:
        places = ((partition, offset) for partition, start, end in ranges for offset in range(start, end))
        appended_at = committed_at - timedelta(seconds=1)
        self._insert(
            "ops.quarantine",
            ("topic", "kafka_partition", "kafka_offset", "appended_at", "raw", "reason", "field", "detail",
             "ledger_seq", "quarantined_at"),
            [
                (self.topic, *next(places), appended_at, record.raw, record.reason, record.field,
                 record.detail, ledger_seq, committed_at)
                for record in malformed
            ],
        )  # fmt: skip


def seed_known_stream(
    connection: Connection, now: datetime, batches: int = 60, topic: str = TOPIC
) -> KnownStream:
    """Fill an empty warehouse with `batches` batches of 36 to 84 rows, one every five seconds up to `now`."""
    draw = random.Random(7)
    stream = KnownStream(connection, topic)
    stream.open(now - timedelta(seconds=5 * batches))
    for number in range(batches):
        committed_at = now - timedelta(seconds=5 * (batches - 1 - number))
        payments = [draw_payment(draw, committed_at) for _ in range(draw.randint(36, 80))]
        malformed = [draw.choice(MALFORMED) for _ in range(draw.randint(1, 2))]
        stream.commit_batch(committed_at, payments, malformed, draw.randint(0, 2), draw.uniform(180, 420))
        if number % 6 == 5:
            stream.archive(committed_at)
    return stream


def draw_payment(draw: random.Random, committed_at: datetime) -> Payment:
    """Draw a payment: mostly at home and small, 3 % abroad, 0.4 % at a place that does not exist."""
    customer = draw.randrange(len(CUSTOMERS))
    is_foreign = draw.random() < 0.03
    city = draw.randrange(len(CITIES)) if is_foreign else customer
    _, latitude, longitude, _ = CITIES[city]
    is_off_earth = draw.random() < 0.004
    return Payment(
        customer=customer,
        merchant=draw.randrange(len(MERCHANTS)),
        amount=Decimal(str(round(draw.lognormvariate(3.4, 1.3) + 1, 2))),
        occurred_at=committed_at - timedelta(seconds=draw.uniform(0.5, 4.5)),
        city=city,
        is_foreign=is_foreign,
        latitude=draw.choice([95.0, -123.4]) if is_off_earth else latitude + draw.gauss(0, 2.5),
        longitude=longitude + draw.gauss(0, 4),
    )
