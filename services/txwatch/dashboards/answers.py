"""Ask the warehouse a card's question, as `dashboard_reader`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg2
import psycopg2.errors

from txwatch.dashboards.definitions import Card
from txwatch.dashboards.template import bind
from txwatch.errors import TxwatchError
from txwatch.postgres import Connection


class CardError(TxwatchError):
    """A card's question cannot be answered; the sentence says why and what to do."""


class NotBuiltError(CardError):
    """The card reads a mart that has not been built yet."""


@dataclass(frozen=True)
class Answer:
    """What a card's SQL returns: column names, and rows of as many values."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def answer(connection: Connection, card: Card, values: Mapping[str, object]) -> Answer:
    """Run a card's SQL in a read-only transaction of its own.

    Args:
        connection: a connection of `dashboard_reader` that is not in a transaction.
        card: what to ask.
        values: filter -> value; `None` or absent means not set.

    Raises:
        NotBuiltError: a table is not there yet.
        CardError: the query fails.
    """
    statement, parameters = bind(card.sql, values)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("set transaction read only")
            cursor.execute(statement, parameters)
            columns = tuple(column.name for column in cursor.description or ())
            return Answer(columns, cursor.fetchall())
    except psycopg2.errors.UndefinedTable as error:
        table = str(error).split('"')[1] if '"' in str(error) else "a table"
        raise NotBuiltError(f"{table} is not there yet: `make dbt` builds the marts") from None
    except psycopg2.Error as error:
        raise CardError(" ".join(str(error).split())) from None


_SAMPLE = {"day_from": "2000-01-01", "day_to": "2000-01-01", "currency": "XXX", "country": "XX", "rule": "-"}


def unanswerable(connection: Connection, cards: Iterable[Card]) -> list[str]:
    """Have each card planned without and with every filter, and list the sentences of those that fail."""
    failures: dict[str, str] = {}
    for card in cards:
        planned = card.model_copy(update={"sql": f"explain {card.sql}"})
        for values in ({}, _SAMPLE):
            try:
                answer(connection, planned, values)
            except CardError as error:
                failures[card.id] = f"{card.id}: {error}"
    return list(failures.values())
