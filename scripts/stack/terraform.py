"""Terraform on one folder, and what it says as data."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from errors import StackError

KEPT_WITH_DATA = ("docker_volume.", "terraform_data.secret")
"""Resources without which kept data cannot be read again: the passwords are part of it."""


@dataclass(frozen=True)
class Terraform:
    """Runs Terraform in a root folder; its own words go to the terminal."""

    folder: Path
    state_dir: Path
    """Where `make mirror` leaves its terraform.rc."""

    arguments: Sequence[str] = field(default=())
    """Passed on to plan and apply, for example -var='generator_rate=0'."""

    def init(self) -> None:
        """Fetch or link the providers."""
        run = self._run("init", "-no-color", capture=True, check=False)
        if run.returncode:
            reason = next(
                (line.strip(" │╷╵") for line in run.stderr.splitlines() if "Error" in line), run.stderr
            )
            raise StackError(
                f"Terraform cannot prepare its providers ({reason}): where no provider registry answers, "
                "run 'make mirror' once"
            )

    def planned(self, variables: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the containers that a plan with these variables would have, without asking any of them."""
        with TemporaryDirectory() as folder:
            plan = f"{folder}/plan"
            run = self._run(
                "plan",
                "-no-color",
                "-refresh=false",
                f"-out={plan}",
                *_given(variables),
                *self.arguments,
                capture=True,
                check=False,
            )
            if run.returncode:
                raise StackError(f"Terraform refuses the configuration:\n{run.stderr.strip()}")
            changes = json.loads(self._run("show", "-json", plan, capture=True).stdout)["resource_changes"]
        after = [change["change"]["after"] for change in changes if change["type"] == "docker_container"]
        return [container for container in after if container]

    def plan(self) -> None:
        """Show what would change."""
        self._run("plan", *self.arguments)

    def apply(self) -> None:
        """Make it so."""
        self._run("apply", "-auto-approve", *self.arguments)

    def forget(self, prefix: str) -> None:
        """Take what begins with a prefix out of the state: it is gone, or goes with something else."""
        if addresses := self.holds(prefix):
            self._run("state", "rm", *addresses, capture=True)

    def holds(self, prefix: str) -> list[str]:
        """Return the addresses of the state that begin with a prefix."""
        held = self._run("state", "list", capture=True).stdout.split() if self.has_state() else []
        return [address for address in held if address.startswith(prefix)]

    def destroy(self, *, keep_data: bool) -> None:
        """Remove everything, or everything but the volumes and the passwords that open them."""
        targets: list[str] = []
        if keep_data:
            held = self.holds("")
            targets = [f"-target={address}" for address in held if not address.startswith(KEPT_WITH_DATA)]
            if not targets:
                return
        self._run("destroy", "-auto-approve", *targets, *self.arguments)

    def at(self, folder: Path) -> "Terraform":
        """Return the same for another root."""
        return replace(self, folder=folder)

    def check_style(self) -> None:
        """Refuse files that are not written in Terraform's one style, or that tflint has a word against."""
        self._run("fmt", "-check", "-recursive", "-diff")
        if shutil.which("tflint") is None:
            print("tflint is not installed: its check is left out")
            return
        if subprocess.run(["tflint", f"--chdir={self.folder}", "--recursive"], check=False).returncode:
            raise StackError("tflint has something against the configuration: see above")

    def test(self) -> None:
        """Validate the configuration and run its tests."""
        self._run("validate", "-no-color")
        self._run("test", "-no-color")

    def has_state(self) -> bool:
        """Tell whether anything was applied from here."""
        return (self.folder / "terraform.tfstate").is_file()

    def evaluate(self, expression: str, variables: dict[str, Any]) -> Any:
        """Return the value of an expression over variables, some of them given here, and locals."""
        command = [
            "terraform",
            f"-chdir={self.folder}",
            "console",
            *_given(variables),
            *_only_variables(self.arguments),
        ]
        run = subprocess.run(
            command,
            env=self._environment(),
            text=True,
            input=f"jsonencode({expression})\n",
            capture_output=True,
            check=False,
        )
        if run.returncode:
            raise StackError(f"Terraform refuses the configuration:\n{run.stderr.strip()}")
        # Where an apply was cut short, warnings of what is missing come first.
        return json.loads(json.loads(run.stdout.splitlines()[-1]))

    def outputs(self) -> dict[str, Any]:
        """Return the outputs' values; nothing is returned where nothing was applied."""
        found = json.loads(self._run("output", "-json", capture=True).stdout)
        return {name: output["value"] for name, output in found.items()}

    def _run(
        self, verb: str, *arguments: str, capture: bool = False, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        command = ["terraform", f"-chdir={self.folder}", verb, *arguments]
        run = subprocess.run(
            command,
            env=self._environment(),
            text=True,
            capture_output=capture,
            check=False,
            umask=0o077,  # the state holds every password
        )
        if check and run.returncode:
            words = f": {run.stderr.strip()}" if capture else "; its words are above"
            raise StackError(f"'terraform {verb}' failed{words}")
        return run

    def _environment(self) -> dict[str, str]:
        environment = os.environ | {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        mirror = self.state_dir / "terraform.rc"
        configured = environment.get("TF_CLI_CONFIG_FILE")
        if mirror.is_file():
            environment["TF_CLI_CONFIG_FILE"] = str(mirror.resolve())
        elif configured and not Path(configured).is_file():
            del environment["TF_CLI_CONFIG_FILE"]  # Terraform would warn of it at each call
        return environment


def _only_variables(arguments: Sequence[str]) -> list[str]:
    return [argument for argument in arguments if argument.startswith(("-var=", "-var-file="))]


def _given(variables: dict[str, Any]) -> list[str]:
    return [f"-var={name}={json.dumps(value)}" for name, value in variables.items()]
