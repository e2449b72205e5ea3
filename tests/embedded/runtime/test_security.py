"""What a neighbour on the machine learns of a running pipeline: nothing from lists, logs, ports and files."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest

from oracle.deadline import until
from txwatch.cli.up import provide_warehouse
from txwatch.embedded import processes
from txwatch.embedded.runtime import Runtime
from txwatch.settings import PREFIX, Settings

VERBS = (
    ("stream",),
    ("archive",),
    ("labels",),
    ("generate", "--rate", "200", "--malformed", "0.1", "--json"),
    ("console", "--port", "0", "--json"),
)


@dataclass(frozen=True)
class Running:
    """A whole pipeline, chatty, in a folder of its own."""

    settings: Settings
    runtime: Runtime
    folder: Path

    def secrets(self) -> list[str]:
        """Every generated secret, by what the state file holds."""
        state = self.runtime.supervisor.state()
        named = {**state.settings, **state.private}
        found = [str(value) for name, value in named.items() if "password" in name or "secret" in name]
        assert len(found) >= 9  # seven roles, the superuser, S3
        return found

    def processes(self) -> list[psutil.Process]:
        """All that was started here, servers included."""
        mark = str(self.runtime.state_dir)
        found = {process.pid: process for process in processes.owned_by(mark)}
        for record in self.runtime.supervisor.running().values():
            server = psutil.Process(record.pid)
            found |= {process.pid: process for process in [server, *server.children(recursive=True)]}
        return list(found.values())


@pytest.fixture(scope="module")
def running(
    runtime_in: Callable[[Path], AbstractContextManager[Runtime]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("secure")
    with runtime_in(folder / "state") as runtime:
        settings = provide_warehouse(runtime)
        passing = folder / "tmp"
        passing.mkdir()
        environment = {
            f"{PREFIX}STATE_DIR": str(runtime.state_dir),
            f"{PREFIX}LOG_LEVEL": "debug",
            "TMPDIR": str(passing),
        }
        for verb in VERBS:
            command = [sys.executable, "-m", "txwatch.cli.main", "--debug", *verb]
            runtime.supervisor.start_process(verb[0], command, environment)
        until(lambda: has_facts_and_objects(settings), 300)
        yield Running(settings, runtime, folder)


def has_facts_and_objects(settings: Settings) -> bool:
    with (
        closing(psycopg2.connect(**settings.postgres("analyst"))) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "select exists (select from core.fact_transaction) and exists (select from ops.archive_object)"
        )
        (answer,) = cursor.fetchone() or (False,)
    return bool(answer)


def test_no_secret_is_in_the_list_of_processes(running: Running) -> None:
    lines = {process.pid: b" ".join(_command_line(process)) for process in psutil.process_iter()}
    members = [process.pid for process in running.processes()]
    assert len(members) > len(VERBS) + 3
    assert all(pid in lines for pid in members if psutil.pid_exists(pid))
    for secret in running.secrets():
        assert not [pid for pid, line in lines.items() if secret.encode() in line]


def _command_line(process: psutil.Process) -> list[bytes]:
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
    except OSError:  # it has ended
        return []


def test_no_secret_is_in_a_log(running: Running) -> None:
    logs = [
        path for path in running.folder.rglob("*.log*") if path.is_file() and "kafka/data" not in str(path)
    ]
    assert {"stream.log", "postgres.log", "kafka.log", "s3.log"} <= {log.name for log in logs}
    for log in logs:
        text = log.read_bytes()
        assert not [secret for secret in running.secrets() if secret.encode() in text], log


def test_everything_listens_on_this_machine_alone(running: Running) -> None:
    listening = {
        (process.name(), opened.laddr.ip)
        for process in running.processes()
        for opened in _connections(process)
        if opened.status == psutil.CONN_LISTEN
    }
    assert {name for name, _ in listening} >= {"java", "postgres"}
    assert {address.removeprefix("::ffff:") for _, address in listening} == {"127.0.0.1"}


def _connections(process: psutil.Process) -> list[Any]:
    with suppress(psutil.NoSuchProcess):
        return list(process.net_connections(kind="inet"))
    return []


def test_files_that_hold_secrets_are_their_owners_alone(running: Running) -> None:
    holding = [
        path
        for path in running.folder.rglob("*")
        if path.is_file() and any(secret.encode() in path.read_bytes() for secret in running.secrets())
    ]
    assert [path.name for path in holding] == ["state.json"]
    assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600
    assert not list((running.folder / "tmp").glob("txwatch-spark-*.properties"))


def test_postgres_lets_nobody_in_without_a_password(running: Running) -> None:
    for role in ("postgres", "warehouse_owner", "stream_writer", "analyst"):
        options = running.settings.postgres("analyst") | {"user": role, "password": "guess"}
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(**options)
        with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
            psycopg2.connect(**{name: value for name, value in options.items() if name != "password"})


def test_settings_in_an_error_of_the_command_line_show_no_secret(running: Running) -> None:
    secret = running.settings.require("analyst_password")
    for debug in ((), ("--debug",)):
        answer = subprocess.run(
            [sys.executable, "-m", "txwatch.cli.main", *debug, "quarantine", "list"],
            env=os.environ
            | {f"{PREFIX}STATE_DIR": str(running.runtime.state_dir), f"{PREFIX}POSTGRES_PORT": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 1
        assert secret not in answer.stdout + answer.stderr
