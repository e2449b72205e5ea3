"""A small week of payments whose figures can be worked out in Python, and its way into the warehouse."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extras import Json, execute_values

FIRST_DAY = date(2026, 3, 2)
DAYS = 6
RULES = ("amount_threshold", "foreign", "bad_geolocation")
SEVERITIES = {"amount_threshold": "medium", "foreign": "low", "bad_geolocation": "high"}


@dataclass(frozen=True)
class Party:
    """A customer or a merchant: what it is called, where it is, and its segment or category."""

    id: UUID
    name: str
    country: str
    kind: str


@dataclass(frozen=True)
class Payment:
    """One transaction, with the rules that fired on it, and the truth where it is known."""

    id: UUID
    customer: Party
    merchant: Party
    occurred_at: datetime
    amount: Decimal
    currency: str
    country: str
    method: str
    rules: tuple[str, ...]
    is_fraud: bool | None

    @property
    def day(self) -> date:
        return self.occurred_at.date()


@dataclass(frozen=True)
class Batch:
    """One row of the ledger."""

    committed_at: datetime
    facts: int
    quarantined: int
    duplicates: int
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True)
class Held:
    """One record in quarantine; `is_resolved` when a replay has taken it out."""

    partition: int
    offset: int
    appended_at: datetime
    raw: bytes
    reason: str
    field: str | None
    is_resolved: bool


class Known:
    """Everything that the tests know of the warehouse's content."""

    def __init__(self, seed: int = 7) -> None:
        chance = random.Random(seed)
        self.customers = [
            Party(UUID(int=chance.getrandbits(128)), f"Customer {n}", chance.choice("DE FR US".split()), kind)
            for n, kind in enumerate(chance.choices(["retail", "premium"], k=25))
        ]
        self.merchants = [
            Party(
                UUID(int=chance.getrandbits(128)), f"Merchant {n}", chance.choice("DE FR US IT".split()), kind
            )
            for n, kind in enumerate(chance.choices(["grocery", "travel", "games"], k=9))
        ]
        self.payments = [self._payment(chance, number) for number in range(700)]
        self.batches = _batches(chance)
        self.held = _held(chance)
        self.scored_to = {0: 400, 1: 320, 2: 10}
        self.archived = {0: [(0, 250, 1_250_000), (250, 400, 760_000)], 1: [(0, 300, 1_500_000)]}

    def _payment(self, chance: random.Random, number: int) -> Payment:
        day = FIRST_DAY + timedelta(days=chance.randrange(DAYS))
        # Some stand on the edges of a day, where a filter is off by one if it is.
        second = chance.choice([0, 86_399, *[chance.randrange(86_400) for _ in range(8)]])
        fired = tuple(rule for rule in RULES if chance.random() < 0.07)
        return Payment(
            id=UUID(int=chance.getrandbits(128)),
            customer=chance.choice(self.customers),
            merchant=chance.choice(self.merchants),
            occurred_at=datetime.combine(day, datetime.min.time(), UTC) + timedelta(seconds=second),
            amount=Decimal(chance.randrange(1, 90_000)) / 100,
            currency=chance.choice(["EUR", "EUR", "USD", "JPY"]),
            country=chance.choice("DE FR US IT".split()),
            method=chance.choice(["chip", "online"]),
            rules=fired,
            is_fraud=None if number % 3 else chance.random() < (0.6 if fired else 0.02),
        )


def _batches(chance: random.Random) -> list[Batch]:
    """Make commits over two days; the last three hours hold some, and one that carried nothing."""
    start = datetime(2026, 3, 6, 9, 0, tzinfo=UTC)
    moments = sorted(start + timedelta(seconds=chance.randrange(0, 30 * 3600)) for _ in range(60))
    made = [
        Batch(
            moment,
            chance.randrange(1, 5000),
            chance.randrange(0, 60),
            chance.randrange(0, 9),
            float(chance.randrange(100, 900)),
            float(chance.randrange(900, 2000)),
        )
        for moment in moments
    ]
    return [*made, Batch(moments[-1] + timedelta(seconds=5), 0, 3, 0, None, None)]


def _held(chance: random.Random) -> list[Held]:
    reasons = {"not_json": b"{oops", "not_utf8": b"\xff\xfe\x00 100%", "missing_field": b'{"amount": 1}'}
    held: list[Held] = []
    for offset in range(70):
        reason = chance.choice([*reasons, "not_json"])
        moment = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=chance.randrange(0, DAYS * 86_400))
        field = "currency" if reason == "missing_field" else None
        held.append(
            Held(offset % 3, offset, moment, reasons[reason] * 20, reason, field, chance.random() < 0.2)
        )
    return held


def load(cursor: Any, known: Known) -> None:
    """Write everything, as the warehouse's owner."""
    _load_parties(cursor, known)
    ruleset = {"name": "default", "version": 1, "hash": "h", "body": Json({})}
    cursor.execute(
        "insert into ops.ruleset (name, version, hash, body)"
        " values (%(name)s, %(version)s, %(hash)s, %(body)s) returning ruleset_id",
        ruleset,
    )
    ruleset_id = cursor.fetchone()[0]
    _load_ledger(cursor, known)
    _load_facts(cursor, known.payments, ruleset_id)
    _load_labels(cursor, known.payments)
    _load_rollup(cursor, known.payments)
    _load_quarantine(cursor, known)


def _load_parties(cursor: Any, known: Known) -> None:
    execute_values(
        cursor,
        "insert into core.dim_customer (customer_id, name, home_country, segment) values %s",
        [(str(one.id), one.name, one.country, one.kind) for one in known.customers],
    )
    execute_values(
        cursor,
        "insert into core.dim_merchant (merchant_id, name, country, category, risk_tier) values %s",
        [(str(one.id), one.name, one.country, one.kind, "low") for one in known.merchants],
    )


def _load_ledger(cursor: Any, known: Known) -> None:
    rows = [
        ("transactions", 1, number, Json([]), one.facts + one.quarantined + one.duplicates, one.facts, 0,
         one.quarantined, one.duplicates, one.p50_ms, one.p95_ms, one.committed_at)
        for number, one in enumerate(known.batches)
    ]  # fmt: skip
    execute_values(
        cursor,
        "insert into ops.stream_ledger (query, epoch, batch_id, offset_ranges, rows_in, facts, alerts,"
        " quarantined, duplicates, latency_p50_ms, latency_p95_ms, committed_at) values %s",
        rows,
    )
    execute_values(
        cursor,
        "insert into ops.stream_offset (query, topic, kafka_partition, next_offset) values %s",
        [("transactions", "transactions", *place) for place in known.scored_to.items()],
    )
    execute_values(
        cursor,
        "insert into ops.archive_object (topic, kafka_partition, start_offset, end_offset, key, rows, bytes,"
        " archived_at) values %s",
        [
            ("transactions", partition, start, end, f"{partition}/{start}", end - start, size,
             datetime(2026, 3, 7, partition, start // 100, tzinfo=UTC))
            for partition, objects in known.archived.items()
            for start, end, size in objects
        ],
    )  # fmt: skip


def _load_facts(cursor: Any, payments: Iterable[Payment], ruleset_id: int) -> None:
    facts = [
        (str(one.id), str(one.customer.id), str(one.merchant.id), one.occurred_at, 0.0, 0.0, 1, ruleset_id,
         False, bool(one.rules), one.amount, one.currency, one.country, one.method, "device", list(one.rules))
        for one in payments
    ]  # fmt: skip
    execute_values(cursor, "insert into core.fact_transaction values %s", facts)
    alerts = [
        (str(one.id), str(one.customer.id), one.occurred_at, 1, ruleset_id, severity(one), list(one.rules),
         Json({rule: {"amount": str(one.amount)} for rule in one.rules}))
        for one in payments
        if one.rules
    ]  # fmt: skip
    execute_values(
        cursor,
        "insert into core.fact_alert (transaction_id, customer_id, occurred_at, ledger_seq, ruleset_id,"
        " severity, rules, evidence) values %s",
        alerts,
    )


def _load_labels(cursor: Any, payments: Iterable[Payment]) -> None:
    cursor.execute(
        "insert into ops.label_ledger (query, epoch, offset_ranges, rows_in, first_labels, corrections,"
        " outdated, duplicates, quarantined, committed_at)"
        " values ('labels', 1, '[]', 0, 0, 0, 0, 0, 0, now())"
    )
    execute_values(
        cursor,
        "insert into core.fact_chargeback (transaction_id, known_at, label_seq, is_fraud) values %s",
        [
            (str(one.id), one.occurred_at + timedelta(days=9), 1, one.is_fraud)
            for one in payments
            if one.is_fraud is not None
        ],
    )


def severity(payment: Payment) -> str:
    """The worst of the rules that fired."""
    order = ["low", "medium", "high"]
    return max((SEVERITIES[rule] for rule in payment.rules), key=order.index)


def _load_rollup(cursor: Any, payments: Iterable[Payment]) -> None:
    minutes: dict[tuple[datetime, str], list[Payment]] = defaultdict(list)
    for one in payments:
        minutes[one.occurred_at.replace(second=0), one.currency].append(one)
    rows = [
        (minute, currency, len(ones), sum(one.amount for one in ones), sum(bool(one.rules) for one in ones),
         sum((one.amount for one in ones if one.rules), Decimal(0)))
        for (minute, currency), ones in minutes.items()
    ]  # fmt: skip
    execute_values(cursor, "insert into core.rollup_minute values %s", rows)


def _load_quarantine(cursor: Any, known: Known) -> None:
    execute_values(
        cursor,
        "insert into ops.quarantine (topic, kafka_partition, kafka_offset, appended_at, raw, reason, field,"
        " ledger_seq, resolution, resolved_at) values %s",
        [
            ("transactions", one.partition, one.offset, one.appended_at, one.raw, one.reason, one.field, 1,
             *(("fact", one.appended_at) if one.is_resolved else (None, None)))
            for one in known.held
        ],
    )  # fmt: skip


def counted(values: Iterable[Any]) -> list[tuple[Any, int]]:
    """Count equal values, most frequent first, then in their own order."""
    return sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
