"""A Postgres of the folder's own, filled with payments whose figures are known."""

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from dbt_process import running_dbt
from headless import BROWSER, DRIVER, headless_chromium
from known_payments import Known, load
from selenium.webdriver import Chrome

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


@pytest.fixture(scope="session")
def known_marts(known_warehouse: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return settings of the known warehouse, its marts built."""
    with running_dbt(known_warehouse, tmp_path_factory.mktemp("dbt")) as dbt:
        dbt.build()
    return known_warehouse


@pytest.fixture(scope="session")
def unbuilt_environment(known_warehouse: Settings) -> dict[str, str]:
    """Return the environment of a console on a warehouse that has a schema and nothing else."""
    unbuilt = known_warehouse.model_copy(update={"postgres_database": "unbuilt"})
    migrate(unbuilt, Runtime(known_warehouse, [Postgres(known_warehouse)]).superuser())
    return {"TXWATCH_STATE_DIR": str(unbuilt.state_dir), "TXWATCH_POSTGRES_DATABASE": "unbuilt"}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chrome]:
    if BROWSER is None or DRIVER is None:
        pytest.skip(
            "needs the Debian packages chromium and chromium-driver: apt-get install chromium chromium-driver"
        )
    with headless_chromium() as browser:
        yield browser


@pytest.fixture
def reader(known_warehouse: Settings) -> Iterator[Connection]:
    with closing(connect(known_warehouse.postgres("dashboard_reader"))) as connection:
        yield connection
