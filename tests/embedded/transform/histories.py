"""Generated histories of a warehouse: what arrives in which batch, late, twice, out of order, and labelled.

Histories are independent of each other (own customers, merchants and days), so many share one warehouse and
its builds; only the ledger's numbers, and so the watermarks, are common.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg2.extras import Json, execute_values

FIRST_DAY = datetime(2018, 2, 1, tzinfo=UTC)
SPAN_DAYS = 50
"""Days of a history; the next one begins after them."""
LATEST_DAYS = 30
"""How late an event may come."""
CURRENCIES = ("EUR", "USD", "JPY")
RULES = ("amount_threshold", "foreign", "bad_geolocation")
TIERS = ("low", "medium", "high")
Cursor = Any


@dataclass
class History:
    """One generated sequence; each call of a method writes its next batch."""

    number: int
    chance: random.Random
    sent: list[tuple[Any, ...]] = field(default_factory=list)
    """Every fact that was written, as its row."""
    announced: list[str] = field(default_factory=list)
    """Transactions that are labelled and have not come yet."""
    known_at: datetime = FIRST_DAY

    def key(self, kind: int, number: int) -> str:
        return str(UUID(int=(kind << 96) + (self.number << 32) + number))

    def _new_transaction(self) -> str:
        return self.key(0xA, self.chance.getrandbits(31))

    @property
    def customers(self) -> list[str]:
        return [self.key(0xC, number) for number in range(4)]

    @property
    def merchants(self) -> list[str]:
        return [self.key(0xE, number) for number in range(3)]

    def facts(self, ledger_seq: int, progress: float) -> list[tuple[Any, ...]]:
        """The rows of a batch, some of which repeat earlier ones; `progress` (0 to 1) moves time on."""
        now = FIRST_DAY + timedelta(days=self.number * SPAN_DAYS + LATEST_DAYS + 15 * progress)
        rows = [self._fact(ledger_seq, now) for _ in range(self.chance.choice([0, 1, 3, 8]))]
        repeated = [(*row[:6], ledger_seq, *row[7:]) for row in self.sent if self.chance.random() < 0.1]
        self.sent += rows
        mixed = [*rows, *repeated, *self.chance.choices(rows, k=self.chance.randrange(2) if rows else 0)]
        self.chance.shuffle(mixed)
        return mixed

    def _fact(self, ledger_seq: int, now: datetime) -> tuple[Any, ...]:
        late = self.chance.choice([0, 0, 1, 5, LATEST_DAYS]) * self.chance.random()
        day = now - timedelta(days=late)
        # Some stand on the edges of a day, where a rebuilt key is off by one if it is.
        edge = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
        if self.chance.random() < 0.3:
            day = day.replace(**edge) - timedelta(microseconds=self.chance.randrange(2))
        is_announced = self.announced and self.chance.random() < 0.5
        transaction = self.announced.pop() if is_announced else self._new_transaction()
        rules = [rule for rule in RULES if self.chance.random() < 0.2]
        return (
            transaction, self.chance.choice(self.customers), self.chance.choice(self.merchants), day,
            0.0, 0.0, ledger_seq, 1, self.chance.random() < 0.3, bool(rules),
            self.chance.randrange(1, 99_999) / 100, self.chance.choice(CURRENCIES), "DE", "chip", "device",
            rules,
        )  # fmt: skip

    def labels(self) -> list[tuple[str, datetime, bool]]:
        """The labels of a batch: first ones, corrections, late truths, repeats, and of what has not come."""
        made = []
        for row in self.sent:
            if self.chance.random() < 0.25:
                self.known_at += timedelta(minutes=1)
                early = timedelta(days=90) * (
                    self.chance.random() < 0.3
                )  # older than what is known: outdated
                made.append((row[0], self.known_at - early, self.chance.random() < 0.5))
        if self.chance.random() < 0.5:
            self.announced.append(self._new_transaction())
            made.append((self.announced[-1], self.known_at, True))
        return [*made, *(label for label in made if self.chance.random() < 0.1)]

    def merchants_change(self) -> list[tuple[str, str]]:
        """Merchants whose risk tier changes now."""
        return [(one, self.chance.choice(TIERS)) for one in self.merchants if self.chance.random() < 0.2]


def prepare(cursor: Cursor) -> None:
    """Write what every history refers to."""
    cursor.execute("insert into ops.ruleset (name, version, hash, body) values ('generated', 1, 'h', '{}')")


def open_history(cursor: Cursor, history: History) -> None:
    """Make a history's parties; some are known, some only inferred."""
    execute_values(
        cursor,
        "insert into core.dim_customer (customer_id, home_country, segment, updated_at) values %s",
        [(one, "DE", "basic", "2018-01-01") for one in history.customers],
    )
    execute_values(
        cursor,
        "insert into core.dim_merchant (merchant_id, is_inferred, updated_at) values %s",
        [(one, True, "2018-01-01") for one in history.merchants],
    )


def commit_facts(cursor: Cursor, histories: Sequence[History], progress: float) -> None:
    """Write one micro-batch of all histories as the sink does: the first of each id counts, once for all."""
    cursor.execute(
        "insert into ops.stream_ledger (query, epoch, batch_id, offset_ranges, rows_in, facts, alerts,"
        " quarantined, duplicates, committed_at) select 'transactions', 1, coalesce(max(batch_id), 0) + 1,"
        " '[]', 0, 0, 0, 0, 0, now() from ops.stream_ledger returning ledger_seq"
    )
    (ledger_seq,) = cursor.fetchone()
    rows = [row for history in histories for row in history.facts(ledger_seq, progress)]
    written = execute_values(
        cursor,
        "insert into core.fact_transaction values %s on conflict do nothing returning transaction_id",
        rows,
        fetch=True,
        page_size=10_000,
    )
    new = {str(one) for (one,) in written}
    firsts = {row[0]: row for row in reversed(rows)}.values()
    execute_values(
        cursor,
        "insert into core.fact_alert (transaction_id, customer_id, occurred_at, ledger_seq, ruleset_id,"
        " severity, rules, evidence) values %s",
        [
            (row[0], row[1], row[3], ledger_seq, 1, "high" if len(row[15]) > 1 else "low", row[15], Json({}))
            for row in firsts
            if row[15] and row[0] in new
        ],
    )
    counts = (len(rows), len(written), len(rows) - len(written), ledger_seq)
    cursor.execute(
        "update ops.stream_ledger set rows_in = %s, facts = %s, duplicates = %s where ledger_seq = %s", counts
    )


def commit_labels(cursor: Cursor, histories: Sequence[History]) -> None:
    """Write one batch of labels as their consumer does: the latest `known_at` is the current truth."""
    cursor.execute(
        "insert into ops.label_ledger (query, epoch, offset_ranges, rows_in, first_labels, corrections,"
        " outdated, duplicates, quarantined, committed_at)"
        " values ('labels', 1, '[]', 0, 0, 0, 0, 0, 0, now()) returning label_seq"
    )
    (label_seq,) = cursor.fetchone()
    for transaction, known_at, is_fraud in (label for history in histories for label in history.labels()):
        cursor.execute(
            "select known_at from core.fact_chargeback where transaction_id = %s and superseded_seq is null",
            (transaction,),
        )
        current = cursor.fetchone()
        if current and current[0] == known_at:
            continue  # the same label again
        is_outdated = bool(current and current[0] > known_at)
        if current and not is_outdated:
            cursor.execute(
                "update core.fact_chargeback set superseded_seq = %s"
                " where transaction_id = %s and superseded_seq is null",
                (label_seq, transaction),
            )
        cursor.execute(
            "insert into core.fact_chargeback (transaction_id, known_at, label_seq, superseded_seq, is_fraud)"
            " values (%s, %s, %s, %s, %s)",
            (transaction, known_at, label_seq, label_seq if is_outdated else None, is_fraud),
        )


def change_merchants(cursor: Cursor, histories: Sequence[History], progress: float) -> None:
    """Make merchants known, or move them to another risk tier, as of a moment within their histories."""
    for history in histories:
        moment = FIRST_DAY + timedelta(days=history.number * SPAN_DAYS + LATEST_DAYS + 15 * progress - 3)
        for merchant, tier in history.merchants_change():
            cursor.execute(
                "update core.dim_merchant set risk_tier = %s, category = 'Books', is_inferred = false,"
                " updated_at = greatest(%s, updated_at + interval '1 second') where merchant_id = %s",
                (tier, moment, merchant),
            )
