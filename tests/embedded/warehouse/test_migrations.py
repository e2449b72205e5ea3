import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from pydantic import SecretStr

from txwatch.errors import TxwatchError, UnavailableError, UsageError
from txwatch.postgres import Connection
from txwatch.settings import Role, Settings
from txwatch.warehouse.migrations import MIGRATIONS_DIR, migrate

ConnectAs = Callable[[Role], Connection]


def fetch(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    with connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in MIGRATIONS_DIR.glob("*.sql"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_a_bare_server_gets_the_whole_schema_once(
    warehouse: Settings, admin: dict[str, Any], connect_as: ConnectAs
) -> None:
    files = sorted(path.name for path in MIGRATIONS_DIR.glob("*.sql"))
    assert migrate(warehouse, admin) == files
    assert migrate(warehouse, admin) == []
    owner = connect_as("warehouse_owner")
    assert fetch(owner, "select name from ops.schema_migration order by 1") == [(name,) for name in files]
    assert fetch(owner, "select distinct tableowner from pg_tables where schemaname in ('core', 'ops')") == [
        ("warehouse_owner",)
    ]


def test_a_new_password_is_set_on_the_next_run(warehouse: Settings, admin: dict[str, Any]) -> None:
    migrate(warehouse, admin)
    renewed = warehouse.model_copy(update={"analyst_password": SecretStr("new")})
    try:
        migrate(renewed, admin)
        psycopg2.connect(**renewed.postgres("analyst")).close()
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(**warehouse.postgres("analyst"))
    finally:
        migrate(warehouse, admin)


def test_a_changed_file_is_named_and_nothing_is_applied(
    warehouse: Settings, admin: dict[str, Any], folder: Path, connect_as: ConnectAs
) -> None:
    migrate(warehouse, admin, folder)
    (folder / "002_core.sql").open("a").write("-- one more thought\n")
    (folder / "900_more.sql").write_text("create table ops.more (id int)")
    with pytest.raises(UsageError, match=r"002_core\.sql was changed after it was applied"):
        migrate(warehouse, admin, folder)
    assert fetch(connect_as("warehouse_owner"), "select to_regclass('ops.more')") == [(None,)]


def test_a_failing_file_leaves_nothing_behind_and_those_before_it_stay(
    warehouse: Settings, admin: dict[str, Any], folder: Path, connect_as: ConnectAs
) -> None:
    (folder / "900_good.sql").write_text("create table ops.good (id int)")
    (folder / "901_bad.sql").write_text("create table ops.half (id int); select nonsense")
    with pytest.raises(TxwatchError, match=r"901_bad\.sql failed and was rolled back .*nonsense"):
        migrate(warehouse, admin, folder)
    assert fetch(
        connect_as("warehouse_owner"), "select to_regclass('ops.good')::text, to_regclass('ops.half')"
    ) == [("ops.good", None)]
    (folder / "901_bad.sql").write_text("create table ops.whole (id int)")
    assert migrate(warehouse, admin, folder) == ["901_bad.sql"]


def test_two_at_once_apply_each_file_once(warehouse: Settings, admin: dict[str, Any]) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: migrate(warehouse, admin), range(2))
    assert sorted([len(first), len(second)]) == [0, len(list(MIGRATIONS_DIR.glob("*.sql")))]


def test_an_absent_server_is_one_sentence_with_the_way_out(
    warehouse: Settings, admin: dict[str, Any]
) -> None:
    with pytest.raises(UnavailableError, match=r"Connection refused.*txwatch up"):
        migrate(warehouse, admin | {"port": 1})
