"""Connections to the warehouse."""

from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class is spelled like a function

from txwatch.errors import UnavailableError

__all__ = ["Connection", "connect"]


def connect(options: Mapping[str, Any]) -> Connection:
    """Open a connection to Postgres.

    Args:
        options: keyword arguments of `psycopg2.connect`, as `Settings.postgres` returns them.

    Raises:
        UnavailableError: the server does not answer or does not let this role in.
    """
    try:
        connection: Connection = psycopg2.connect(**options)
    except psycopg2.OperationalError as error:
        where = f"{options.get('user')}@{options.get('host')}:{options.get('port')}/{options.get('dbname')}"
        reason = " ".join(str(error).split())
        raise UnavailableError(
            f"Postgres does not accept {where} ({reason}): "
            "start it with `txwatch up`, or correct TXWATCH_POSTGRES_*"
        ) from error
    return connection
