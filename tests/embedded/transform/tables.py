"""The tables that dbt builds, whole: to compare what two builds made of the same facts."""

from typing import Any

from txwatch.postgres import Connection

_BUILT = """
select table_schema || '.' || table_name from information_schema.tables
where table_schema in ('marts', 'staging', 'history') and table_type = 'BASE TABLE'
order by 1
"""
CLOCKS = {"staging.stg_ledger_horizon": "taken_at"}
"""Columns that say when a build took place."""


def built_tables(connection: Connection) -> list[str]:
    """Name every table that is built, seeds and snapshots included."""
    with connection.cursor() as cursor:
        cursor.execute(_BUILT)
        return [name for (name,) in cursor.fetchall()]


def contents(connection: Connection) -> dict[str, list[str]]:
    """Return every row of every built table as text, sorted; in one snapshot."""
    with connection, connection.cursor() as cursor:
        found: dict[str, list[str]] = {}
        for name in built_tables(connection):
            cursor.execute(f"select (to_jsonb(t) - %s)::text from {name} as t", (CLOCKS.get(name, ""),))
            found[name] = sorted(row for (row,) in cursor.fetchall())
        return found


def row_versions(connection: Connection, tables: list[str]) -> dict[str, set[tuple[Any, ...]]]:
    """Return where every row of the tables lies and which transaction wrote it: rewritten rows differ."""
    with connection, connection.cursor() as cursor:
        found = {}
        for name in tables:
            cursor.execute(f"select ctid::text, xmin::text from {name}")
            found[name] = set(cursor.fetchall())
        return found


def difference(
    one: dict[str, list[str]], other: dict[str, list[str]]
) -> dict[str, tuple[list[str], list[str]]]:
    """Return, by table, the rows that only the one and only the other has (three of each, for people)."""
    differing = {}
    for name in one.keys() | other.keys():
        here, there = set(one.get(name, [])), set(other.get(name, []))
        if one.get(name) != other.get(name):
            differing[name] = (sorted(here - there)[:3], sorted(there - here)[:3])
    return differing
