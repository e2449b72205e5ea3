"""Any text for any option or argument: each verb takes it, or refuses it in one sentence with exit code 2."""

import gzip
import io
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from oracle.anything import TEXT
from txwatch.cli import main
from txwatch.embedded.ports import free_port
from txwatch.embedded.runtime import Runtime
from txwatch.errors import UsageError
from txwatch.generator.handbook import COLUMNS

ROW = "0,2018-04-01 00:00:31,596,3156,57.16,39.86921,-100.39833,39.8755,-100.42118,0"
BESIDE = {"replay": ["file.csv.gz"], "resolve": ["dag"]}
"""What a verb needs besides the option that is tried."""


def verbs(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each verb's words and its parameters."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from verbs(inner, *path, name)
    if not hasattr(command, "commands"):
        yield path, command.params


def tried() -> Iterator[tuple[str, ...]]:
    """Yield every command line that lacks nothing but one text at its end."""
    for words, parameters in verbs(typer.main.get_command(main.app)):
        for parameter in parameters:
            if parameter.param_type_name == "argument":
                yield (*words, *(["--run", "a"] if words[-1] == "resolve" else []))
            elif not parameter.is_flag:
                yield (*words, *BESIDE.get(words[-1], []), parameter.opts[0])


@pytest.fixture(scope="module")
def nothing_starts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Work in a folder of the module's own, in which no process is ever started."""

    def refuse(*_: object) -> NoReturn:
        raise UsageError("nothing is started here")

    folder = tmp_path_factory.mktemp("anything")
    (folder / "file.csv.gz").write_bytes(gzip.compress(f"{','.join(COLUMNS)}\n{ROW}\n".encode()))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(Runtime, "up", refuse)
        patch.setattr(os, "execv", refuse)
        patch.setattr(os, "execve", refuse)
        yield


def answer(*arguments: str) -> tuple[int, str, str]:
    """Run a command line in this process; return its exit code, standard output and standard error."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    code: object = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["txwatch", *arguments])
        try:
            main.run()
        except SystemExit as ended:
            code = ended.code
    out.seek(0)
    return int(str(code)), out.read(), err.getvalue()


@how(max_examples=150, derandomize=True, database=None)
@given(st.sampled_from(sorted(tried())), TEXT)
@pytest.mark.usefixtures("nothing_starts")
def test_any_text_is_taken_or_refused_in_a_sentence(arguments: tuple[str, ...], text: str) -> None:
    if arguments[-1] == "--output":
        text = text.replace("/", "")  # it is written
    code, _, err = answer(*arguments, text)
    assert code in (0, 2), err
    if code == 2 and "Usage:" not in err:  # what is no number, or no option, typer refuses in a frame
        assert err.startswith("error: ")
        assert err.endswith("\n")
        assert err[:-1].isprintable()
        assert "unexpected" not in err


@pytest.mark.usefixtures("nothing_starts")
def test_markup_in_what_is_shown_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOST": "127.0.0.1", "PORT": str(free_port()), "DATABASE": "[/x]"}.items():
        monkeypatch.setenv(f"TXWATCH_POSTGRES_{name}", value)
    monkeypatch.setenv("TXWATCH_DASHBOARD_READER_PASSWORD", "any")
    code, out, err = answer("status")
    assert (code, err) == (0, "")
    assert "/[/x]" in out

    Path("rules.yaml").write_text(
        "{ruleset: a, version: 1, rules: [{id: b, when: amount > 1, severity: low, description: '[/x]'}]}"
    )
    code, out, err = answer("rules", "check", "rules.yaml")
    assert (code, err) == (0, "")
    assert "[/x]" in out
