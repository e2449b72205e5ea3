"""Every card's numbers, against the same figures worked out in Python from the payments themselves."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import Any

import pytest
from known_payments import Batch, Held, Known, Payment, counted, severity

from txwatch.dashboards.answers import answer
from txwatch.dashboards.definitions import load_cards
from txwatch.postgres import Connection

CARDS = {card.id: card for card in load_cards()}
Values = dict[str, Any]
Rows = list[tuple[Any, ...]]

FILTERS: dict[str, Values] = {
    "no filter": {},
    "days": {"day_from": date(2026, 3, 3), "day_to": date(2026, 3, 5)},
    "one day": {"day_from": date(2026, 3, 6), "day_to": date(2026, 3, 6)},
    "from a day on": {"day_from": date(2026, 3, 5)},
    "currency": {"currency": "USD"},
    "country": {"country": "FR"},
    "rule": {"rule": "foreign"},
    "everything": {
        "day_from": date(2026, 3, 2),
        "day_to": date(2026, 3, 6),
        "currency": "EUR",
        "country": "DE",
        "rule": "foreign",
    },
    "nothing there": {"day_from": date(2030, 1, 1)},
}


def rounded(number: Any, places: int) -> Decimal:
    """Round as Postgres rounds numeric: half away from zero."""
    return Decimal(number).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def percent(part: Any, whole: Any, places: int = 3) -> Decimal | None:
    return rounded(Decimal(100) * part / whole, places) if whole else None


def in_days(day: date, values: Values) -> bool:
    first, last = values.get("day_from", date.min), values.get("day_to", date.max)
    return bool(first <= day <= last)


def naive(moment: datetime) -> datetime:
    """Drop the zone of a UTC time, as the cards show it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


class Oracle:
    """The answers, from the payments; a method per card."""

    def __init__(self, known: Known, values: Values, takes: tuple[str, ...]) -> None:
        self.known = known
        self.values = {name: value for name, value in values.items() if name in takes}

    def payments(self) -> list[Payment]:
        wanted = self.values
        return [
            one
            for one in self.known.payments
            if in_days(one.day, wanted)
            and wanted.get("currency", one.currency) == one.currency
            and wanted.get("country", one.country) == one.country
            and ("rule" not in wanted or wanted["rule"] in one.rules)
        ]

    def alerts(self) -> list[Payment]:
        return [one for one in self.payments() if one.rules]

    def batches(self) -> list[Batch]:
        return [one for one in self.known.batches if in_days(one.committed_at.date(), self.values)]

    def held(self) -> list[Held]:
        return [
            one
            for one in self.known.held
            if not one.is_resolved and in_days(one.appended_at.date(), self.values)
        ]

    def recent(self) -> dict[datetime, list[Batch]]:
        last = max(one.committed_at for one in self.known.batches)
        minutes: dict[datetime, list[Batch]] = defaultdict(list)
        for one in self.known.batches:
            if one.committed_at > last - timedelta(hours=3):
                minutes[naive(one.committed_at).replace(second=0)].append(one)
        return dict(sorted(minutes.items()))

    def ops_scored(self) -> Rows:
        return [(sum(one.facts for one in self.batches()),)]

    def ops_quarantine_share(self) -> Rows:
        rows_in = sum(one.facts + one.quarantined + one.duplicates for one in self.batches())
        return [(percent(sum(one.quarantined for one in self.batches()), rows_in),)]

    def ops_throughput(self) -> Rows:
        return [
            (
                minute,
                sum(one.facts for one in ones),
                sum(one.quarantined for one in ones),
                sum(one.duplicates for one in ones),
            )
            for minute, ones in self.recent().items()
        ]

    def ops_latency(self) -> Rows:
        return [
            (minute, rounded(median(p50s), 1), rounded(max(one.p95_ms or 0 for one in ones), 1))
            for minute, ones in self.recent().items()
            if (p50s := [one.p50_ms for one in ones if one.p50_ms is not None])
        ]

    def ops_archive_lag(self) -> Rows:
        return [
            ("transactions", 0, 400, 400, 0, Decimal("2.0"), naive(datetime(2026, 3, 7, 0, 2, tzinfo=UTC))),
            ("transactions", 1, 320, 300, 20, Decimal("1.5"), naive(datetime(2026, 3, 7, 1, 0, tzinfo=UTC))),
            ("transactions", 2, 10, 0, 10, None, None),
        ]

    def ops_quarantine_by_reason(self) -> Rows:
        return list(counted(one.reason for one in self.held()))

    def ops_quarantine_newest(self) -> Rows:
        newest = sorted(
            self.held(), key=lambda one: (-one.appended_at.timestamp(), one.partition, -one.offset)
        )
        return [
            (
                naive(one.appended_at),
                one.reason,
                one.field,
                f"transactions/{one.partition}@{one.offset}",
                "".join(chr(byte) if byte and byte < 128 else f"\\{byte:03o}" for byte in one.raw[:160]),
            )
            for one in newest[:50]
        ]

    def fraud_alerts(self) -> Rows:
        return [(len(self.alerts()),)]

    def fraud_flagged_share(self) -> Rows:
        return [(percent(len(self.alerts()), len(self.payments())),)]

    def fraud_newest(self) -> Rows:
        newest = sorted(self.alerts(), key=lambda one: (-one.occurred_at.timestamp(), one.id))
        return [
            (
                naive(one.occurred_at),
                severity(one),
                ", ".join(one.rules),
                one.amount,
                one.currency,
                one.country,
                one.method,
                one.merchant.name,
                "{"
                + ", ".join(f'"{rule}": {{"amount": "{one.amount}"}}' for rule in json_order(one.rules))
                + "}",
                str(one.id),
            )
            for one in newest[:50]
        ]

    def fraud_repeat_customers(self) -> Rows:
        raised: dict[Any, list[Payment]] = defaultdict(list)
        for one in self.alerts():
            raised[one.customer].append(one)
        ranked = sorted(raised.items(), key=lambda item: (-len(item[1]), item[0].id))
        return [
            (
                len(ones),
                customer.name,
                customer.country,
                customer.kind,
                naive(max(one.occurred_at for one in ones)),
                str(customer.id),
            )
            for customer, ones in ranked[:20]
        ]


def json_order(names: tuple[str, ...]) -> list[str]:
    """Order keys as jsonb does: the shorter first, then by bytes."""
    return sorted(names, key=lambda name: (len(name), name))


ASKED = [
    pytest.param(name, values, id=f"{name}, {case}")
    for name in CARDS
    if hasattr(Oracle, name)
    for case, values in FILTERS.items()
    if not values or set(values) & set(CARDS[name].filters)
]


@pytest.mark.parametrize(("name", "values"), ASKED)
def test_a_card_answers_as_python_does(reader: Connection, known: Known, name: str, values: Values) -> None:
    card = CARDS[name]
    expected = getattr(Oracle(known, values, card.filters), name)()
    assert expected or values, "the payments say nothing of this card"
    assert answer(reader, card, values).rows == expected


def test_the_age_of_the_last_commit_is_told(reader: Connection, known: Known) -> None:
    last = max(one.committed_at for one in known.batches)
    before = datetime.now(UTC)
    ((seconds,),) = answer(reader, CARDS["ops_last_commit"], {}).rows
    assert (before - last).total_seconds() - 1 <= seconds <= (datetime.now(UTC) - last).total_seconds() + 1
