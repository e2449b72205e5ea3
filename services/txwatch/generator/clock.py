"""The event clock: which moment the numbered transaction happens at, and back.

Transactions of one day of event time number `per_day`; within the day they are dealt over the hours as the
world's customers are awake. Both directions are pure functions, so any sequence can be timed alone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from txwatch.world import World
from txwatch.world.identity import salt, uniform
from txwatch.world.rhythm import HOURS, hour_weights

DAY_MS = 86_400_000
HOUR_MS = 3_600_000

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EventClock:
    """Maps sequences to event time.

    Attributes:
        start_ms: earliest moment, milliseconds since 1970.
        per_day: transactions in one day of event time.
        hours: share of a day's transactions before each UTC hour, 25 numbers from 0 to 1.
        jitter_salt: decides where within its slot a transaction falls.
    """

    start_ms: int
    per_day: int
    hours: Floats
    jitter_salt: np.uint64

    @classmethod
    def of(cls, world: World, start_ms: int, per_day: int) -> "EventClock":
        """Make the clock of a world's customers."""
        activity = hour_weights() @ world.customers.by_clock.group_weights()
        hours = np.concatenate([[0.0], np.cumsum(activity / activity.sum())])
        return cls(start_ms, per_day, hours, salt(world.seed, "jitter"))

    @property
    def _first_midnight_ms(self) -> int:
        return self.start_ms - self.start_ms % DAY_MS

    @property
    def _skipped(self) -> float:
        """Transactions of the first day that would have come before the start."""
        return self.per_day * float(self._share_before(np.array([self.start_ms % DAY_MS]))[0])

    def _share_before(self, ms_of_day: Integers) -> Floats:
        return np.interp(ms_of_day, np.arange(HOURS + 1) * HOUR_MS, self.hours)

    def occurred_ms(self, sequences: Integers) -> Integers:
        """Return when transactions happen, in milliseconds since 1970; never decreasing with the sequence."""
        position = sequences + uniform(sequences, self.jitter_salt) + self._skipped
        day = np.floor(position / self.per_day)
        share = position / self.per_day - day
        ms_of_day = np.interp(share, self.hours, np.arange(HOURS + 1) * HOUR_MS)
        return self._first_midnight_ms + (day * DAY_MS + ms_of_day).astype(np.int64)

    def day_of(self, sequence: int) -> int:
        """Return the event day, 0 for the first, that a sequence falls in."""
        return int((sequence + self._skipped) // self.per_day)

    def sequences_of_day(self, day: int) -> tuple[int, int]:
        """Return the first sequence of an event day and the one after its last."""
        first, after = (int(np.ceil(each * self.per_day - self._skipped)) for each in (day, day + 1))
        return max(first, 0), max(after, 0)

    def sequence_at(self, day: int, ms_of_day: Integers) -> Integers:
        """Return the sequences whose slots hold the given moments of one event day (may be below 0)."""
        position = (day + self._share_before(ms_of_day)) * self.per_day - self._skipped
        return np.floor(position).astype(np.int64)

    def sequence_after(self, moment_ms: int) -> int:
        """Return a sequence that, like all later ones, happens at `moment_ms` or later."""
        day, ms_of_day = divmod(moment_ms - self._first_midnight_ms, DAY_MS)
        return max(int(self.sequence_at(day, np.array([ms_of_day]))[0]) + 1, 0)
