"""What is asked of docker and terraform, which are stand-ins: how often, and of which state."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Script = Callable[[str], Any]

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts" / "stack"


class Asked:
    """Programs that write down what they are asked, and fail where they should."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "asked"
        self._log.touch()

    def install(self, name: str, *, exit_code: int = 0) -> None:
        program = self._folder / name
        program.write_text(f'#!/bin/sh\necho "$*" >>{self._log}\nexit {exit_code}\n')
        program.chmod(0o755)

    def lines(self, beginning: str) -> list[str]:
        return [line for line in self._log.read_text().splitlines() if line.startswith(beginning)]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return Asked(programs)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Return what imports a module of scripts/stack, which is no package."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module


def test_a_registry_that_refuses_is_not_asked_again_at_once(
    asked: Asked, tmp_path: Path, script: Script
) -> None:
    engine = script("engine")
    asked.install("docker", exit_code=1)
    refusals = tmp_path / "refused"
    assert not engine.is_to_be_had("metabase/metabase:v1", refusals)
    assert not engine.is_to_be_had("metabase/metabase:v1", refusals)
    assert asked.lines("pull") == ["pull --quiet metabase/metabase:v1"]
    (refusal,) = refusals.iterdir()
    os.utime(refusal, (0, 0))
    assert not engine.is_to_be_had("metabase/metabase:v1", refusals)
    assert len(asked.lines("pull")) == 2


def test_an_image_that_came_meanwhile_is_there_whatever_was_refused(
    asked: Asked, tmp_path: Path, script: Script
) -> None:
    engine = script("engine")
    asked.install("docker", exit_code=1)
    assert not engine.is_to_be_had("metabase/metabase:v1", tmp_path / "refused")
    asked.install("docker")
    assert engine.is_to_be_had("metabase/metabase:v1", tmp_path / "refused")


def test_what_is_forgotten_on_a_copy_is_not_forgotten(asked: Asked, tmp_path: Path, script: Script) -> None:
    asked.install("terraform")
    state = tmp_path / "terraform.tfstate"
    state.write_text("{}")
    terraform = script("terraform").Terraform(tmp_path, tmp_path)
    with terraform.on_a_copy_of_the_state() as copy:
        copy.forget(["module.seed"])
        copy.plan()
    terraform.forget(["module.topics"])
    on_copy, planned, here = asked.lines("-chdir")
    assert " state rm -state=/" in on_copy
    assert " plan -state=/" in planned
    assert str(state) not in on_copy + planned
    assert here == f"-chdir={tmp_path} state rm module.topics"
