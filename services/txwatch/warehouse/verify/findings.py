"""Puts what a query finds into words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function

NAMED_FINDINGS = 100
"""How many findings of one kind are named; the rest is counted."""


def findings(cursor: Cursor, query: str, names: Mapping[str, Any], name: Callable[..., str]) -> list[str]:
    """Name what a query finds; its last column is how many rows it would have without its limit."""
    cursor.execute(query, names)
    rows = cursor.fetchall()
    unnamed = rows[0][-1] - len(rows) if rows else 0
    return [name(*row[:-1]) for row in rows] + ([f"and {unnamed} more"] if unnamed else [])


def counted(finding: str, count: int, example: str) -> str:
    """Name a kind of finding, how often it was found, and one example."""
    return f"{count} {finding}, such as {example}"


def differing(names: Sequence[str], figures: Sequence[Any], one: str, other: str) -> str:
    """Name the figures that are not the same on both sides; the second half belongs to the other side."""
    pairs = zip(names, figures[: len(names)], figures[len(names) :], strict=True)
    return ", ".join(
        f"{name} {left} in {one}, {right} in {other}" for name, left, right in pairs if left != right
    )
