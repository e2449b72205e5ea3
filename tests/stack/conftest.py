"""Stacks applied from a copy of infra/, each with a name and ports of its own, removed at the end."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from applied import Stack, StackShape, listing
from pytest_docker.plugin import Services


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    """Keep pytest-docker from starting anything: Terraform does."""
    return []


@pytest.fixture(scope="session")
def docker_cleanup() -> list[str]:
    return []


@pytest.fixture(scope="session")
def _engine() -> None:
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        pytest.skip(
            "no Docker engine answers: the stack's tests need one (scripts/start-docker.sh starts one)"
        )
    if not shutil.which("terraform"):
        pytest.skip("Terraform is not installed: the stack's tests need 1.11 or later")


@pytest.fixture(scope="session")
def applied(
    _engine: None,
    docker_services: Services,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Callable[[StackShape], AbstractContextManager[Stack]]:
    """Return a context manager that applies a stack of a shape and removes it."""

    @contextmanager
    def apply(shape: StackShape) -> Iterator[Stack]:
        folder: Path = tmp_path_factory.mktemp(shape.profile)
        stack = Stack(folder, shape, docker_services)
        failed_before, is_up = request.session.testsfailed, False
        try:
            stack.up()
            is_up = True
            yield stack
        finally:
            if not is_up or request.session.testsfailed > failed_before:
                stack.keep_logs(Path(os.environ.get("TXWATCH_STACK_LOGS", ".txwatch/stack-logs")))
            if any(listing(stack.name).values()):
                stack.down()

    return apply
