"""Reads alerts and labels from the warehouse, to compare them."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from txwatch.postgres import Connection, connect
from txwatch.settings import Settings
from txwatch.warehouse.verdict_quality import RuleQuality, assess_rules

# What never became a fact is left out: it was quarantined, or is still under way.
_FRAUDS = """
select transaction_id::text
from core.fact_chargeback
inner join core.fact_transaction using (transaction_id)
where superseded_seq is null and fact_chargeback.is_fraud
"""
_ALERTS = "select transaction_id::text, rules from core.fact_alert"


def read_rule_quality(settings: Settings) -> list[RuleQuality]:
    """Compare all alerts with all labels that `txwatch labels` has entered so far.

    Raises:
        UnavailableError: Postgres does not answer.
    """
    with closing(connect(settings.postgres("analyst"))) as connection:
        frauds = {transaction_id for (transaction_id,) in _rows(connection, _FRAUDS)}
        return assess_rules(_rows(connection, _ALERTS), frauds)


def _rows(connection: Connection, statement: str) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        yield from cursor
