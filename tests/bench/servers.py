"""Servers of the bench's own: Kafka with records in it, Postgres with a database per drain, S3."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg2 import sql

from txwatch.cli.up import provide_warehouse
from txwatch.embedded.runtime import Runtime
from txwatch.postgres import connect
from txwatch.settings import PREFIX, Settings, load_settings

_TEMPLATE = "bench_template"


@dataclass(frozen=True)
class Servers:
    """A runtime that nobody else uses."""

    runtime: Runtime
    settings: Settings

    def pids(self) -> dict[str, int]:
        """Return the servers' process ids by name."""
        return {name: record.pid for name, record in self.runtime.supervisor.running().items()}

    def environment(self, **changes: object) -> dict[str, str]:
        """Return the environment in which a txwatch process works here."""
        values = {"state_dir": self.settings.state_dir, "log_level": "warning", **changes}
        return os.environ | {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}

    def generate(self, *options: str) -> subprocess.Popen[bytes]:
        """Start `txwatch generate`."""
        command = [sys.executable, "-m", "txwatch.cli.main", "generate", "--json", *options]
        return subprocess.Popen(command, env=self.environment(), stdout=subprocess.DEVNULL)

    def new_database(self, name: str) -> None:
        """Make a warehouse with its dimensions and no facts; one of that name is dropped first."""
        self._as_superuser("drop database if exists {name} with (force)", name)
        self._as_superuser("create database {name} template {template} owner warehouse_owner", name)
        self._as_superuser("checkpoint", name)  # what went before is not this one's to write

    def keep_as_template(self) -> None:
        """Copy the warehouse as it is: dimensions, and nothing else yet."""
        self._as_superuser("create database {template} template {name}", self.settings.postgres_database)

    def facts(self, database: str) -> int:
        """Count the facts in a database."""
        settings = self.settings.model_copy(update={"postgres_database": database})
        with closing(connect(settings.postgres("analyst"))) as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from core.fact_transaction")
            row = cursor.fetchone()
        assert row is not None
        return int(row[0])

    def _as_superuser(self, statement: str, name: str) -> None:
        with closing(connect(self.runtime.superuser())) as connection:
            connection.autocommit = True
            names = {"name": sql.Identifier(name), "template": sql.Identifier(_TEMPLATE)}
            connection.cursor().execute(sql.SQL(statement).format(**names))


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Start servers in a folder of their own; leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="txwatch-bench-") as folder:
        Path(folder).chmod(0o755)  # Postgres may run as another user
        runtime = Runtime(load_settings(state_dir=Path(folder)))
        try:
            runtime.up()
            servers = Servers(runtime, provide_warehouse(runtime))
            servers.keep_as_template()
            yield servers
        finally:
            runtime.down()
            runtime.remove_data()
