"""What the Docker engine says of the stack's containers."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from errors import StackError

LABEL = "txwatch.stack"


@dataclass(frozen=True)
class Container:
    """One container of the stack, as the engine sees it."""

    name: str
    is_running: bool
    health: str
    """healthy, unhealthy, starting, or nothing for a task."""

    exit_code: int
    restarts_itself: bool
    published: frozenset[int]
    memory_limit: int

    @property
    def has_failed(self) -> bool:
        """Tell whether it is a task that ended badly."""
        return not self.restarts_itself and not self.is_running and self.exit_code != 0

    @property
    def is_well(self) -> bool:
        """Tell whether it does what it should: a service is healthy, a task has ended well."""
        if self.restarts_itself:
            return self.is_running and self.health == "healthy"
        return not self.is_running and self.exit_code == 0

    @property
    def state(self) -> str:
        """Say in one word how it is."""
        if self.restarts_itself:
            return (self.health or "running") if self.is_running else "stopped"
        return (
            "running" if self.is_running else "done" if self.exit_code == 0 else f"failed ({self.exit_code})"
        )


def docker(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """Run a docker command and return what it prints."""
    run = subprocess.run(["docker", *arguments], text=True, capture_output=True, check=False, env=environment)
    if run.returncode:
        raise StackError(f"'docker {arguments[0]}' failed: {run.stderr.strip()}")
    return run.stdout


def containers(stack: str) -> list[Container]:
    """Return the containers of a stack, by name."""
    ids = docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}={stack}").split()
    found = json.loads(docker("inspect", *ids)) if ids else []
    return sorted((_container(inspected) for inspected in found), key=lambda container: container.name)


def stacks() -> list[str]:
    """Return the names of all stacks that have containers here."""
    names = docker("ps", "--all", "--filter", f"label={LABEL}", "--format", f'{{{{.Label "{LABEL}"}}}}')
    return sorted(set(names.split()))


def remove(names: Iterable[str]) -> None:
    """Remove containers, whatever they do."""
    docker("rm", "--force", *names)


def memory_used(names: Iterable[str]) -> dict[str, str]:
    """Return what each running container holds in memory, as the engine prints it."""
    shown = docker("stats", "--no-stream", "--format", "{{.Name}}\t{{.MemUsage}}", *names)
    return {name: usage.split(" / ")[0] for name, usage in (line.split("\t") for line in shown.splitlines())}


def _container(inspected: dict) -> Container:
    state, host = inspected["State"], inspected["HostConfig"]
    bindings = [binding for each in (host["PortBindings"] or {}).values() for binding in each]
    return Container(
        name=inspected["Name"].removeprefix("/"),
        is_running=state["Running"],
        health=state.get("Health", {}).get("Status", ""),
        exit_code=state["ExitCode"],
        restarts_itself=host["RestartPolicy"]["Name"] not in ("", "no"),
        published=frozenset(int(binding["HostPort"]) for binding in bindings),
        memory_limit=host["Memory"],
    )
