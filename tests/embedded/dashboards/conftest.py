"""A Postgres of the folder's own, filled with payments whose figures are known."""

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from known_payments import Known, load

from txwatch.embedded.postgres import Postgres
from txwatch.embedded.runtime import Runtime
from txwatch.postgres import Connection, connect
from txwatch.settings import Settings, load_settings
from txwatch.warehouse.migrations import migrate


@pytest.fixture(scope="session")
def known() -> Known:
    return Known()


@pytest.fixture(scope="session")
def known_warehouse(tmp_path_factory: pytest.TempPathFactory, known: Known) -> Iterator[Settings]:
    """Yield settings of a warehouse that holds `known`."""
    state_dir = tmp_path_factory.mktemp("cards")
    settings = load_settings(state_dir=state_dir)
    runtime = Runtime(settings, [Postgres(settings)])
    try:
        runtime.up()
        settings = load_settings(state_dir=state_dir)
        migrate(settings, runtime.superuser())
        with (
            closing(psycopg2.connect(**settings.postgres("warehouse_owner"))) as owner,
            owner.cursor() as cursor,
        ):
            load(cursor, known)
            owner.commit()
        yield settings
    finally:
        runtime.down()
        runtime.remove_data()


@pytest.fixture
def reader(known_warehouse: Settings) -> Iterator[Connection]:
    with closing(connect(known_warehouse.postgres("dashboard_reader"))) as connection:
        yield connection
