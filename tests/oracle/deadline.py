"""Waiting for what must come true, never longer than it may take."""

import time
from collections.abc import Callable

_POLL_SECONDS = 0.05


def until(condition: Callable[[], object], seconds: float = 120.0) -> None:
    """Wait for a condition; fail when it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come true in time"
        time.sleep(_POLL_SECONDS)
