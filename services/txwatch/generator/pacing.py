"""The open-loop schedule: how many records are due by now, whatever became of the ones before."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]


@dataclass
class Pacing:
    """A schedule of `rate` records a second from the moment it is made; rate 0 is as fast as it goes.

    Attributes:
        rate: records per second.
        clock: seconds, never going back.
        worst_lag_seconds: the furthest that sending has been behind.
    """

    rate: float
    clock: Clock = time.monotonic
    worst_lag_seconds: float = 0.0
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def elapsed(self) -> float:
        """Return the seconds since the schedule began."""
        return self.clock() - self.began

    def due(self, sent: int, most: int) -> int:
        """Return how many of the next records are due, at most `most`, when `sent` have been sent."""
        if self.rate == 0:
            return most
        overdue = self.elapsed() * self.rate - sent
        self.worst_lag_seconds = max(self.worst_lag_seconds, (overdue - 1) / self.rate)
        return min(max(int(overdue), 0), most)

    def lag_seconds(self, sent: int) -> float:
        """Return how long ago the next record should have been sent; 0 when it is not due yet."""
        return 0.0 if self.rate == 0 else max(self.elapsed() - (sent + 1) / self.rate, 0.0)
