"""A database of the test's own on the session's Postgres."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from txwatch.embedded.runtime import Runtime
from txwatch.postgres import Connection
from txwatch.settings import Role, Settings


@pytest.fixture
def admin(shared_runtime: Runtime, runtime: Settings) -> dict[str, Any]:  # noqa: ARG001 - the roles are made
    """Return a superuser's connection options."""
    return shared_runtime.superuser()


@pytest.fixture
def warehouse(runtime: Settings) -> Settings:
    """Return settings of a database that does not exist yet."""
    return runtime.model_copy(update={"postgres_database": f"w-{uuid4().hex}"})


@pytest.fixture
def connect_as(warehouse: Settings) -> Iterator[Callable[[Role], Connection]]:
    """Yield a function that opens a connection as a role; all are closed in the end."""
    opened: list[Connection] = []

    def connect(role: Role) -> Connection:
        opened.append(psycopg2.connect(**warehouse.postgres(role)))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()
