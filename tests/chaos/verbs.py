"""A `txwatch` command, or another program of the pipeline, that runs beside the suite and can be hurt."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

_END_SECONDS = 120


class Verb:
    """One process in a session of its own, so that freezing its group freezes Spark's JVM with it."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                argv, env=os.environ | environment, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def jvm(self) -> psutil.Process | None:
        """Return Spark's JVM, if it runs."""
        return next((process for process in self._family() if process.name() == "java"), None)

    def kill_itself(self) -> None:
        """Kill -9 this process alone; what it started is left to notice."""
        self._process.kill()
        self._process.wait(_END_SECONDS)

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to the process and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def terminate(self) -> int:
        """Ask it to end and return its exit code."""
        self._process.terminate()
        return self.ended()

    def ended(self, seconds: float = _END_SECONDS) -> int:
        """Wait for the end and return the exit code."""
        return self._process.wait(seconds)

    def close(self) -> None:
        """Kill it, frozen or not, and all that it started."""
        self.signal_all(signal.SIGKILL)
        self._process.wait(_END_SECONDS)

    def _family(self) -> list[psutil.Process]:
        return psutil.Process(self.pid).children(recursive=True) if self.is_running() else []
