"""Warehouses for dbt to build in, on a Postgres of the folder's own; nothing else is needed."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from dbt_process import Dbt, running_dbt
from psycopg2 import sql

from txwatch.embedded.postgres import Postgres
from txwatch.embedded.runtime import Runtime
from txwatch.postgres import Connection, connect
from txwatch.settings import Role, Settings, load_settings
from txwatch.warehouse.migrations import migrate


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """Yield a runtime of Postgres alone."""
    state_dir = tmp_path_factory.mktemp("transform")
    settings = load_settings(state_dir=state_dir)
    runtime = Runtime(settings, [Postgres(settings)])
    try:
        runtime.up()
        yield runtime
    finally:
        runtime.down()
        runtime.remove_data()


@pytest.fixture(scope="module")
def warehouse(server: Runtime) -> Settings:
    """Return settings of a database of the module's own; `empty_warehouse` makes it, again and again."""
    settings = load_settings(state_dir=server.state_dir)
    return settings.model_copy(update={"postgres_database": f"dbt-{uuid4().hex[:12]}"})


@pytest.fixture(scope="module")
def empty_warehouse(warehouse: Settings, server: Runtime) -> Callable[[], None]:
    """Return a function that makes the warehouse empty: schema applied, nothing in it."""

    def make() -> None:
        with closing(connect(server.superuser())) as connection:
            connection.autocommit = True
            name = sql.Identifier(warehouse.postgres_database)
            connection.cursor().execute(sql.SQL("drop database if exists {} with (force)").format(name))
        migrate(warehouse, server.superuser())

    return make


@pytest.fixture(scope="module")
def dbt_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the module's workers keep what they parsed."""
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture(scope="module")
def dbt(warehouse: Settings, dbt_dir: Path) -> Iterator[Dbt]:
    """Yield the module's worker on the warehouse; no test kills it."""
    with running_dbt(warehouse, dbt_dir) as worker:
        yield worker


@pytest.fixture
def connect_as(warehouse: Settings) -> Iterator[Callable[[Role], Connection]]:
    """Yield a function that opens a connection as a role; all are closed in the end."""
    opened: list[Connection] = []

    def open_as(role: Role) -> Connection:
        opened.append(connect(warehouse.postgres(role)))
        return opened[-1]

    yield open_as
    for connection in opened:
        connection.close()
