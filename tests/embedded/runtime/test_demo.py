"""The one command that a newcomer types, from nothing to the balance, ended by Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from txwatch.embedded import processes
from txwatch.embedded.state import StateFile

FIRST_FACT_SECONDS = 300
BALANCE_SECONDS = 400


def start_demo(folder: Path, output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "txwatch.cli.main", "demo", "--seconds", "3600", "--rate", "300"],
            cwd=folder,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def reports(output: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in output.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if "facts" in line]


def wait_for_facts(demo: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + FIRST_FACT_SECONDS
    while not any(report["facts"] for report in reports(output)):
        assert demo.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.5)


@pytest.mark.timeout(900)
def test_the_demo_shows_facts_and_ends_balanced_with_nothing_left_running(tmp_path: Path) -> None:
    output = tmp_path / "output"
    demo = start_demo(tmp_path, output)
    try:
        wait_for_facts(demo, output)
        os.kill(demo.pid, signal.SIGINT)
        assert demo.wait(BALANCE_SECONDS) == 0, output.read_text()
    finally:
        demo.kill()
        processes.kill(list(processes.owned_by(str(tmp_path / ".txwatch"))))
    last = reports(output)[-1]
    assert (last["total_lag"], last["total_archive_lag"]) == (0, 0)
    assert last["produced"] == last["facts"] + last["quarantined"] + last["duplicates"]
    assert last["quarantined"] > 0
    text = output.read_text()
    assert "known frauds" in text
    assert "differs" not in text
    recorded = StateFile(tmp_path / ".txwatch").read().processes
    assert not any(processes.is_running(record) for record in recorded.values())
