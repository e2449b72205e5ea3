"""The console's way into the warehouse: one short, read-only transaction per refresh."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ
from psycopg2.extras import register_default_jsonb

from txwatch.errors import UnavailableError
from txwatch.postgres import Connection
from txwatch.settings import Settings

STATEMENT_TIMEOUT_MS = 3_000
CONNECT_TIMEOUT_SECONDS = 3

Row = TypeVar("Row", bound=tuple[Any, ...])


@contextmanager
def snapshot(settings: Settings) -> Iterator[Connection]:
    """Open one consistent, read-only view of the warehouse as dashboard_reader.

    All that is read inside is of the same moment, so that the figures of a page agree with each other.

    Raises:
        SettingError: the warehouse's address or password is not set.
        UnavailableError: it cannot be read; the sentence says why and what to do.
    """
    target = settings.postgres("dashboard_reader") | {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC",
    }
    try:
        connection = psycopg2.connect(**target)
    except psycopg2.OperationalError as error:
        raise UnavailableError(explain(error, settings)) from None
    try:
        connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        register_default_jsonb(connection, loads=partial(json.loads, parse_float=Decimal))
        yield connection
    except psycopg2.Error as error:
        raise UnavailableError(explain(error, settings)) from error
    finally:
        connection.close()


def read(connection: Connection, sql: str, parameters: dict[str, Any], row_type: type[Row]) -> list[Row]:
    """Run one query and return its rows as `row_type`, whose fields are the query's columns in order."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return [row_type(*row) for row in rows]


def explain(error: psycopg2.Error, settings: Settings) -> str:
    """Say in one sentence what keeps the console from reading, and the way out."""
    place = f"Postgres at {settings.postgres_host}:{settings.postgres_port}"
    reason = str(error).strip().splitlines()[0] if str(error).strip() else "the connection was lost"
    match error:
        case errors.UndefinedTable() | errors.InvalidSchemaName() | errors.UndefinedColumn():
            return f"The warehouse's schema is missing or old ({reason}): `txwatch up` applies it"
        case errors.InsufficientPrivilege():
            return f"dashboard_reader may not read this ({reason}): `txwatch up` applies the grants"
        case errors.QueryCanceled():
            limit = STATEMENT_TIMEOUT_MS // 1000
            return f"{place} took longer than {limit} s to answer: wait, or choose a shorter window"
        case _ if error.pgcode:
            return f"{place} cannot answer ({reason}): see its log"
        case _:
            return _explain_refusal(place, reason)


def _explain_refusal(place: str, reason: str) -> str:
    """Say why no connection came about; libpq reports no error code then, only the server's sentence."""
    said = reason.rpartition(": ")[2].strip()
    if "password authentication failed" in reason:
        return (
            f"{place} refuses dashboard_reader's password: set TXWATCH_DASHBOARD_READER_PASSWORD right, "
            "or unset it so that the one `txwatch up` recorded is taken"
        )
    if "does not exist" in reason:
        return f"{place} has not been set up ({said}): run `txwatch up`"
    return f"{place} does not answer ({said}): start it with `txwatch up`, or see `txwatch status`"
