"""Alerts, their evidence and the transactions around them, by the indexes of core.fact_alert and the fact."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from txwatch.console.database import read
from txwatch.console.windows import Window
from txwatch.postgres import Connection

# Counted by the whole array first: a million alerts become a few hundred groups before they are taken apart.
BY_RULE = """
select starts_at, rule, sum(alerts)::bigint
from (
    select date_bin(%(step)s, raised_at, 'epoch') as starts_at, rules, count(*) as alerts
    from core.fact_alert
    where raised_at >= date_bin(%(step)s, now() - %(span)s, 'epoch') + %(step)s
        and raised_at < date_bin(%(step)s, now(), 'epoch')
    group by 1, rules
) as counted, unnest(rules) as rule
group by starts_at, rule
order by starts_at, rule
"""

_ALERT = """
select alert.transaction_id, alert.raised_at, alert.occurred_at, alert.severity, alert.rules, alert.evidence,
    alert.customer_id, customer.name, customer.home_country, merchant.name, merchant.category,
    fact.amount, fact.currency, fact.country, fact.payment_method, fact.device_id,
    fact.latitude, fact.longitude
from core.fact_alert as alert
join core.fact_transaction as fact using (transaction_id)
left join core.dim_customer as customer on customer.customer_id = alert.customer_id
left join core.dim_merchant as merchant on merchant.merchant_id = fact.merchant_id
"""

NEWEST = f"""
{_ALERT}
where alert.raised_at > now() - %(span)s and (%(rule)s is null or %(rule)s = any(alert.rules))
order by alert.raised_at desc, alert.transaction_id
limit %(limit)s
"""

ONE = f"{_ALERT} where alert.transaction_id = %(transaction_id)s"

TIMELINE = """
(
    select transaction_id, occurred_at, amount, currency, country, is_fraud, rules
    from core.fact_transaction
    where customer_id = %(customer_id)s and occurred_at <= %(occurred_at)s
    order by occurred_at desc
    limit %(limit)s
)
union
(
    select transaction_id, occurred_at, amount, currency, country, is_fraud, rules
    from core.fact_transaction
    where customer_id = %(customer_id)s and occurred_at > %(occurred_at)s
    order by occurred_at
    limit %(limit)s
)
order by occurred_at
"""

RULES = """
select rule ->> 'id', coalesce(rule ->> 'description', '')
from ops.ruleset, jsonb_path_query(body, '$.rules[*]') as rule
order by ruleset_id
"""


class RuleBin(NamedTuple):
    """Alerts that one rule had a part in, raised in one bin of time."""

    starts_at: datetime
    rule: str
    alerts: int


class Alert(NamedTuple):
    """A flagged transaction, why it was flagged, and who took part; names are `None` for inferred dimensions.

    `evidence` maps each rule that fired to the columns it looked at and their values.
    """

    transaction_id: str
    raised_at: datetime
    occurred_at: datetime
    severity: str
    rules: list[str]
    evidence: dict[str, dict[str, Any]]
    customer_id: str
    customer: str | None
    home_country: str | None
    merchant: str | None
    category: str | None
    amount: Decimal
    currency: str
    country: str
    payment_method: str
    device_id: str
    latitude: float
    longitude: float

    @property
    def is_placeable(self) -> bool:
        """Its coordinates are on Earth (degrees), so that it can be drawn on a map."""
        return -90 <= self.latitude <= 90 and -180 <= self.longitude <= 180  # noqa: PLR2004


class Payment(NamedTuple):
    """One transaction of a customer's timeline."""

    transaction_id: str
    occurred_at: datetime
    amount: Decimal
    currency: str
    country: str
    is_fraud: bool
    rules: list[str]


class _RuleSentence(NamedTuple):
    rule: str
    sentence: str


def by_rule(connection: Connection, window: Window) -> list[RuleBin]:
    """Count alerts by rule in whole bins of raised_at; an alert of two rules counts for both."""
    return read(connection, BY_RULE, window.parameters, RuleBin)


def newest(connection: Connection, span: timedelta, limit: int, rule: str | None = None) -> list[Alert]:
    """Return the newest alerts of the last `span`, newest first, of one rule when it is given."""
    return read(connection, NEWEST, {"span": span, "limit": limit, "rule": rule}, Alert)


def find(connection: Connection, transaction_id: str) -> Alert | None:
    """Return one transaction's alert, or `None` when there is none."""
    return next(iter(read(connection, ONE, {"transaction_id": transaction_id}, Alert)), None)


def timeline(connection: Connection, alert: Alert, limit: int) -> list[Payment]:
    """Return the customer's transactions around the alert's, at most `limit` each way, oldest first."""
    parameters = {"customer_id": alert.customer_id, "occurred_at": alert.occurred_at, "limit": limit}
    return read(connection, TIMELINE, parameters, Payment)


def rule_sentences(connection: Connection) -> dict[str, str]:
    """Return each rule's sentence for people, of the newest ruleset that has the rule."""
    return {row.rule: row.sentence for row in read(connection, RULES, {}, _RuleSentence)}
