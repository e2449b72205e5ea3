"""One transformation of a warehouse at a time."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import psycopg2

from txwatch.errors import UnavailableError, UsageError
from txwatch.postgres import connect

LOCK_KEY = 0x7478_7472  # "txtr"; advisory locks share one number space on a database


@contextmanager
def only_transformation(options: Mapping[str, Any]) -> Iterator[None]:
    """Hold the warehouse's transformation lock; it goes with its connection, a killed run leaves none.

    Args:
        options: keyword arguments of `psycopg2.connect` for the role `transformer`.

    Raises:
        UsageError: another transformation is at work.
        UnavailableError: Postgres does not answer.
    """
    with closing(connect(options)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("select pg_try_advisory_lock(%s)", (LOCK_KEY,))
        if cursor.fetchone() != (True,):
            raise UsageError(
                "another `txwatch transform`, or Airflow's, is at work on this warehouse: wait for it to end"
            )
        yield


@contextmanager
def no_transformation(options: Mapping[str, Any], patience_seconds: int) -> Iterator[None]:
    """Keep `only_transformation` out while others of this kind may come in: for one model among many.

    Args:
        options: keyword arguments of `psycopg2.connect` for the role `transformer`.
        patience_seconds: how long a transformation that is at work is waited for.

    Raises:
        UnavailableError: it was at work for longer, or Postgres does not answer.
    """
    with closing(connect(options)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("select set_config('lock_timeout', %s, false)", (f"{patience_seconds}s",))
        try:
            cursor.execute("select pg_advisory_lock_shared(%s)", (LOCK_KEY,))
        except psycopg2.errors.LockNotAvailable:
            raise UnavailableError(
                f"`txwatch transform` has been at work for {patience_seconds} s: end it, then clear this task"
            ) from None
        yield
