"""Reads the warehouse's side of the balance: plain selects in one snapshot, as a role that can only read."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function

from txwatch.errors import TxwatchError
from txwatch.postgres import connect
from txwatch.warehouse.verify import queries
from txwatch.warehouse.verify.findings import NAMED_FINDINGS, counted, differing, findings
from txwatch.warehouse.verify.inputs import (
    LabelReading,
    LedgerReading,
    MartReading,
    Money,
    MoneyKey,
    Span,
    Totals,
    WarehouseReading,
)
from txwatch.warehouse.verify.label_tables import label_quarantine, read_label_tables
from txwatch.warehouse.verify.mart_tables import read_mart
from txwatch.warehouse.verify.plan import ArchivedObject, ArchivePlan, Offsets

STREAM_QUERY = "transactions"
"""The query that reads Kafka; any other in ops.stream_ledger takes its rows from the quarantine."""


@dataclass(frozen=True)
class WarehouseSide:
    """All that Postgres knows, as of one moment."""

    ledger: LedgerReading
    warehouse: WarehouseReading
    plan: ArchivePlan
    mart: MartReading | None
    labels: LabelReading
    label_quarantine: frozenset[tuple[int, int]]
    """Partition and offset of what the labels' reader has refused."""


def read_warehouse(options: Mapping[str, Any], topic: str, labels_topic: str) -> WarehouseSide:
    """Read ledgers, tables and the mart in one snapshot.

    Args:
        options: `psycopg2.connect` arguments of a role that may select from core and ops.
        topic: the topic of the transactions.
        labels_topic: the topic of the fraud labels.

    Raises:
        UnavailableError: Postgres does not answer.
        TxwatchError: the schema is not there, or the connection broke.
    """
    names = {"query": STREAM_QUERY, "topic": topic, "limit": NAMED_FINDINGS}
    with _snapshot(options) as cursor:
        cursor.execute(queries.SPANS, names)
        spans = cursor.fetchall()
        cursor.execute(queries.NEXT_OFFSETS, names)
        next_offsets: dict[int, int] = dict(cursor.fetchall())
        ledger = LedgerReading(
            [Span(*span[:3]) for span in spans],
            next_offsets,
            _totals(cursor, names | {"is_stream": True}),
            _totals(cursor, names | {"is_stream": False}),
        )
        return WarehouseSide(
            ledger,
            _tables(cursor, names),
            _plan(cursor, names, spans, next_offsets),
            read_mart(cursor),
            read_label_tables(cursor, labels_topic),
            label_quarantine(cursor, labels_topic),
        )


def read_next_offsets(options: Mapping[str, Any], query: str, topic: str) -> dict[int, int]:
    """Read where a query stands in its topic now.

    Raises:
        UnavailableError: Postgres does not answer.
    """
    with _snapshot(options) as cursor:
        cursor.execute(queries.NEXT_OFFSETS, {"query": query, "topic": topic})
        return dict(cursor.fetchall())


def read_archive_ledger(
    options: Mapping[str, Any], topic: str
) -> tuple[list[ArchivedObject], frozenset[str]]:
    """Read the archive's objects, in order of offset, and those on their way in or out.

    Raises:
        UnavailableError: Postgres does not answer.
    """
    with _snapshot(options) as cursor:
        return _archive_ledger(cursor, {"topic": topic})


@contextmanager
def _snapshot(options: Mapping[str, Any]) -> Iterator[Cursor]:
    connection = connect(options)
    try:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection, connection.cursor() as cursor:
            yield cursor
    except psycopg2.ProgrammingError as error:
        reason = " ".join(str(error).split())
        raise TxwatchError(f"the warehouse does not have the schema ({reason}): run `txwatch up`") from error
    except psycopg2.OperationalError as error:
        reason = " ".join(str(error).split())
        raise TxwatchError(f"Postgres broke off ({reason}): run `txwatch verify` again") from error
    finally:
        connection.close()


def _totals(cursor: Cursor, names: Mapping[str, Any]) -> Totals:
    cursor.execute(queries.TOTALS, names)
    return Totals(*cursor.fetchall()[0])


def _tables(cursor: Cursor, names: Mapping[str, Any]) -> WarehouseReading:
    cursor.execute(queries.MONEY)
    money = {
        MoneyKey(currency, day): Money(transactions, amount, id_sum)
        for currency, day, transactions, amount, id_sum in cursor.fetchall()
    }
    cursor.execute(queries.COUNTS, names)
    facts, flagged, alerts, quarantined, as_fact, as_duplicate = cursor.fetchall()[0]
    return WarehouseReading(
        facts,
        flagged,
        alerts,
        quarantined,
        as_fact,
        as_duplicate,
        batch_findings=findings(cursor, queries.BATCHES, names, _batch_finding),
        alert_findings=findings(cursor, queries.ALERTS, names, counted),
        rollup_findings=findings(cursor, queries.ROLLUPS, names, _rollup_finding),
        reference_findings=findings(cursor, queries.REFERENCES, names, counted),
        money=money,
    )


def _batch_finding(ledger_seq: int | None, *counts: int) -> str:
    return f"batch {ledger_seq}: {differing(('facts', 'alerts', 'quarantined'), counts, 'ledger', 'table')}"


def _rollup_finding(minute: datetime, currency: str, *figures: Decimal | None) -> str:
    names = ("transactions", "amount", "flagged", "flagged amount")
    return f"{minute:%Y-%m-%d %H:%M} {currency}: {differing(names, figures, 'rollup', 'facts')}"


def _plan(
    cursor: Cursor,
    names: Mapping[str, Any],
    spans: Iterable[tuple[int, ...]],
    next_offsets: Mapping[int, int],
) -> ArchivePlan:
    objects, in_transit = _archive_ledger(cursor, names)
    cursor.execute(queries.QUARANTINE, names)
    batches = _by_partition((partition, start, seq) for partition, start, _, seq in spans)
    return ArchivePlan(
        names["topic"], objects, dict(next_offsets), batches, _by_partition(cursor), in_transit
    )


def _archive_ledger(cursor: Cursor, names: Mapping[str, Any]) -> tuple[list[ArchivedObject], frozenset[str]]:
    cursor.execute(queries.OBJECTS, names)
    objects = [ArchivedObject(Span(*row[:3]), row[3], row[4]) for row in cursor.fetchall()]
    cursor.execute(queries.TRANSIT, names)
    return objects, frozenset(key for (key,) in cursor.fetchall())


def _by_partition(rows: Iterable[tuple[int, ...]]) -> dict[int, Offsets]:
    """Gather (partition, offset, ledger_seq) rows, in order of offset, into arrays."""
    gathered: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    for partition, *pair in rows:
        gathered[partition].append(tuple(pair))
    return {
        partition: Offsets(*np.array(pairs, dtype=np.int64).T.copy()) for partition, pairs in gathered.items()
    }
