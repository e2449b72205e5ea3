"""Connections to the warehouse."""

from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class is spelled like a function

from txwatch.errors import UnavailableError

__all__ = ["AWAY", "Connection", "as_writer", "connect"]

AWAY = (
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
    psycopg2.errors.IdleInTransactionSessionTimeout,  # this process was frozen in mid-batch
)
"""What an absent Postgres looks like; anything else is an answer, which a retry would not change."""

_WATCH = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
"""Seconds, seconds, number, milliseconds: a peer gone without a word is noticed within half a minute."""

_SESSION = {
    "timezone": "UTC",
    # The same at the server's end: what a dead writer has locked is free again before its successor gives up.
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "60s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def as_writer(options: Mapping[str, Any], name: str, **session: str) -> dict[str, Any]:
    """Return connection options for a process that writes for as long as it lives.

    Args:
        options: as `Settings.postgres` returns them.
        name: the session's application_name.
        session: further server settings of the session.
    """
    settings = " ".join(f"-c {key}={value}" for key, value in (_SESSION | session).items())
    return {**options, **_WATCH, "application_name": name, "options": settings}


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
