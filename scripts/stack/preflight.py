"""What has to be there before anything is made; each lack is one sentence that says the way out."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine import Container, docker
from errors import StackError
from terraform import Planned

DOCKER_MINIMUM = (20, 10)
TERRAFORM_MINIMUM = (1, 11)
SHARE_OF_LIMITS = 0.45
"""Share of its limits that the stack uses: 0.41 of `small`'s were measured, 0.40 of `cluster`'s (README)."""

_GIBIBYTE = 2**30
_MEBIBYTE = 2**20


def check_tools() -> None:
    """Refuse to go on without a Docker engine and a Terraform that are new enough."""
    _check_docker()
    _check_terraform()


def check_room(planned: Planned, present: Iterable[Container]) -> None:
    """Refuse to go on where a port is taken by others or memory is too little for what is new.

    Args:
        planned: what Terraform plans; what was applied before has had its memory.
        present: the stack's own containers, whose ports are its already.
    """
    _check_ports(planned.containers, present)
    limits = [
        _MEBIBYTE * container["memory"]
        for container in planned.containers
        if container["name"] in planned.new and container["restart"] != "no"
    ]
    _check_memory(round(SHARE_OF_LIMITS * sum(limits)))


def _check_docker() -> None:
    if not shutil.which("docker"):
        raise StackError("Docker is not installed: install Docker Engine 20.10 or later")
    asked = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], text=True, capture_output=True, check=False
    )
    if asked.returncode:
        reason = (asked.stderr.strip().splitlines() or ["no answer"])[-1]
        if "permission denied" in reason:
            raise StackError("you may not use the Docker engine: join the group 'docker', or run as root")
        raise StackError(
            f"the Docker engine does not run ({reason}): start it, for example 'sudo systemctl start docker'"
        )
    if _version(asked.stdout) < DOCKER_MINIMUM:
        raise StackError(f"the Docker engine is version {asked.stdout.strip()}: 20.10 or later is needed")


def _check_terraform() -> None:
    if not shutil.which("terraform"):
        raise StackError("Terraform is not installed: install Terraform 1.11 or later")
    asked = subprocess.run(["terraform", "version", "-json"], text=True, capture_output=True, check=False)
    version = json.loads(asked.stdout)["terraform_version"] if asked.returncode == 0 else "unknown"
    if _version(version) < TERRAFORM_MINIMUM:
        raise StackError(f"Terraform is version {version}: 1.11 or later is needed")


def _version(text: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", text.strip())
    return tuple(int(part) for part in found.groups()) if found else ()


def _check_ports(planned: list[dict[str, Any]], present: Iterable[Container]) -> None:
    own = {port for container in present if container.is_running for port in container.published}
    for container in planned:
        for port in container["ports"] or []:
            number = port["external"]
            if number not in own and not _is_free(port["ip"], number):
                raise StackError(
                    f"port {number}, for {container['name']}, is taken: end what listens there, or choose "
                    "another in infra/site.auto.tfvars, for example ports = { console = 8601 }"
                )


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _check_memory(needed: int) -> None:
    free = _free_memory()
    if needed > free:
        raise StackError(
            f"about {needed / _GIBIBYTE:.1f} GiB of memory is needed and {free / _GIBIBYTE:.1f} GiB is free: "
            "end something, take PROFILE=small, or switch something off in infra/site.auto.tfvars, "
            "for example enable_metabase = false"
        )


def _free_memory() -> int:
    """Return what is free, or all that there is where the engine runs in a machine of its own."""
    total = int(docker("info", "--format", "{{.MemTotal}}"))
    table = Path("/proc/meminfo")
    if not table.is_file():
        return total
    lines = (line.split() for line in table.read_text().splitlines())
    here = {words[0].rstrip(":"): 1024 * int(words[1]) for words in lines}
    is_local = abs(here["MemTotal"] - total) < _MEBIBYTE
    return here["MemAvailable"] if is_local else total
