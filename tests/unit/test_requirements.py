"""The pinned files say what pyproject.toml asks for, and name no place to take it from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
FILES = sorted((REPOSITORY / "requirements").glob("*.txt"))


def pins(file: Path) -> list[Requirement]:
    lines = (line.removesuffix("\\").strip() for line in file.read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "--hash"))]


def asked_for(extra: str) -> list[Requirement]:
    return [Requirement(text) for text in [*PROJECT["dependencies"], *EXTRAS[extra]] if "txwatch" not in text]


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_extra_has_pins_that_satisfy_it(extra: str) -> None:
    pinned = pins(REPOSITORY / "requirements" / f"{extra}.txt")
    for requirement in asked_for(extra):
        versions = [pin.specifier for pin in pinned if _same_name(pin.name, requirement.name)]
        assert versions, f"{requirement.name} is not pinned: run `make requirements`"
        for version in versions:
            (exact,) = version
            assert requirement.specifier.contains(exact.version), f"{requirement}: run `make requirements`"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_pin_has_a_hash_and_no_address(file: Path) -> None:
    text = file.read_text()
    assert not re.search(r"://|find-links|index-url", text)
    assert len(re.findall(r"^[a-z0-9].*\\$", text, re.MULTILINE)) == len(pins(file))


def test_the_processes_are_pinned_to_what_development_uses() -> None:
    everything = {(pin.name, str(pin.specifier)) for pin in pins(REPOSITORY / "requirements" / "dev.txt")}
    for extra in ("generator", "stream", "warehouse", "operations", "console", "embedded"):
        file = REPOSITORY / "requirements" / f"{extra}.txt"
        assert {(pin.name, str(pin.specifier)) for pin in pins(file)} <= everything


def _same_name(one: str, other: str) -> bool:
    return re.sub(r"[-_.]+", "-", one).lower() == re.sub(r"[-_.]+", "-", other).lower()
