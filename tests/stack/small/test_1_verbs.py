"""What an operator asks of a stack that is up, and what it refuses."""

import re
from pathlib import Path

import pytest
from applied import Stack, copied_infra, operator

pytestmark = pytest.mark.timeout(1200)  # the first test's includes the applying


def test_every_address_is_printed_and_no_password(stack: Stack) -> None:
    printed = stack.operator("endpoints").stdout
    for name, port in stack.variables["ports"].items():
        runs = name not in ("spark", "metabase", "kafka_ui")
        assert (f"127.0.0.1:{port}" in printed) is runs, name
    assert not [name for name, secret in stack.outputs["secrets"].items() if secret in printed]
    told = stack.operator("secrets").stdout
    assert all(secret in told for secret in stack.outputs["secrets"].values())


def test_the_smoke_test_passes(stack: Stack) -> None:
    stack.wait(stack.is_healthy)
    smoke = stack.operator("smoke")
    assert smoke.returncode == 0, smoke.stdout
    assert "facts arrived within" in smoke.stdout


def test_status_shows_each_container_and_the_stream(stack: Stack) -> None:
    stack.wait(stack.is_healthy)
    shown = stack.operator("status")
    assert shown.returncode == 0, shown.stdout
    services = stack.services()
    for name in stack.containers():
        state = "healthy" if name in services else "done"
        assert re.search(rf"^{stack.name}-{name} +{state} .*MiB$", shown.stdout, re.MULTILINE), name
    assert re.search(r"facts\W+[1-9]", shown.stdout)


def test_logs_are_what_a_container_wrote(stack: Stack) -> None:
    shown = stack.operator("logs", "--service", "topics")
    assert (shown.returncode, shown.stdout) == (0, stack.log("topics"))
    assert stack.operator("logs", "--service", "kafka").stdout  # the first broker's
    unknown = stack.operator("logs", "--service", "kafak")
    assert unknown.returncode == 1
    assert unknown.stdout.startswith("error: name a service, for example S=stream: ")


def test_a_shell_runs_in_the_container(stack: Stack) -> None:
    shell = stack.operator("shell", "--service", "postgres", typed="hostname; id -u; exit 3\n")
    assert (shell.returncode, shell.stdout) == (3, "postgres\n999\n")


def test_another_world_is_refused_before_anything_is_made(stack: Stack) -> None:
    before = stack.ids()
    refused = stack.operator("up", "--", '-var=world={"customers": 501, "merchants": 100}')
    assert refused.returncode == 1
    assert refused.stdout.startswith("error: What is kept here was generated with world = ")
    assert "'make down' removes it" in refused.stdout
    assert stack.ids() == before


def test_down_from_another_folder_removes_nothing(stack: Stack, tmp_path: Path) -> None:
    refused = operator(copied_infra(tmp_path), "down")
    assert refused.returncode == 1
    assert "nothing was applied from this folder" in refused.stdout
    assert stack.name in refused.stdout
    assert stack.is_healthy()
