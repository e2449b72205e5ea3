"""Waiting for systems that are away."""

from collections.abc import Callable
from threading import Event
from typing import TypeVar

import structlog

from txwatch.errors import TxwatchError, UnavailableError

T = TypeVar("T")
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0

log = structlog.get_logger()


class StoppedError(TxwatchError):
    """A stop was asked for while a system was away."""


class Patience:
    """Repeats an action while the system it needs is away, with growing pauses, until a stop is asked for."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop

    def insist(self, action: Callable[[], T]) -> T:
        """Return what the action returns, once it succeeds.

        Raises:
            StoppedError: the stop was asked for first.
        """
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return action()
            except UnavailableError as error:
                if self._stop.is_set():
                    raise StoppedError(f"stopped while a system was away: {error}") from error
                log.warning("waiting for a system that is away", reason=str(error), retry_in_seconds=pause)
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
