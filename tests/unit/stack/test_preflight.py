"""What is missing is said in one sentence, before anything is made; docker and terraform are stand-ins."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]

DOCKER_28 = "echo 28.2.2"
TERRAFORM_1_11 = """echo '{"terraform_version": "1.11.4"}'"""


class Machine:
    """A machine with these programs on its PATH and no others."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.infra = folder / "infra"
        (self.infra / "profiles").mkdir(parents=True)
        (self.infra / "profiles" / "small.tfvars").write_text("kafka_brokers = 1\n")

    def install(self, name: str, script: str) -> None:
        program = self.programs / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def plan(self, *containers: dict[str, object], state: tuple[str, ...] = ()) -> None:
        """Let Terraform plan these containers, and the engine hold none and have 4 GiB.

        Args:
            containers: as the provider describes them.
            state: addresses of what was applied before; a container's is its name.
        """
        if state:
            (self.infra / "terraform.tfstate").touch()
        changes = [
            {"type": "docker_container", "address": each["name"], "change": {"after": each}}
            for each in containers
        ]
        outputs = {"wanted_images": {"value": {"built": [], "official": {}}}}
        planned = json.dumps({"resource_changes": changes, "planned_values": {"outputs": outputs}})
        self.install(
            "docker",
            f"case $1 in version) {DOCKER_28};; ps) ;; info) echo {4 * 2**30};; "
            '*) echo "made something: $*"; exit 1;; esac',
        )
        self.install(
            "terraform",
            f"case \"$*\" in version*) {TERRAFORM_1_11};; *show*) echo '{planned}';; "
            f"*'state list'*) echo '{' '.join(state)}';; *'state rm -state='*) ;; "
            "*output*) echo '{}';; *init*|*plan*) ;; *) echo \"made something: $*\"; exit 1;; esac",
        )

    def up(self, *arguments: str) -> tuple[int, str]:
        return self.run("up", *arguments)

    def run(self, verb: str, *arguments: str) -> tuple[int, str]:
        run = subprocess.run(
            [sys.executable, REPOSITORY / "scripts" / "stack", "--infra", self.infra, verb, *arguments],
            env={"PATH": str(self.programs)}, text=True, capture_output=True, check=False,
        )  # fmt: skip
        return run.returncode, run.stdout + run.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def service(**changes: object) -> dict[str, object]:
    return {"name": "txwatch-console", "memory": 128, "restart": "unless-stopped", "ports": []} | changes


AS_MAKE_PASSES_THEM = ("--", "-- -var=generator_rate=0", "--profile small --", "--profile small -- -var=a=b")


@pytest.mark.parametrize("arguments", AS_MAKE_PASSES_THEM)
def test_docker_is_missing(machine: Machine, arguments: str) -> None:
    missing = "error: Docker is not installed: install Docker Engine 20.10 or later\n"
    assert machine.up(*arguments.split()) == (1, missing)


def test_the_engine_does_not_run(machine: Machine) -> None:
    machine.install("docker", "echo 'Cannot connect to the Docker daemon.' >&2; exit 1")
    code, said = machine.up()
    assert code == 1
    assert said == (
        "error: the Docker engine does not run (Cannot connect to the Docker daemon.): "
        "start it, for example 'sudo systemctl start docker'\n"
    )


def test_the_engine_is_not_for_this_user(machine: Machine) -> None:
    machine.install("docker", "echo 'permission denied while trying to connect' >&2; exit 1")
    assert machine.up()[1].startswith("error: you may not use the Docker engine: join the group 'docker'")


def test_the_engine_is_too_old(machine: Machine) -> None:
    machine.install("docker", "echo 19.03.15")
    assert machine.up() == (1, "error: the Docker engine is version 19.03.15: 20.10 or later is needed\n")


def test_terraform_is_missing(machine: Machine) -> None:
    machine.install("docker", DOCKER_28)
    assert machine.up() == (1, "error: Terraform is not installed: install Terraform 1.11 or later\n")


def test_terraform_is_too_old(machine: Machine) -> None:
    machine.install("docker", DOCKER_28)
    machine.install("terraform", """echo '{"terraform_version": "1.9.8"}'""")
    assert machine.up() == (1, "error: Terraform is version 1.9.8: 1.11 or later is needed\n")


def test_an_unknown_profile(machine: Machine) -> None:
    machine.plan()
    assert machine.up("--profile", "huge") == (
        1,
        "error: there is no profile huge: PROFILE is one of small\n",
    )


def test_a_port_is_taken(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        machine.plan(service(ports=[{"ip": "127.0.0.1", "external": port}]))
        code, said = machine.up()
    assert code == 1
    assert said.startswith(
        f"error: port {port}, for txwatch-console, is taken: end what listens there, or choose"
    )


def test_memory_is_too_little(machine: Machine) -> None:
    machine.plan(service(memory=1024 * 1024))
    code, said = machine.up()
    assert code == 1
    assert said.startswith("error: about 460.8 GiB of memory is needed and ")
    assert "take PROFILE=small" in said


def test_a_profile_that_is_refused_is_not_the_one_of_next_time(machine: Machine) -> None:
    (machine.infra / "profiles" / "cluster.tfvars").write_text("kafka_brokers = 3\n")
    machine.plan(service(memory=1024 * 1024))
    assert machine.up("--profile", "cluster")[0] == 1
    assert list(machine.infra.glob("*.auto.tfvars")) == []


def test_what_was_applied_and_lost_has_had_its_room(machine: Machine) -> None:
    huge = service(memory=1024 * 1024)
    machine.plan(huge, state=("txwatch-console",))
    assert "of memory is needed" not in machine.up()[1]
    machine.plan(huge, service(name="txwatch-kafka-ui", memory=1024 * 1024), state=("txwatch-console",))
    assert machine.up()[1].startswith("error: about 460.8 GiB of memory is needed and ")


def test_the_port_of_what_is_switched_on_later_is_taken(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        new = service(name="txwatch-kafka-ui", ports=[{"ip": "127.0.0.1", "external": port}])
        machine.plan(service(), new, state=("txwatch-console",))
        code, said = machine.up()
    assert code == 1
    assert said.startswith(f"error: port {port}, for txwatch-kafka-ui, is taken")


REFUSAL = json.dumps(
    {
        "diagnostic": {
            "severity": "error",
            "summary": "Resource postcondition failed",
            "detail": "1 broker(s) wrote what is kept here.\n\nMore of it.",
            "range": {"filename": "kept.tf", "start": {"line": 12}},
        }
    }
)


@pytest.mark.parametrize("verb", ["up", "plan"])
def test_what_terraform_refuses_is_a_sentence_and_its_profile_is_not_taken(
    machine: Machine, verb: str
) -> None:
    (machine.infra / "profiles" / "cluster.tfvars").write_text("kafka_brokers = 3\n")
    kept = machine.infra / "profile.auto.tfvars"
    kept.write_text("kafka_brokers = 1\n")
    machine.install("docker", DOCKER_28)
    refuse = f"printf %s '{REFUSAL}'; exit 1"
    machine.install(
        "terraform", f'case "$*" in version*) {TERRAFORM_1_11};; *init*) ;; *plan*) {refuse};; esac'
    )
    code, said = machine.run(verb, "--profile", "cluster")
    assert (code, said) == (1, "error: 1 broker(s) wrote what is kept here. (kept.tf:12)\n")
    assert kept.read_text() == "kafka_brokers = 1\n"


def test_providers_cannot_be_had(machine: Machine) -> None:
    machine.install("docker", f"case $1 in version) {DOCKER_28};; esac")
    machine.install(
        "terraform",
        f"case \"$*\" in version*) {TERRAFORM_1_11};; *) echo 'Error: Failed to query' >&2; exit 1;; esac",
    )
    code, said = machine.up()
    assert code == 1
    assert "Error: Failed to query" in said
    assert "run 'make mirror' once" in said


def test_what_tflint_finds_ends_the_check_of_the_plans(machine: Machine) -> None:
    machine.install("terraform", "exit 0")
    machine.install("tflint", 'echo "unused: $2"; exit 2')
    code, said = machine.run("test-plans")
    assert code == 1
    assert "unused: --recursive\n" in said
    assert said.endswith("error: tflint has something against the configuration: see above\n")
