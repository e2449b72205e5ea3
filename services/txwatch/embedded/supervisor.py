"""Owns processes by name: starts, stops and inspects them, whichever command started them."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from txwatch.embedded import processes
from txwatch.embedded.processes import Command
from txwatch.embedded.state import ProcessRecord, State, StateFile
from txwatch.errors import UnavailableError, UsageError

_LOG_TAIL_LINES = 20
_POLL_SECONDS = 0.1


class Supervisor:
    """The processes of one state folder. Two folders never meet."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir.resolve()
        self._file = StateFile(self._folder)

    @property
    def owner(self) -> str:
        """The mark that all processes of this folder carry."""
        return str(self._folder)

    def running(self) -> dict[str, ProcessRecord]:
        """Return the processes that run now, by name."""
        recorded = self._file.read().processes
        return {name: record for name, record in recorded.items() if processes.is_running(record)}

    def is_running(self, name: str) -> bool:
        """Tell whether the named process runs."""
        return name in self.running()

    def start_process(self, name: str, argv: Sequence[str | Path], env: Mapping[str, str]) -> ProcessRecord:
        """Start a long-running worker of ours under a name.

        Args:
            name: how it is found again; its log is `<state_dir>/logs/<name>.log`.
            argv: the command.
            env: additions to this process's environment.

        Raises:
            UsageError: a process of that name runs already.
        """
        return self.start(name, Command(argv, env))

    def start(self, name: str, command: Command, port: int | None = None) -> ProcessRecord:
        """Start a command under a name and record it; `port` is what it listens on, for people to read."""
        with self._file.change() as state:
            present = state.processes.get(name)
            if present is not None and processes.is_running(present):
                raise UsageError(f"{name} runs already (pid {present.pid}): `txwatch down` ends it")
            record = processes.start(command, self.owner, self._folder / "logs" / f"{name}.log", port)
            state.processes[name] = record
        return record

    def stop_process(self, name: str, grace_seconds: float = 60.0) -> bool:
        """End the named process, its descendants too, and tell whether it ran."""
        record = self._file.read().processes.get(name)
        ran = record is not None and processes.stop(record, grace_seconds)
        with self._file.change() as state:
            state.processes.pop(name, None)
        return ran

    def wait_until(self, name: str, is_ready: Callable[[], bool], deadline_seconds: float) -> None:
        """Wait until a process that was started serves.

        Raises:
            UnavailableError: it ended, or was not ready in time; the sentence ends with its log's tail.
        """
        deadline = time.monotonic() + deadline_seconds
        while not is_ready():
            if not self.is_running(name):
                raise UnavailableError(f"{name} ended while it started up{self.log_tail(name)}")
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"{name} was not ready after {deadline_seconds:.0f} s{self.log_tail(name)}"
                )
            time.sleep(_POLL_SECONDS)

    def log_tail(self, name: str) -> str:
        """Return the last lines of a process's log, introduced by where it lies."""
        log = self._folder / "logs" / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:] if log.exists() else []
        return "\n".join([f"; the last lines of {log}:", *lines])

    def kill_strays(self) -> None:
        """Kill what was started for this folder and is still there, recorded or not."""
        processes.kill(list(processes.owned_by(self.owner)))

    def state(self) -> State:
        """Return what the state file holds."""
        return self._file.read()
