"""The cards that read marts, against the same figures worked out in Python from the payments themselves."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from math import ceil
from typing import Any

import pytest
from known_payments import Known, Party, Payment
from test_card_numbers import CARDS, FILTERS, Rows, Values, in_days, percent, rounded

from txwatch.dashboards.answers import NotBuiltError, answer
from txwatch.postgres import Connection, connect
from txwatch.settings import Settings, load_settings
from txwatch.transform.environment import PROJECT_DIR


@pytest.fixture
def marts(known_marts: Settings) -> Iterator[Connection]:
    with closing(connect(known_marts.postgres("dashboard_reader"))) as connection:
        yield connection


@cache
def published() -> dict[str, dict[str, str]]:
    """The seed: day -> currency -> units for one euro."""
    with (PROJECT_DIR / "seeds" / "fx_rate.csv").open() as file:
        return {row["rate_on"]: row for row in csv.DictReader(file)}


def in_euro(payment: Payment) -> Decimal:
    """Convert at the last rate that was published by the day, and round to the cent."""
    if payment.currency == "EUR":
        return payment.amount
    newest = max(day for day in published() if day <= payment.day.isoformat())
    rate = rounded(1 / Decimal(published()[newest][payment.currency.lower()]), 12)
    return rounded(payment.amount * rate, 2)


@dataclass(frozen=True)
class Oracle:
    """The answers; a method per card."""

    known: Known
    values: Values

    def payments(self) -> list[Payment]:
        """Those of the chosen days and currency."""
        return [
            one
            for one in self.known.payments
            if in_days(one.day, self.values)
            and self.values.get("currency", one.currency) == one.currency
            and self.values.get("country", one.merchant.country) == one.merchant.country
        ]

    def net(self) -> list[Payment]:
        return [one for one in self.payments() if not one.rules]

    def net_by(self, key: Callable[[Payment], Any]) -> Rows:
        """The fifteen largest; a group whose payments are all suspicious is still there."""
        sums = {key(one): Decimal("0.00") for one in self.payments()}
        for one in self.net():
            sums[key(one)] += in_euro(one)
        return sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:15]

    def biz_net(self) -> Rows:
        return [(sum(map(in_euro, self.net()), Decimal(0)),)]

    def biz_confirmed_fraud(self) -> Rows:
        return [(sum((in_euro(one) for one in self.payments() if one.is_fraud), Decimal(0)),)]

    def biz_daily(self) -> Rows:
        days: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for one in self.payments():
            days[one.day][bool(one.rules)] += in_euro(one)
        return [(day, *sums) for day, sums in sorted(days.items())]

    def biz_by_currency(self) -> Rows:
        rows = []
        for currency in {one.currency for one in self.payments()}:
            ones = [one for one in self.payments() if one.currency == currency]
            gross = sum(one.amount for one in ones)
            suspicious = sum((one.amount for one in ones if one.rules), Decimal(0))
            net_euro = sum((in_euro(one) for one in ones if not one.rules), Decimal(0))
            rows.append((currency, len(ones), gross, suspicious, gross - suspicious, net_euro))
        return sorted(rows, key=lambda row: (-row[5], row[0]))

    def biz_by_category(self) -> Rows:
        return self.net_by(lambda one: one.merchant.kind)

    def biz_by_country(self) -> Rows:
        return self.net_by(lambda one: one.merchant.country)

    def biz_customer_bands(self) -> Rows:
        spent: dict[Party, Decimal] = defaultdict(Decimal)
        for one in self.known.payments:
            spent[one.customer] += in_euro(one)
        bands: dict[int, list[Decimal]] = defaultdict(list)
        for amount in spent.values():
            no_more = sum(other <= amount for other in spent.values())
            bands[ceil(5 * no_more / len(spent))].append(amount)
        whole = sum(spent.values())
        return [(band, percent(sum(ones), whole, 2), len(ones)) for band, ones in sorted(bands.items())]

    def biz_top_merchants(self) -> Rows:
        gross: dict[Party, Decimal] = defaultdict(Decimal)
        for one in self.known.payments:
            gross[one.merchant] += in_euro(one)
        rows = []
        for merchant in {one.merchant for one in self.payments()}:
            ones = [one for one in self.payments() if one.merchant == merchant]
            rank = 1 + sum(
                amount > gross[merchant] for other, amount in gross.items() if other.kind == merchant.kind
            )
            net = sum((in_euro(one) for one in ones if not one.rules), Decimal(0))
            flagged = percent(sum(bool(one.rules) for one in ones), len(ones), 2)
            described = (merchant.name, merchant.kind, merchant.country, "low")
            rows.append((net, merchant.id, (*described, len(ones), net, flagged, rank)))
        return [row for _, _, row in sorted(rows, key=lambda item: (-item[0], item[1]))[:20]]

    def fraud_by_hour(self) -> Rows:
        total = Counter(one.occurred_at.hour for one in self.payments())
        flagged = Counter(one.occurred_at.hour for one in self.payments() if one.rules)
        return [(hour, percent(flagged[hour], total[hour])) for hour in sorted(total)]

    def fraud_by_country(self) -> Rows:
        countries: dict[str, list[bool]] = defaultdict(list)
        for one in self.payments():
            countries[one.merchant.country].append(bool(one.rules))
        rows = [(name, percent(sum(ones), len(ones)), len(ones)) for name, ones in countries.items()]
        return sorted(rows, key=lambda row: (-(row[1] or 0), row[0]))

    def fraud_by_rule(self) -> Rows:
        wanted = self.values.get("rule")
        fired = Counter(
            (one.day, rule) for one in self.payments() for rule in one.rules if wanted in (None, rule)
        )
        return [(*key, number) for key, number in sorted(fired.items())]

    def fraud_rule_precision(self) -> Rows:
        truths: dict[str, list[bool]] = defaultdict(list)
        for one in self.payments():
            for rule in one.rules:
                if one.is_fraud is not None and rule == self.values.get("rule", rule):
                    truths[rule].append(one.is_fraud)
        rows = [(rule, percent(sum(ones), len(ones), 1), len(ones)) for rule, ones in truths.items()]
        return sorted(rows, key=lambda row: (-(row[1] or 0), row[0]))


ASKED = [
    pytest.param(name, values, id=f"{name}, {case}")
    for name in CARDS
    if hasattr(Oracle, name)
    for case, values in FILTERS.items()
    if not values or set(values) & set(CARDS[name].filters)
]


def test_every_card_that_reads_marts_is_asked() -> None:
    assert {name for name in CARDS if hasattr(Oracle, name)} == {
        name for name, card in CARDS.items() if "marts." in card.sql
    }


@pytest.mark.parametrize(("name", "values"), ASKED)
def test_a_card_on_marts_answers_as_python_does(
    marts: Connection, known: Known, name: str, values: Values
) -> None:
    card = CARDS[name]
    taken = {key: value for key, value in values.items() if key in card.filters}
    expected = getattr(Oracle(known, taken), name)()
    assert expected or values, "the payments say nothing of this card"
    assert answer(marts, card, values).rows == expected


def test_a_mart_that_is_not_there_yet_says_how_to_build_it(unbuilt_environment: dict[str, str]) -> None:
    settings = load_settings(state_dir=unbuilt_environment["TXWATCH_STATE_DIR"], postgres_database="unbuilt")
    with closing(connect(settings.postgres("dashboard_reader"))) as connection:
        for name in ("biz_net", "fraud_rule_precision"):
            with pytest.raises(NotBuiltError, match="`make dbt`"):
                answer(connection, CARDS[name], {})
