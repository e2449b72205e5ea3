"""Starts, recognises and ends operating system processes."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from txwatch.embedded.privileges import identity
from txwatch.embedded.state import ProcessRecord

OWNER_VARIABLE = "TXWATCH_OWNER"
"""Environment variable that all we start inherits: the folder whose runtime it belongs to."""

_CLOCK_TOLERANCE_SECONDS = 2.0  # the kernel's boot time, from which start times count, moves with the clock


@dataclass(frozen=True)
class Command:
    """What to run and as whom."""

    argv: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)
    """Additions to this process's environment."""
    user: str | None = None
    """The user to become; `None`: stay who we are."""
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM


def start(command: Command, owner: str, log: Path, port: int | None = None) -> ProcessRecord:
    """Start a process that outlives this one and that a Ctrl-C on this terminal does not reach."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(part) for part in command.argv],
            env={**os.environ, **command.env, OWNER_VARIABLE: owner},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=command.cwd,
            **identity(command.user),
        )
    return _record(child.pid, command, owner, log, port)


def is_running(record: ProcessRecord) -> bool:
    """Tell whether the recorded process, and not a later one with its pid, still runs."""
    return _find(record) is not None


def stop(record: ProcessRecord, grace_seconds: float) -> bool:
    """End a process and its descendants, killing what is left after the grace; tell whether it ran."""
    process = _find(record)
    if process is None:
        return False
    family = [process, *_descendants(process)]
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(record.stop_signal)
    with contextlib.suppress(psutil.TimeoutExpired):
        process.wait(grace_seconds)
    kill(family)
    return True


def memory_bytes(record: ProcessRecord) -> int:
    """Return what a process and its descendants hold in memory, pages that they share counted once."""
    process = _find(record)
    return sum(_memory(member) for member in [process, *_descendants(process)]) if process else 0


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill processes outright and wait until they are gone."""
    alive = [process for process in processes if process.is_running()]
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=10)


def owned_by(owner: str) -> Iterator[psutil.Process]:
    """Find every live process that inherited the owner's mark, recorded or not; never this one."""
    for process in psutil.process_iter():
        if process.pid != os.getpid() and is_owned_by(process, owner):
            yield process


def is_owned_by(process: psutil.Process, owner: str) -> bool:
    """Tell whether a process bears the owner's mark, which stays when it becomes another program."""
    try:
        return process.environ().get(OWNER_VARIABLE) == owner
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def named(name: str, mentioning: str) -> Iterator[psutil.Process]:
    """Find every live process of a name whose command line, or title, holds a text."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.name() == name and mentioning in " ".join(process.cmdline()):
                yield process


def _record(pid: int, command: Command, owner: str, log: Path, port: int | None) -> ProcessRecord:
    argv = [str(part) for part in command.argv]
    try:
        process = psutil.Process(pid)
        # As the kernel shows it: of a script it begins with the interpreter.
        argv = process.cmdline() or argv
        started_at = process.create_time()
    except psutil.NoSuchProcess:  # it has ended already; whoever waits for it will tell
        started_at = 0.0
    return ProcessRecord(
        pid=pid,
        started_at=started_at,
        command=argv,
        owner=owner,
        stop_signal=command.stop_signal,
        log=log,
        port=port,
    )


def _find(record: ProcessRecord) -> psutil.Process | None:
    try:
        process = psutil.Process(record.pid)
        same = (
            abs(process.create_time() - record.started_at) < _CLOCK_TOLERANCE_SECONDS
            and process.status() != psutil.STATUS_ZOMBIE
            and (process.cmdline() == record.command or is_owned_by(process, record.owner))
        )
    except psutil.NoSuchProcess:
        return None
    return process if same else None


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:  # somebody else's, in a container without the right to look
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
