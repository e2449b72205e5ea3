"""Incremental builds against full ones, whatever came late, twice or out of order, whatever was killed."""

import random
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from dbt_process import BUILT, Dbt, running_dbt
from histories import (
    History,
    change_merchants,
    commit_facts,
    commit_labels,
    open_history,
    prepare,
)
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function
from tables import contents, difference, row_versions

from oracle.deadline import until
from txwatch.postgres import Connection
from txwatch.settings import Role, Settings
from txwatch.transform.environment import PROJECT_DIR

HISTORIES = 70
"""Sequences per schedule of builds."""
ROUNDS = 6
INCREMENTAL = {
    path.stem: f"{'marts' if path.parent.name == 'marts' else 'staging'}.{path.stem}"
    for path in sorted(PROJECT_DIR.glob("models/*/*.sql"))
    if re.search(r"materialized='incremental'", path.read_text()) and path.stem != "stg_ledger_horizon"
}
"""Model -> table, of all that rebuild only what was touched."""

ConnectAs = Callable[[Role], Connection]


def test_the_incremental_models_are_these() -> None:
    assert sorted(INCREMENTAL) == [
        "fct_alert_daily",
        "fct_daily_revenue",
        "fct_merchant_daily",
        "int_customer_day",
        "int_customer_merchant",
        "int_merchant_day",
    ]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("seed", "killed_at"),
    [
        (1, {2: "int_customer_day", 3: "fct_daily_revenue"}),
        (2, {1: "int_merchant_day", 4: "fct_merchant_daily"}),
        (3, {3: "int_customer_merchant", 5: "fct_alert_daily"}),
    ],
)
def test_incremental_builds_equal_a_full_refresh_row_for_row(
    warehouse: Settings,
    empty_warehouse: Callable[[], None],
    dbt_dir: Path,
    connect_as: ConnectAs,
    *,
    seed: int,
    killed_at: dict[int, str],
) -> None:
    empty_warehouse()
    owner, transformer = connect_as("warehouse_owner"), connect_as("transformer")
    chance = random.Random(seed)
    histories = [History(number, random.Random(seed * 1000 + number)) for number in range(HISTORIES)]
    with owner, owner.cursor() as cursor:
        prepare(cursor)
        for history in histories:
            open_history(cursor, history)
    with ExitStack() as started:
        workers = Workers(warehouse, dbt_dir, started)
        for step in range(ROUNDS):
            arrive(owner, histories, step / (ROUNDS - 1), chance)
            if step in killed_at:
                workers.kill_in_the_middle_of(INCREMENTAL[killed_at[step]], transformer)
            elif step in (0, ROUNDS - 1) or chance.random() < 0.5:
                workers.current.build()
        workers.current.build()
        incremental = contents(transformer)
        assert all(incremental[table] for table in INCREMENTAL.values()), "nothing was built"
        versions = row_versions(transformer, sorted(INCREMENTAL.values()))
        workers.current.build()
        assert difference(incremental, contents(transformer)) == {}, "a second run changes something"
        assert row_versions(transformer, sorted(INCREMENTAL.values())) == versions, "rows were written again"
        workers.current.build("--full-refresh")
        assert difference(incremental, contents(transformer)) == {}, f"incremental <> full, seed {seed}"


def arrive(owner: Connection, histories: list[History], progress: float, chance: random.Random) -> None:
    """Write one to three batches of facts and labels, in any order, and changes of the dimensions."""
    with owner, owner.cursor() as cursor:
        batches = [
            *[lambda: commit_facts(cursor, histories, progress)] * chance.randrange(1, 3),
            lambda: commit_labels(cursor, histories),
            lambda: change_merchants(cursor, histories, progress),
        ]
        chance.shuffle(batches)
        for write in batches:
            write()


class Workers:
    """dbt's process, and the next one after it was killed."""

    def __init__(self, warehouse: Settings, work_dir: Path, started: ExitStack) -> None:
        self._warehouse = warehouse
        self._work_dir = work_dir
        self._started = started
        self.current = self._start()

    def _start(self) -> Dbt:
        return self._started.enter_context(running_dbt(self._warehouse, self._work_dir))

    def kill_in_the_middle_of(self, table: str, transformer: Connection) -> None:
        """Begin a build, kill it (SIGKILL) while it writes `table`, and start the next process."""
        with transformer, transformer.cursor() as cursor:
            cursor.execute(f"lock table {table} in share row exclusive mode")  # may be read, not written
            self.current.ask("build", *BUILT)
            until(lambda: is_waiting_for(cursor, table), 300)
            self.current.kill()
            transformer.rollback()
        until(lambda: not other_sessions(transformer))
        self.current = self._start()


def is_waiting_for(cursor: Cursor, table: str) -> bool:
    """Whether somebody waits to write the table."""
    cursor.execute("select count(*) from pg_locks where relation = %s::regclass and not granted", (table,))
    return bool(cursor.fetchone()[0])


def other_sessions(transformer: Connection) -> int:
    """How many sessions of dbt the server has; a transaction sees the same ones as long as it lasts."""
    with transformer, transformer.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and usename = current_user and pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])
