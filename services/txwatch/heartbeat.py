"""A file whose age says whether a process still gets on: its port and its being alive do not say that."""

import time
from pathlib import Path

_INTERVAL_SECONDS = 1.0


class Heartbeat:
    """Touches `<state_dir>/<process>.heartbeat` whenever its process has got on, at most once a second."""

    def __init__(self, state_dir: Path, process: str) -> None:
        self.path = state_dir / f"{process}.heartbeat"
        self._beat_at = float("-inf")

    def beat(self) -> None:
        """Say that the process has just got on."""
        now = time.monotonic()
        if now - self._beat_at >= _INTERVAL_SECONDS:
            self._beat_at = now
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()
