import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from txwatch.embedded import processes
from txwatch.embedded.processes import Command
from txwatch.embedded.state import ProcessRecord
from txwatch.embedded.supervisor import Supervisor
from txwatch.errors import UnavailableError, UsageError

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
_IGNORE_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
_SPAWN = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
_WAIT = "import time; print('ready', flush=True); time.sleep(600)"
STUBBORN = [sys.executable, "-c", f"{_IGNORE_SIGTERM}; {_WAIT}"]
PARENT = [sys.executable, "-c", f"{_SPAWN}; {_WAIT}"]


def wait_for(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline, "waited 20 s in vain"
        time.sleep(0.02)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    yield supervisor
    supervisor.kill_strays()


def log_of(record: ProcessRecord) -> str:
    return record.log.read_text()


def test_a_process_is_found_by_its_name_until_it_is_stopped(supervisor: Supervisor) -> None:
    record = supervisor.start_process("worker", SLEEPER, {})
    assert supervisor.running() == {"worker": record}
    assert supervisor.stop_process("worker") is True
    assert supervisor.running() == {}
    assert supervisor.stop_process("worker") is False


def test_a_second_of_the_same_name_is_refused(supervisor: Supervisor) -> None:
    supervisor.start_process("worker", SLEEPER, {})
    with pytest.raises(UsageError, match="worker runs already"):
        supervisor.start_process("worker", SLEEPER, {})


def test_a_process_that_was_killed_does_not_run(supervisor: Supervisor) -> None:
    record = supervisor.start_process("worker", SLEEPER, {})
    os.kill(record.pid, signal.SIGKILL)
    wait_for(lambda: not supervisor.is_running("worker"))


def test_another_process_with_the_recorded_pid_is_not_ours(supervisor: Supervisor) -> None:
    record = supervisor.start_process("worker", SLEEPER, {})
    earlier = record.model_copy(update={"started_at": record.started_at - 60})
    other = record.model_copy(update={"command": ["/bin/other"], "owner": "somebody else"})
    assert processes.is_running(record)
    assert not processes.is_running(earlier)
    assert not processes.is_running(other)
    assert processes.stop(other, 1.0) is False
    assert psutil.pid_exists(record.pid)


def test_a_process_that_becomes_another_program_is_still_ours(supervisor: Supervisor) -> None:
    become = "import os, sys; os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"
    record = supervisor.start_process("worker", [sys.executable, "-c", become, _WAIT], {})
    wait_for(lambda: "ready" in log_of(record))
    assert psutil.Process(record.pid).cmdline() != record.command
    assert supervisor.is_running("worker")
    assert supervisor.stop_process("worker")


def test_one_that_ignores_the_polite_signal_is_killed(supervisor: Supervisor) -> None:
    record = supervisor.start_process("stubborn", STUBBORN, {})
    wait_for(lambda: "ready" in log_of(record))
    assert supervisor.stop_process("stubborn", grace_seconds=0.2)
    assert not processes.is_running(record)


def test_descendants_end_with_their_parent(supervisor: Supervisor) -> None:
    record = supervisor.start_process("parent", PARENT, {})
    wait_for(lambda: "ready" in log_of(record))
    (child,) = psutil.Process(record.pid).children()
    supervisor.stop_process("parent")
    wait_for(lambda: not child.is_running())


def test_orphans_of_a_killed_parent_are_found_by_their_mark(supervisor: Supervisor) -> None:
    record = supervisor.start_process("parent", PARENT, {})
    wait_for(lambda: "ready" in log_of(record))
    (child,) = psutil.Process(record.pid).children()
    os.kill(record.pid, signal.SIGKILL)
    wait_for(lambda: not supervisor.is_running("parent"))
    assert child.is_running()
    supervisor.kill_strays()
    wait_for(lambda: not child.is_running())


def test_two_folders_never_meet(tmp_path: Path) -> None:
    one, other = Supervisor(tmp_path / "one"), Supervisor(tmp_path / "other")
    try:
        one.start_process("worker", SLEEPER, {})
        other.kill_strays()
        assert one.is_running("worker")
        assert other.running() == {}
    finally:
        one.kill_strays()


def test_a_terminals_ctrl_c_does_not_reach_it(supervisor: Supervisor) -> None:
    record = supervisor.start_process("worker", SLEEPER, {})
    assert os.getsid(record.pid) == record.pid
    assert os.getpgid(record.pid) != os.getpgid(0)


def test_additions_to_the_environment_arrive(supervisor: Supervisor) -> None:
    argv = [sys.executable, "-c", "import os; print(os.environ['COLOUR'])"]
    record = supervisor.start_process("worker", argv, {"COLOUR": "teal"})
    wait_for(lambda: log_of(record) == "teal\n")


def test_a_failed_start_shows_the_tail_of_the_log(supervisor: Supervisor) -> None:
    supervisor.start("broken", Command([sys.executable, "-c", "raise SystemExit('no such disk')"]))
    with pytest.raises(
        UnavailableError, match=r"(?s)broken ended while it started up.*broken\.log.*no such disk"
    ):
        supervisor.wait_until("broken", lambda: False, 20)


def test_a_start_that_takes_too_long_is_said(supervisor: Supervisor) -> None:
    supervisor.start_process("slow", SLEEPER, {})
    with pytest.raises(UnavailableError, match="slow was not ready after 0 s"):
        supervisor.wait_until("slow", lambda: False, 0.0)
