"""Servers of the bench's own: Kafka with records in it, Postgres with a database per drain, S3."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2 import sql

from txwatch.cli.up import provide_warehouse
from txwatch.embedded.runtime import Runtime
from txwatch.postgres import Connection, connect
from txwatch.settings import PREFIX, Settings, load_settings

_TEMPLATE = "bench_template"
_DAY_SECONDS = 86_400

# As the stream leaves them: ids and times in order, customers at random, batches of 50,000.
_FILL = """
insert into core.fact_transaction
select lpad(to_hex(number), 32, '0')::uuid,
    lpad(to_hex((random() * 9999)::bigint), 32, '0')::uuid,
    lpad(to_hex((random() * 1999)::bigint), 32, '0')::uuid,
    timestamptz '2024-01-01' + number * interval '1 second', 48.85, 2.35, -1 - number / 50000, 1,
    false, false, (1 + number %% 9999) / 100.0, 'EUR', 'FR', 'chip', 'phone-' || number %% 20000, '{}'
from generate_series(1::bigint, %s) as number
"""


@dataclass(frozen=True)
class Wal:
    """Postgres' write-ahead log, watched over a connection of its own."""

    connection: Connection

    def position(self) -> int:
        """Return the number of bytes written so far."""
        with self.connection.cursor() as cursor:
            cursor.execute("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
            row = cursor.fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        """Give the connection back."""
        self.connection.close()


@dataclass(frozen=True)
class Servers:
    """A runtime that nobody else uses."""

    runtime: Runtime
    settings: Settings
    changes: dict[str, object]
    """Settings that all systems get."""

    def pids(self) -> dict[str, int]:
        """Return the servers' process ids by name."""
        return {name: record.pid for name, record in self.runtime.supervisor.running().items()}

    def environment(self, **changes: object) -> dict[str, str]:
        """Return the environment in which a txwatch process works here."""
        values = {"state_dir": self.settings.state_dir, "log_level": "warning", **self.changes, **changes}
        return os.environ | {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}

    def generate(self, *options: str) -> subprocess.Popen[bytes]:
        """Start `txwatch generate`."""
        command = [sys.executable, "-m", "txwatch.cli.main", "generate", "--json", *options]
        return subprocess.Popen(command, env=self.environment(), stdout=subprocess.DEVNULL)

    def fill_topic(self, rows: int, event_rate: float) -> None:
        """Put so many records there, so many of which happened per second."""
        density = event_rate * _DAY_SECONDS / self.settings.world_customers
        filling = self.generate("--count", str(rows), "--rate", "0", "--per-customer-day", str(density))
        assert filling.wait() == 0

    def new_database(self, name: str) -> None:
        """Make a warehouse with its dimensions and no facts; one of that name is dropped first."""
        self.as_superuser("drop database if exists {name} with (force)", name)
        self.as_superuser("create database {name} template {template} owner warehouse_owner", name)
        self.as_superuser("checkpoint", name)  # what went before is not this one's to write

    def keep_as_template(self) -> None:
        """Copy the warehouse as it is: dimensions, and nothing else yet."""
        self.as_superuser("create database {template} template {name}", self.settings.postgres_database)

    def drop_database(self, name: str) -> None:
        """Free the disk of a database that is done with."""
        self.as_superuser("drop database if exists {name} with (force)", name)

    def wal(self) -> Wal:
        """Watch the write-ahead log."""
        connection = connect(self.runtime.superuser())
        connection.autocommit = True
        return Wal(connection)

    def facts(self, database: str, batch: int | None = None) -> int:
        """Count the facts in a database, or those of one batch."""
        where = "" if batch is None else f" where ledger_seq = {batch}"
        return int(self.rows(database, f"select count(*) from core.fact_transaction{where}")[0][0])

    def rows(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        """Run a query in a database."""
        settings = self.settings.model_copy(update={"postgres_database": database})
        with closing(connect(settings.postgres("analyst"))) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def fill(self, name: str, facts: int) -> None:
        """Make a warehouse that holds so many facts already, of ids that no generator makes."""
        self.new_database(name)
        settings = self.settings.model_copy(update={"postgres_database": name})
        with closing(connect(settings.postgres("warehouse_owner"))) as connection, connection:
            connection.cursor().execute(_FILL, (facts,))
        with closing(connect(settings.postgres("warehouse_owner"))) as connection:
            connection.autocommit = True
            connection.cursor().execute("vacuum analyze core.fact_transaction")
        self.as_superuser("checkpoint", name)  # what filled it is not the drain's to write

    def as_superuser(self, statement: str, name: str = "") -> list[tuple[Any, ...]]:
        """Run a statement, in which {name} and {template} are databases, and return its rows, if any."""
        with closing(connect(self.runtime.superuser())) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("set lock_timeout = '60s'")
            names = {"name": sql.Identifier(name), "template": sql.Identifier(_TEMPLATE)}
            cursor.execute(sql.SQL(statement).format(**names))
            return cursor.fetchall() if cursor.description else []


@contextmanager
def running_servers(**changes: object) -> Iterator[Servers]:
    """Start servers in a folder of their own; leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="txwatch-bench-") as folder:
        Path(folder).chmod(0o755)  # Postgres may run as another user
        runtime = Runtime(load_settings(state_dir=Path(folder)))
        try:
            runtime.up()
            servers = Servers(runtime, provide_warehouse(runtime), changes)
            servers.keep_as_template()
            yield servers
        finally:
            runtime.down()
            runtime.remove_data()
