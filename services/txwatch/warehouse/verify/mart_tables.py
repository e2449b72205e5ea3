"""Reads the daily revenue, and works it out again from the facts and labels that it was built from."""

from collections.abc import Mapping
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function

from txwatch.warehouse.verify import queries
from txwatch.warehouse.verify.inputs import MartReading, Revenue, RevenueKey


def read_mart(cursor: Cursor) -> MartReading | None:
    """Read the mart and what it should say; `None` where no mart has been built.

    The highest ledger numbers among the mart's own rows say how far it was built: of what lies below them,
    a complete build leaves nothing out.
    """
    if not _is_readable(cursor, "marts", "fct_daily_revenue"):
        return None
    [(ledger_seq, label_seq)] = _rows(cursor, queries.MART_BUILT_TO)
    built_to = {"ledger_seq": ledger_seq, "label_seq": label_seq}
    due_to = None
    if _is_readable(cursor, "staging", "stg_ledger_horizon"):
        [(due_to,)] = _rows(cursor, queries.MART_DUE_TO)
    [later] = _rows(cursor, queries.LATER, built_to)
    return MartReading(
        ledger_seq,
        due_to,
        _revenue(_rows(cursor, queries.MART)),
        _revenue(_rows(cursor, queries.REVENUE, built_to)),
        *later,
    )


def _is_readable(cursor: Cursor, schema: str, table: str) -> bool:
    [(is_readable,)] = _rows(cursor, queries.IS_READABLE, {"schema": schema, "table": table})
    return bool(is_readable)


def _revenue(rows: list[tuple[Any, ...]]) -> dict[RevenueKey, Revenue]:
    return {RevenueKey(*row[:2]): Revenue(*row[2:]) for row in rows}


def _rows(
    cursor: Cursor, statement: str, parameters: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    cursor.execute(statement, parameters)
    return cursor.fetchall()
