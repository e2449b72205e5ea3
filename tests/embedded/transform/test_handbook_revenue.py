"""The marts on transactions of others: each day's figures against a plain sum over the lines of their file.

By default the first 60,000 lines; `HANDBOOK_ROWS=0` takes the whole file.
"""

import csv
import gzip
import os
import random
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from io import StringIO
from pathlib import Path

import psycopg2
import pytest
import structlog
from dbt_process import Dbt
from psycopg2.extras import execute_values

from txwatch.generator.handbook import read_handbook
from txwatch.generator.replay import Replay
from txwatch.postgres import Connection
from txwatch.settings import Settings
from txwatch.transform.environment import PROJECT_DIR

log = structlog.get_logger()

ROWS = int(os.environ.get("HANDBOOK_ROWS", "60000")) or None
SLICE = 50_000
CENT = Decimal("0.01")


@dataclass
class Day:
    """What the lines of a day come to."""

    transactions: int = 0
    amount: Decimal = Decimal(0)
    euros: Decimal = Decimal(0)
    frauds: int = 0
    fraud_amount: Decimal = Decimal(0)


def dollars_in_euro() -> dict[str, Decimal]:
    """The seed's rates: day of publication -> euros for a dollar, to twelve places."""
    with (PROJECT_DIR / "seeds" / "fx_rate.csv").open() as file:
        return {
            row["rate_on"]: (1 / Decimal(row["usd"])).quantize(Decimal("1e-12"), ROUND_HALF_UP)
            for row in csv.DictReader(file)
        }


def days_of(path: Path) -> dict[str, Day]:
    """Sum the lines of the file by day, with nothing of ours but the rates."""
    days: dict[str, Day] = defaultdict(Day)
    rates = dollars_in_euro()
    rate_of: dict[str, Decimal] = {}
    with gzip.open(path, "rt") as file:
        for number, row in enumerate(csv.DictReader(file)):
            if ROWS is not None and number >= ROWS:
                break
            name = row["timestamp"][:10]
            if name not in rate_of:
                rate_of[name] = rates[max(day for day in rates if day <= name)]
            amount = Decimal(row["amount"]).quantize(CENT, ROUND_HALF_UP)
            day = days[name]
            day.transactions += 1
            day.amount += amount
            day.euros += (amount * rate_of[name]).quantize(CENT, ROUND_HALF_UP)
            if row["is_fraud"] == "1":
                day.frauds += 1
                day.fraud_amount += amount
    return days


def load(owner: Connection, replay: Replay) -> None:
    """Write what the replay sends as the stream would have: facts, parties, and the labels a week later."""
    with owner, owner.cursor() as cursor:
        cursor.execute("insert into ops.ruleset (name, version, hash, body) values ('none', 1, 'h', '{}')")
        cursor.execute(
            "insert into ops.stream_ledger (query, epoch, batch_id, offset_ranges, rows_in, facts, alerts,"
            " quarantined, duplicates, committed_at)"
            " values ('transactions', 1, 1, '[]', %s, %s, 0, 0, 0, now())",
            (replay.total, replay.total),
        )
        for first in range(0, replay.total, SLICE):
            rows = replay.transactions(first, min(first + SLICE, replay.total)).to_pylist()
            lines = StringIO()
            writer = csv.writer(lines)
            for row in rows:
                writer.writerow([*row.values(), 1, 1, False, "{}"])
            lines.seek(0)
            columns = [*rows[0], "ledger_seq", "ruleset_id", "is_fraud", "rules"]
            cursor.copy_expert(
                f"copy core.fact_transaction ({', '.join(columns)}) from stdin with (format csv)", lines
            )
        cursor.execute(
            "insert into core.dim_customer (customer_id)"
            " select distinct customer_id from core.fact_transaction;"
            "insert into core.dim_merchant (merchant_id)"
            " select distinct merchant_id from core.fact_transaction;"
            "insert into ops.label_ledger (query, epoch, offset_ranges, rows_in, first_labels, corrections,"
            " outdated, duplicates, quarantined, committed_at)"
            " values ('labels', 1, '[]', 0, 0, 0, 0, 0, 0, now())"
        )
        execute_values(
            cursor,
            "insert into core.fact_chargeback (transaction_id, known_at, label_seq, is_fraud) values %s",
            [(one, "2019-01-01", 1, True) for one in replay.labels(0, replay.total).transaction_ids],
            page_size=10_000,
        )


@pytest.mark.handbook
@pytest.mark.timeout(1800)
def test_each_day_is_the_plain_sum_of_its_lines(
    handbook_path: Path, warehouse: Settings, empty_warehouse: Callable[[], None], dbt: Dbt
) -> None:
    expected = days_of(handbook_path)
    empty_warehouse()
    with closing(psycopg2.connect(**warehouse.postgres("warehouse_owner"))) as owner:
        load(owner, Replay(read_handbook(handbook_path, ROWS), handbook_path.name))
    dbt.build()
    with closing(psycopg2.connect(**warehouse.postgres("analyst"))) as analyst, analyst.cursor() as cursor:
        cursor.execute(
            "select occurred_on::text, transactions, gross_amount, gross_amount_reporting,"
            " confirmed_fraud_transactions, confirmed_fraud_amount, currency from marts.fct_daily_revenue"
        )
        found = {day: Day(*figures) for day, *figures, currency in cursor if currency == "USD"}
    assert found.keys() == expected.keys()
    for name in random.SystemRandom().sample(sorted(expected), 3):
        log.info("a day of the handbook", day=name, marts=found[name], file=expected[name])
        assert found[name] == expected[name], name
    assert {name: day.frauds for name, day in found.items()} == {
        name: day.frauds for name, day in expected.items()
    }
    assert sum(day.frauds for day in expected.values()) > 0
    assert found == expected
