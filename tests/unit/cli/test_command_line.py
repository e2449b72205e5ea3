"""How the command line behaves as a whole: quick to answer, one sentence per error."""

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from txwatch.cli import main
from txwatch.errors import UsageError
from txwatch.generator.progress import ProgressFile

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


WRONG_USE = [
    ("replay", "nowhere.csv.gz"),
    ("replay", "[/bold]"),  # rich must not take it for markup
    ("replay", "a folder"),
    ("replay", "text.csv.gz"),
    ("replay", "empty.csv.gz"),
    ("replay", "short.csv.gz"),
    ("replay", "cut.csv.gz"),
    ("replay", "binary.csv.gz"),
    ("generate", "--start", "yesterday"),
    ("generate", "--start", "0001-01-01T00:00:00+14:00"),
    ("generate", "--start", "9999-12-31"),
    ("generate", "--count", str(2**62)),
    ("generate", "--count", "1", "--output", "a folder"),
    ("generate", "--output", "-"),
    ("rules", "check", "nowhere.yaml"),
    ("rules", "check", "text.csv.gz"),
    ("quarantine", "show", "1"),
    ("quarantine", "show", "1:99999999999999999999"),
    ("quarantine", "list", "--reason", "'; drop table core.fact_transaction; --"),
    ("verify",),
    ("rules", "quality"),
]
WRONG_SETTINGS = [
    ("TXWATCH_KAFKA_PARTITIONS", "0"),
    ("TXWATCH_KAFKA_BOOTSTRAP_SERVERS", "nonsense"),
    ("TXWATCH_KAFKA_TRANSACTIONS_TOPIC", "../secrets"),
    ("TXWATCH_POSTGRES_PORT", "70000"),
    ("TXWATCH_CURRENCIES", "["),
    ("TXWATCH_CURRENCIES", "{}"),
    ("TXWATCH_CURRENCIES", '["eur"]'),
    ("TXWATCH_WORLD_SEED", "1e400"),
    ("TXWATCH_FUTURE_TOLERANCE_SECONDS", "nan"),
    ("TXWATCH_FUTURE_TOLERANCE_SECONDS", "inf"),
    ("TXWATCH_KAFKA_DELIVERY_TIMEOUT_SECONDS", "inf"),
    ("TXWATCH_STREAM_MAX_BATCH_ROWS", "3000000000"),
    ("TXWATCH_LOG_LEVEL", "loud"),
    ("TXWATCH_STREAM_DRIVER_MEMORY", "1g; rm -r /"),
    ("TXWATCH_STATE_DIR", "/dev/null"),
    ("TXWATCH_STATE_DIR", "x" * 300),
    ("TXWATCH_S3_ENDPOINT", "ftp://127.0.0.1"),
    ("TXWATCH_S3_BUCKET", "../bucket"),
]


@pytest.fixture(scope="module")
def strange_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strange")
    (folder / "a folder").mkdir()
    whole = gzip.compress(b"transaction_id,timestamp\n" + bytes(range(256)) * 500)
    for name, content in {
        "text": b"\xff\xfe not gzipped",
        "empty": gzip.compress(b""),
        "short": gzip.compress(b"transaction_id,timestamp\n1,2\n"),
        "cut": whole[: len(whole) // 2],
        "binary": gzip.compress(bytes(range(256)) * 100),
    }.items():
        (folder / f"{name}.csv.gz").write_bytes(content)
    return folder


@pytest.fixture
def here(
    strange_files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Return what runs a command line in this process, beside strange files, and gives its complaint."""

    def run(*arguments: str) -> str:
        monkeypatch.chdir(strange_files)
        monkeypatch.setattr(sys, "argv", ["txwatch", *arguments])
        with pytest.raises(SystemExit) as ended:
            main.run()
        assert ended.value.code == 2
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize("arguments", WRONG_USE, ids=" ".join)
def test_wrong_use_is_one_sentence(here: Callable[..., str], arguments: tuple[str, ...]) -> None:
    assert_one_sentence(here(*arguments))


@pytest.mark.parametrize(("variable", "value"), WRONG_SETTINGS)
def test_each_wrong_setting_is_one_sentence_that_names_it(
    here: Callable[..., str], monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    text = here("status")
    assert text.startswith(f"error: {variable}: ")
    assert_one_sentence(text)


def assert_one_sentence(text: str) -> None:
    assert text.startswith("error: ")
    assert text.count("\n") == 1, text
    assert "Traceback" not in text


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/x", "", "a" * 65, ".hidden", "a b", "a\x00b"])
def test_a_runs_name_cannot_name_a_file_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a file"):
        ProgressFile(tmp_path, name)


def test_a_fault_of_ours_is_one_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("of [all] things")

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == 1
    text = capsys.readouterr().err
    assert_one_sentence(text)
    assert "unexpected ZeroDivisionError at test_command_line.py:" in text
    assert "of [all] things" in text


def test_a_reader_that_has_had_enough_is_no_news(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "txwatch.cli.main", "generate", "--count", "200000", "--output", "-"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as writing:
        assert writing.stdout is not None
        assert writing.stderr is not None
        writing.stdout.read(10)
        writing.stdout.close()
        assert writing.stderr.read() == b""


@pytest.mark.parametrize("arguments", [("fly",), ("demo", "--rate", "fast")])
def test_wrong_use_is_exit_code_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert txwatch(tmp_path, *arguments).returncode == 2
