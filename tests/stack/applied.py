"""A stack under test: driven by the operator's command line, looked at through the engine and its ports."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
from pytest_docker.plugin import Services

from oracle.deadline import until
from txwatch.embedded.ports import free_port, is_free
from txwatch.settings import SOON_BUT_SLOWER, Settings, load_settings

REPOSITORY = Path(__file__).resolve().parents[2]
STATE_DIR = REPOSITORY / ".txwatch"
SERVICE_PORTS = ("postgres", "localstack", "spark", "airflow", "metabase", "kafka_ui", "console")
GENERATOR_RATE = 50
WAIT_SECONDS = 300


@dataclass(frozen=True)
class StackShape:
    """What a test package wants its stack to be."""

    profile: str
    variables: dict[str, Any] = field(default_factory=dict)


class Stack:
    """One applied stack. Methods that change it return once the change is made."""

    def __init__(self, folder: Path, shape: StackShape, services: Services) -> None:
        self.name = f"txwatch-test-{uuid4().hex[:8]}"
        self.infra = copied_infra(folder)
        self._services = services
        self.variables = {
            "name": self.name,
            "ports": {name: free_port() for name in SERVICE_PORTS} | {"kafka": _free_port_of_three()},
            "enable_metabase": False,
            "enable_kafka_ui": False,
            "generator_rate": GENERATOR_RATE,
            "world": {"customers": 500, "merchants": 100},
            "wait_seconds": WAIT_SECONDS,
            # A stream that lives for minutes, beside all else on the machine.
            "stream_java_options": SOON_BUT_SLOWER,
            "stream_trigger_seconds": 2,  # each batch costs processor time, however few its records
        } | shape.variables
        self._write_variables()
        self._profile = shape.profile

    def operator(self, verb: str, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run one of the operator's verbs."""
        return operator(self.infra, verb, *arguments, typed=typed)

    def up(self, *arguments: str) -> str:
        """Apply; return what was printed."""
        return self._succeeding("up", "--profile", self._profile, "--", *arguments)

    def down(self, *options: str) -> str:
        return self._succeeding("down", *options)

    def _succeeding(self, *words: str) -> str:
        run = self.operator(*words)
        assert run.returncode == 0, run.stdout[-6000:]
        self.__dict__.pop("outputs", None)
        return run.stdout

    def change(self, variables: dict[str, Any]) -> None:
        """Apply with other values of some variables, from here on."""
        self.variables |= variables
        self._write_variables()
        self.up()

    def _write_variables(self) -> None:
        (self.infra / "site.auto.tfvars.json").write_text(json.dumps(self.variables))

    def terraform(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Terraform itself, as the operator's command line does."""
        return terraform(self.infra, *arguments)

    @cached_property
    def outputs(self) -> dict[str, Any]:
        shown = json.loads(self.terraform("output", "-json").stdout)
        return {name: output["value"] for name, output in shown.items()}

    # What the engine says.

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return what the engine knows of each container, by its name without the stack's."""
        ids = docker("ps", "--all", "--quiet", "--filter", f"label=txwatch.stack={self.name}").split()
        inspected = json.loads(docker("inspect", *ids)) if ids else []
        return {each["Name"].removeprefix(f"/{self.name}-"): each for each in inspected}

    def services(self) -> dict[str, dict[str, Any]]:
        """Return the containers that run for good."""
        return {name: each for name, each in self.containers().items() if _is_service(each)}

    def ids(self) -> dict[str, str]:
        return {name: each["Id"] for name, each in self.containers().items()}

    def wait(self, condition: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
        """Wait for a condition; an error counts as not yet."""
        self._services.wait_until_responsive(check=lambda: holds(condition), timeout=seconds, pause=0.5)

    def is_healthy(self, *names: str) -> bool:
        services = self.services()
        return all(services[name]["State"]["Health"]["Status"] == "healthy" for name in names or services)

    def remove(self, *names: str) -> None:
        """Take containers away as a careless hand does."""
        docker("rm", "--force", *(f"{self.name}-{name}" for name in names))

    def keep_logs(self, folder: Path) -> None:
        """Write every container's log to a folder, for whoever looks into a failure."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.containers():
            (folder / f"{self.name}-{name}.log").write_text(self.log(name))

    def log(self, name: str) -> str:
        """Return what a container wrote, to either stream."""
        return subprocess.run(
            ["docker", "logs", f"{self.name}-{name}"],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        ).stdout  # fmt: skip

    def known_secrets(self) -> dict[str, set[str]]:
        """Return which secrets each container has in its environment, which `docker inspect` shows."""
        return {
            name: self._secrets_in("\n".join(each["Config"]["Env"]))
            for name, each in self.containers().items()
        }

    def told_secrets(self) -> dict[str, set[str]]:
        """Return which secrets each container shows in its other properties, its processes, its log."""
        told = {}
        for name, each in self.containers().items():
            inspected = each | {"Config": each["Config"] | {"Env": []}}
            is_running = each["State"]["Running"]
            processes = docker("top", f"{self.name}-{name}", "-eo", "pid,args") if is_running else ""
            if found := self._secrets_in(json.dumps(inspected) + processes + self.log(name)):
                told[name] = found
        return told

    def _secrets_in(self, text: str) -> set[str]:
        return {name for name, secret in self.outputs["secrets"].items() if secret in text}

    # What the pipeline says.

    def settings(self) -> Settings:
        """Return settings of a client on this machine."""
        ports, secrets = self.variables["ports"], self.outputs["secrets"]
        roles = {
            f"{role}_password": secrets[role]
            for role in secrets
            if f"{role}_password" in Settings.model_fields
        }
        return load_settings(
            **roles,
            kafka_bootstrap_servers=f"127.0.0.1:{ports['kafka']}",
            postgres_host="127.0.0.1",
            postgres_port=ports["postgres"],
            postgres_admin_password=secrets["postgres"],
            s3_endpoint=f"http://127.0.0.1:{ports['localstack']}",
            s3_access_key="test",
            s3_secret_key="test",  # noqa: S106 - LocalStack asks nobody who he is
        )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a query as the analysts' role."""
        with (
            closing(psycopg2.connect(**self.settings().postgres("analyst"))) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
            return cursor.fetchall()

    def facts(self) -> int:
        return int(self.rows("select coalesce(sum(facts), 0) from ops.stream_ledger")[0][0])

    def wait_for_facts(self, more: int = 1) -> None:
        """Wait until more facts have arrived than there are now."""
        before = self.facts()
        self.wait(lambda: self.facts() >= before + more)

    def verify(self) -> subprocess.CompletedProcess[str]:
        """Draw the balance once, inside the network."""
        return self.operator("run", "--", "verify")

    @contextmanager
    def generator_stopped(self) -> Iterator[None]:
        """Keep new events from coming."""
        docker("stop", f"{self.name}-generator")
        try:
            yield
        finally:
            docker("start", f"{self.name}-generator")

    def assert_balanced(self) -> None:
        """Stop the generator, let the pipeline drain, and require that nothing is lost or doubled."""
        with self.generator_stopped():
            drawn: list[subprocess.CompletedProcess[str]] = []

            def is_balanced() -> bool:
                drawn[:] = [self.verify()]
                return drawn[0].returncode == 0

            with suppress(AssertionError):  # what verify printed last says more
                until(is_balanced, WAIT_SECONDS)
        assert drawn[0].returncode == 0, drawn[0].stdout


def copied_infra(folder: Path) -> Path:
    """Copy the configuration, without what was chosen or applied there."""
    left_out = shutil.ignore_patterns(".terraform*", "terraform.tfstate*", "*.auto.tfvars*")
    return Path(shutil.copytree(REPOSITORY / "infra", folder / "infra", ignore=left_out))


def operator(infra: Path, verb: str, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run one of the operator's verbs on a folder."""
    return subprocess.run(
        [
            sys.executable, REPOSITORY / "scripts" / "stack", "--infra", infra, "--state-dir", STATE_DIR,
            verb, *arguments,
        ],
        input=typed, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip


def terraform(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Terraform on a root."""
    configuration = {"TF_CLI_CONFIG_FILE": str(STATE_DIR / "terraform.rc")}
    return subprocess.run(
        ["terraform", f"-chdir={folder}", *arguments],
        text=True, capture_output=True, check=False,
        env=_environment() | (configuration if (STATE_DIR / "terraform.rc").is_file() else {}),
    )  # fmt: skip


def docker(*arguments: str) -> str:
    run = subprocess.run(["docker", *arguments], text=True, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def listing(name: str) -> dict[str, list[str]]:
    """Return every container, network and volume whose name begins with a stack's."""
    asked = {
        "containers": ("ps", "--all", "--format", "{{.Names}}"),
        "networks": ("network", "ls", "--format", "{{.Name}}"),
        "volumes": ("volume", "ls", "--format", "{{.Name}}"),
    }
    return {kind: _beginning(name, docker(*words).split()) for kind, words in asked.items()}


def _beginning(name: str, found: Iterable[str]) -> list[str]:
    return sorted(each for each in found if each.startswith(name))


def _is_service(inspected: dict[str, Any]) -> bool:
    return bool(inspected["HostConfig"]["RestartPolicy"]["Name"] not in ("", "no"))


def holds(condition: Callable[[], object]) -> bool:
    """Tell whether a condition holds; what is on its way back does not answer, which counts as not yet."""
    try:
        return bool(condition())
    except (psycopg2.Error, KeyError, OSError):
        return False


def _free_port_of_three() -> int:
    """Return a port whose two successors are free as well."""
    found: list[int] = []

    def search() -> bool:
        first = free_port()
        found[:] = [first]
        return all(is_free(first + further) for further in (1, 2))

    until(search)
    return found[0]


def _environment() -> dict[str, str]:
    return {**os.environ, "TF_IN_AUTOMATION": "1"}
