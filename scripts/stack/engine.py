"""What the Docker engine says of the stack's containers."""

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from errors import StackError

LABEL = "txwatch.stack"
_PULL_SECONDS = 600
_REFUSAL_SECONDS = 3600


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


def is_to_be_had(image: str, refusals: Path) -> bool:
    """Tell whether an image is here or can be pulled; what was refused is not asked for again at once.

    Args:
        image: its name and tag.
        refusals: folder that remembers when an image was refused.
    """
    if _succeeds("image", "inspect", image):
        return True
    refusal = refusals / image.replace("/", "_")
    if refusal.is_file() and time.time() - refusal.stat().st_mtime < _REFUSAL_SECONDS:
        return False
    print(f"pulling {image}", file=sys.stderr)
    if _succeeds("pull", "--quiet", image, seconds=_PULL_SECONDS):
        return True
    refusals.mkdir(parents=True, exist_ok=True)
    refusal.touch()
    return False


def memory_used(names: Iterable[str]) -> dict[str, str]:
    """Return what each running container holds in memory, as the engine prints it."""
    shown = docker("stats", "--no-stream", "--format", "{{.Name}}\t{{.MemUsage}}", *names)
    return {name: usage.split(" / ")[0] for name, usage in (line.split("\t") for line in shown.splitlines())}


def _succeeds(*arguments: str, seconds: float | None = None) -> bool:
    with suppress(subprocess.TimeoutExpired):
        run = subprocess.run(["docker", *arguments], capture_output=True, check=False, timeout=seconds)
        return run.returncode == 0
    return False


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
