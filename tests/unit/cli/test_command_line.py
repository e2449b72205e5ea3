"""How the command line behaves as a whole: quick to answer, one sentence per error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "pyspark",
    "streamlit",
    "numpy",
    "pyarrow",
    "psycopg2",
    "confluent_kafka",
    "boto3",
    "pandas",
    "faker",
}
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("TXWATCH_")}


def txwatch(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "txwatch.cli.main", *arguments],
        cwd=folder,
        env=ENVIRONMENT | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_waits_for_nothing_heavy() -> None:
    program = "import sys, txwatch.cli.main; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(answer.stdout.split())


def test_every_verb_has_its_line(tmp_path: Path) -> None:
    text = txwatch(tmp_path, "--help").stdout
    verbs = "up down status generate replay stream archive verify quarantine rules console demo".split()
    assert [verb for verb in verbs if f"│ {verb} " not in text] == []


def test_a_wrong_setting_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    answer = txwatch(tmp_path, "status", TXWATCH_KAFKA_PARTITIONS="some")
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: TXWATCH_KAFKA_PARTITIONS: ")
    assert answer.stderr.count("\n") == 1


def test_what_is_not_there_says_how_to_start_it(tmp_path: Path) -> None:
    answer = txwatch(tmp_path, "status")
    assert answer.returncode == 0
    assert "nothing runs here: `txwatch up` starts it" in answer.stdout
    assert txwatch(tmp_path, "down").stdout == "nothing was running\n"


def test_a_traceback_is_shown_to_those_who_ask(tmp_path: Path) -> None:
    command = ("verify",)
    assert "Traceback" not in txwatch(tmp_path, *command).stderr
    assert "Traceback" in txwatch(tmp_path, "--debug", *command).stderr


@pytest.mark.parametrize("arguments", [("fly",), ("demo", "--rate", "fast")])
def test_wrong_use_is_exit_code_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert txwatch(tmp_path, *arguments).returncode == 2
