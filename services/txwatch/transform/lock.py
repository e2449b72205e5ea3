"""One transformation of a warehouse at a time."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from txwatch.errors import UsageError
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
            raise UsageError("another `txwatch transform` is at work on this warehouse: wait for it to end")
        yield
