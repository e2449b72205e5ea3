"""Terraform on one folder, and what it says as data."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from errors import StackError

KEPT = "terraform_data.kept"
"""What the kept data were written with; Terraform refuses what does not fit."""

KEPT_WITH_DATA = ("docker_volume.", "terraform_data.secret", KEPT)
"""Resources without which kept data cannot be read again: the passwords are part of it."""


@dataclass(frozen=True)
class Planned:
    """What a configuration asks for."""

    containers: list[dict[str, Any]]
    """With the provider's names for their properties."""

    new: frozenset[str]
    """Names of the containers that were never applied; one that was lost since is not new."""

    wanted_images: dict[str, Any]
    """Names of those that are `built`, and the `official` ones by name."""


@dataclass(frozen=True)
class Terraform:
    """Runs Terraform in a root folder; its own words go to the terminal."""

    folder: Path
    state_dir: Path
    """Where `make mirror` leaves its terraform.rc."""

    arguments: Sequence[str] = field(default=())
    """Passed on to plan and apply, for example -var='generator_rate=0'."""

    state_copy: Path | None = None
    """Used in place of the folder's own state."""

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

    def planned(self, variables: dict[str, Any]) -> Planned:
        """Return what would be there with these variables, whatever has become of what was applied before.

        Raises:
            StackError: the configuration is refused, or does not fit the data that are kept.
        """
        held = self.holds("")
        with self.on_a_copy_of_the_state() as copy:
            copy.forget([address for address in held if address != KEPT])
            shown = copy.plan_as_data(variables)
        planned = [each for each in shown["resource_changes"] if each["type"] == "docker_container"]
        return Planned(
            containers=[each["change"]["after"] for each in planned],
            new=frozenset(each["change"]["after"]["name"] for each in planned if each["address"] not in held),
            wanted_images=shown["planned_values"]["outputs"]["wanted_images"]["value"],
        )

    def plan_as_data(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Return a plan as `terraform show -json` describes it.

        Raises:
            StackError: Terraform cannot plan; what its errors say.
        """
        with TemporaryDirectory() as folder:
            plan = f"{folder}/plan"
            given = (*_given(variables), *_only_variables(self.arguments))
            run = self._on_state("plan", "-json", f"-out={plan}", *given, capture=True, check=False)
            if run.returncode:
                raise StackError(_refusal(run))
            return dict(json.loads(self._run("show", "-json", plan, capture=True).stdout))

    def plan(self) -> None:
        """Show what would change."""
        self._on_state("plan", *self.arguments)

    def apply(self) -> None:
        """Make it so."""
        self._run("apply", "-auto-approve", *self.arguments)

    def forget(self, addresses: Sequence[str]) -> None:
        """Take out of the state what is gone, or goes with something else."""
        if addresses:
            self._on_state("state rm", *addresses, capture=True)

    def holds(self, prefix: str) -> list[str]:
        """Return the addresses of the state that begin with a prefix."""
        held = self._on_state("state list", capture=True).stdout.split() if self.has_state() else []
        return [address for address in held if address.startswith(prefix)]

    def destroy(self, variables: dict[str, Any], *, keep_data: bool) -> None:
        """Remove everything, or everything but the volumes and the passwords that open them."""
        targets: list[str] = []
        if keep_data:
            held = self.holds("")
            targets = [f"-target={address}" for address in held if not address.startswith(KEPT_WITH_DATA)]
            if not targets:
                return
        self._run("destroy", "-auto-approve", *targets, *_given(variables), *self.arguments)

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
        return self._state.is_file()

    @contextmanager
    def on_a_copy_of_the_state(self) -> Iterator["Terraform"]:
        """Yield the same with a state of its own: what is forgotten there is not forgotten here."""
        with TemporaryDirectory() as folder:
            copy = Path(folder, self._state.name)
            if self.has_state():
                shutil.copyfile(self._state, copy)
            yield replace(self, state_copy=copy)

    @property
    def _state(self) -> Path:
        return self.state_copy or self.folder / "terraform.tfstate"

    def outputs(self) -> dict[str, Any]:
        """Return the outputs' values; nothing is returned where nothing was applied."""
        found = json.loads(self._run("output", "-json", capture=True).stdout)
        return {name: output["value"] for name, output in found.items()}

    def _on_state(
        self, verb: str, *arguments: str, capture: bool = False, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        copy = [f"-state={self.state_copy}"] if self.state_copy else []
        return self._run(*verb.split(), *copy, *arguments, capture=capture, check=check)

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


def _refusal(run: subprocess.CompletedProcess[str]) -> str:
    """Return what the errors of a plan say, without Terraform's frames."""
    said = [json.loads(line).get("diagnostic", {}) for line in run.stdout.splitlines()]
    errors = [each for each in said if each.get("severity") == "error"]
    return "\n".join(_sentence(error) for error in errors) or run.stderr.strip()


def _sentence(diagnostic: dict[str, Any]) -> str:
    what = diagnostic["detail"].split("\n\n")[0] or diagnostic["summary"]
    at = diagnostic.get("range")
    return f"{what} ({at['filename']}:{at['start']['line']})" if at else what


def _only_variables(arguments: Sequence[str]) -> list[str]:
    return [argument for argument in arguments if argument.startswith(("-var=", "-var-file="))]


def _given(variables: dict[str, Any]) -> list[str]:
    return [f"-var={name}={json.dumps(value)}" for name, value in variables.items()]
