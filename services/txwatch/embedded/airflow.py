"""Airflow without Docker: three processes of its own environment, their metadata in the embedded Postgres.

The triggerer is left out (no task defers), and so are the log servers, which would listen beyond 127.0.0.1:
all processes read the same log files.
"""

import base64
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import structlog
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from txwatch.embedded.ports import HOST, choose_port
from txwatch.embedded.postgres import superuser
from txwatch.embedded.processes import Command
from txwatch.embedded.state import State, StateFile
from txwatch.embedded.supervisor import Supervisor
from txwatch.errors import TxwatchError, UsageError
from txwatch.postgres import connect
from txwatch.settings import PREFIX, SERVICES_DIR, Settings

NAME = "airflow"
PROCESSES = {
    "airflow-api-server": ("api-server",),
    "airflow-scheduler": ("scheduler", "--skip-serve-logs"),
    "airflow-dag-processor": ("dag-processor",),
}
START_SECONDS = 300.0
STOP_SECONDS = 30.0
USER = "admin"

log = structlog.get_logger()


class Airflow:
    """Airflow of one state folder; its Postgres must run."""

    def __init__(
        self,
        settings: Settings,
        variables: Mapping[str, str],
        dbt_python: Path,
        root: Path = SERVICES_DIR.parent,
    ) -> None:
        """Look at the state folder.

        Args:
            settings: the addresses and passwords of the running parts.
            variables: more environment for the tasks, such as what dbt's profile reads.
            dbt_python: the interpreter that has dbt.
            root: the folder that holds dags/, dbt/ and services/.

        Raises:
            UsageError: Airflow's environment is not there.
        """
        self._settings = settings
        self._variables = variables
        self._dbt_python = dbt_python
        self._root = root
        self._folder = settings.state_dir.resolve()
        self._file = StateFile(self._folder)
        self._supervisor = Supervisor(self._folder)
        self._bin = settings.airflow_environment.absolute() / "bin"
        if not (self._bin / "airflow").is_file():
            raise UsageError(
                f"Airflow is not installed: `make airflow` makes its environment in "
                f"{settings.airflow_environment}; {PREFIX}AIRFLOW_ENVIRONMENT names another one"
            )

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://{HOST}:{self._file.read().private['airflow_port']}"

    @property
    def password(self) -> str:
        """What its one user logs in with."""
        return str(self._file.read().settings["airflow_admin_password"])

    def up(self) -> bool:
        """Start what does not run, wait until all of it serves; tell whether everything ran before.

        Raises:
            UnavailableError: a process did not come up; the sentence holds the tail of its log.
            TxwatchError: its database cannot be made, or the dbt project is at fault.
        """
        missing = [name for name in PROCESSES if not self._supervisor.is_running(name)]
        if missing:
            with self._file.change() as state:
                port = self._configure(state, is_new=len(missing) == len(PROCESSES))
            self._prepare(state)
            for name in missing:
                command = Command(
                    [self._bin / "airflow", *PROCESSES[name]],
                    self._environment(state),
                    cwd=SERVICES_DIR.parent,
                )
                self._supervisor.start(name, command, port if name == "airflow-api-server" else None)
        for name in PROCESSES:
            self._supervisor.wait_until(name, self._is_healthy, START_SECONDS)
        return not missing

    def down(self) -> None:
        """End its processes, the scheduler first: it ends the tasks that run."""
        for name in ("airflow-scheduler", "airflow-dag-processor", "airflow-api-server"):
            self._supervisor.stop_process(name, STOP_SECONDS)

    def has_ended(self) -> str | None:
        """Return the name of a process that ran and runs no more."""
        return next((name for name in PROCESSES if not self._supervisor.is_running(name)), None)

    def log_tail(self, name: str) -> str:
        """Return the last lines of a process's log."""
        return self._supervisor.log_tail(name)

    def _configure(self, state: State, *, is_new: bool) -> int:
        """Choose the port, and make the secrets that are missing."""
        recorded = int(state.private.get("airflow_port", 0))
        port = choose_port(self._settings.embedded_airflow_port, recorded, NAME) if is_new else recorded
        state.private["airflow_port"] = port
        state.private.setdefault("airflow_database_password", secrets.token_urlsafe(24))
        state.private.setdefault("airflow_jwt_secret", secrets.token_urlsafe(48))
        state.private.setdefault("airflow_session_secret", secrets.token_urlsafe(24))
        state.private.setdefault("airflow_fernet_key", base64.urlsafe_b64encode(os.urandom(32)).decode())
        state.settings.setdefault("airflow_admin_password", secrets.token_urlsafe(12))
        return port

    def _prepare(self, state: State) -> None:
        home = self._folder / NAME
        home.mkdir(parents=True, exist_ok=True)
        self._write_manifest(home / "manifest")
        passwords = home / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({USER: state.settings["airflow_admin_password"]}))
        provide_database(state)
        self._run([self._bin / "airflow", "db", "migrate"], self._environment(state), "its database")

    def _write_manifest(self, folder: Path) -> None:
        argv: list[str | Path] = [self._dbt_python, "-m", "txwatch.transform.manifest", folder]
        self._run(argv, {**self._variables, "PYTHONPATH": str(self._root / "services")}, "dbt's manifest")

    def _run(self, argv: list[str | Path], env: Mapping[str, str], what: str) -> None:
        answer = subprocess.run(argv, env={**os.environ, **env}, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            end = "\n".join((answer.stdout + answer.stderr).splitlines()[-10:])
            raise TxwatchError(f"{what} could not be made for Airflow:\n{end}")

    def _environment(self, state: State) -> dict[str, str]:
        home, private, port = self._folder / NAME, state.private, state.private["airflow_port"]
        database = f"{NAME}:{private['airflow_database_password']}@{HOST}:{state.settings['postgres_port']}"
        return {
            **self._variables,
            f"{PREFIX}STATE_DIR": str(self._folder),
            f"{PREFIX}TRANSFORM_ENVIRONMENT": str(self._dbt_python.parents[1]),
            f"{PREFIX}TRANSFORM_MANIFEST": str(home / "manifest" / "manifest.json"),
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "PYTHONPATH": str(self._root / "services"),
            "DO_NOT_TRACK": "1",
            # Its processes rename themselves, and would write over the mark in their environment.
            "SPT_NOENV": "1",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW_CONFIG": str(self._root / "services" / "airflow.cfg"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self._root / "dags"),
            "AIRFLOW__CORE__FERNET_KEY": str(private["airflow_fernet_key"]),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{HOST}:{port}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}/{NAME}",
            "AIRFLOW__API__HOST": HOST,
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": f"http://{HOST}:{port}",
            "AIRFLOW__API__SECRET_KEY": str(private["airflow_session_secret"]),
            "AIRFLOW__API_AUTH__JWT_SECRET": str(private["airflow_jwt_secret"]),
        }

    def _is_healthy(self) -> bool:
        """Ask the API server, which knows of the others by their heartbeats in the database."""
        try:
            with urlopen(f"{self.url}/api/v2/monitor/health", timeout=5) as answer:  # noqa: S310 - ours
                health = json.load(answer)
        except (URLError, OSError, ValueError):
            return False
        return all(
            health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor")
        )


def provide_database(state: State) -> None:
    """Make Airflow's role and database where they are missing; the role sees no other database of ours."""
    with closing(connect(superuser(state))) as server, server.cursor() as cursor:
        server.autocommit = True
        verifier = encrypt_password(
            str(state.private["airflow_database_password"]), NAME, scope=server, algorithm="scram-sha-256"
        )
        cursor.execute("select from pg_roles where rolname = %s", (NAME,))
        verb = sql.SQL("alter" if cursor.rowcount else "create")
        role = sql.Identifier(NAME)
        cursor.execute(sql.SQL("{} role {} login password {}").format(verb, role, sql.Literal(verifier)))
        cursor.execute("select from pg_database where datname = %s", (NAME,))
        if not cursor.rowcount:
            cursor.execute(sql.SQL("create database {} owner {}").format(role, role))
        cursor.execute(sql.SQL("revoke connect on database {} from public").format(role))


def wait_for_end(airflow: Airflow, wait: Callable[[float], bool]) -> None:
    """Return when a stop is asked for.

    Args:
        airflow: what runs.
        wait: waits so many seconds, or shorter where a stop is asked for, of which it tells.

    Raises:
        TxwatchError: one of its processes ended unasked.
    """
    while not wait(1.0):
        if ended := airflow.has_ended():
            raise TxwatchError(f"{ended} has ended unasked{airflow.log_tail(ended)}")
