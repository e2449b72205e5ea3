"""One run: records go out on schedule, labels follow, and what is safe is written down as it goes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import structlog

from txwatch.generator.labelling import LabelBook
from txwatch.generator.pacing import Pacing
from txwatch.generator.progress import Progress
from txwatch.generator.source import Source
from txwatch.generator.target import Target

log = structlog.get_logger()

BATCH = 16_384
SETTLE_SECONDS = 1.0
"""How often everything sent is waited for and written down: what a crash makes to be read back."""
SLEEP_SECONDS = 0.005


@dataclass(frozen=True)
class Limits:
    """When a run ends; whichever comes first.

    Attributes:
        count: sequence at which it ends, counted from the run's very beginning; `None`: no such.
        seconds: how long this session lasts; `None`: no such.
        reached: returns the sequence that may be sent up to now, where event time must stay in the past; the
            run does not end there but goes on as time passes. `None`: no such.
    """

    count: int | None = None
    seconds: float | None = None
    reached: Callable[[], int] | None = None


@dataclass(frozen=True)
class Standing:
    """How a session stands.

    Attributes:
        first_sequence: where this session began.
        next_sequence: where it has come to.
        seconds: since it began.
        rate: records per second, on average.
        lag_seconds: behind schedule, now.
        worst_lag_seconds: the furthest behind schedule.
        event_time_ms: event time of the next record, milliseconds since 1970.
        labels: published in this session.
    """

    first_sequence: int
    next_sequence: int
    seconds: float
    rate: float
    lag_seconds: float
    worst_lag_seconds: float
    event_time_ms: int
    labels: int

    @property
    def produced(self) -> int:
        """Records of this session."""
        return self.next_sequence - self.first_sequence


class Run:
    """Sends a source's records to a target.

    Args:
        source: makes the records.
        target: takes them.
        progress: where to begin.
        pacing: the schedule.
        save: is given the progress whenever everything sent is safe.
        watch: is called with the standing after every batch.
    """

    def __init__(
        self,
        source: Source,
        target: Target,
        progress: Progress,
        pacing: Pacing,
        *,
        save: Callable[[Progress], Any],
        watch: Callable[[Standing], Any] = lambda _: None,
    ) -> None:
        self._source = source
        self._target = target
        self._progress = progress
        self._pacing = pacing
        self._save = save
        self._watch = watch
        self._book = LabelBook(source, progress)
        self._labels = 0
        self._is_held_back = False
        self._next = self._first = progress.acknowledged
        self._digest = hashlib.sha256()

    def standing(self) -> Standing:
        """Return how the session stands."""
        seconds = self._pacing.elapsed()
        sent = self._next - self._first
        return Standing(
            first_sequence=self._first,
            next_sequence=self._next,
            seconds=seconds,
            rate=sent / seconds if seconds else 0.0,
            lag_seconds=self._pacing.lag_seconds(sent),
            worst_lag_seconds=self._pacing.worst_lag_seconds,
            event_time_ms=self._source.occurred_ms(self._next),
            labels=self._labels,
        )

    def digest_earlier(self) -> None:
        """Let the digest cover the records of earlier sessions too, by making them once more."""
        for records in self._source.records(0, self._first):
            self._digest.update(records.lines())

    def digest(self) -> str:
        """Return the SHA-256 of the records' lines (`Records.lines`) in the order of sequence, as hex."""
        return self._digest.hexdigest()

    def go(self, limits: Limits, stop: Event) -> Standing:
        """Send until a limit is reached or `stop` is set; then publish all labels, and settle.

        Raises:
            UnavailableError: the target did not take everything; the progress saved last still holds.
        """
        end = min(each for each in (self._source.total, limits.count, _NEVER) if each is not None)
        settled_at = self._pacing.elapsed()
        while self._next < end and not stop.is_set():
            if limits.seconds is not None and self._pacing.elapsed() >= limits.seconds:
                break
            if due := self._due(limits, end):
                self._send(self._next + due)
            else:
                stop.wait(SLEEP_SECONDS)
            if self._pacing.elapsed() - settled_at >= SETTLE_SECONDS:
                self._settle()
                settled_at = self._pacing.elapsed()
        self._finish()
        return self.standing()

    def _due(self, limits: Limits, end: int) -> int:
        most = min(BATCH, end - self._next)
        if limits.reached is not None:
            most = min(most, max(limits.reached() - self._next, 0))
            if most == 0 and not self._is_held_back:
                self._is_held_back = True
                log.warning("event time has reached now: from here on it goes on as time passes")
        return self._pacing.due(self._next - self._first, most)

    def _send(self, after: int) -> None:
        for records in self._source.records(self._next, after):
            self._target.send(records)
            self._digest.update(records.lines())
        self._next = after
        self._watch(self.standing())

    def _settle(self) -> None:
        known_until = self._source.occurred_ms(self._next)
        self._book.enter(self._next)
        known = self._book.take_known(known_until)
        self._target.label(known)
        self._target.settle()
        self._labels += len(known)
        self._note(replace(self._progress, acknowledged=self._next, labels_known_until_ms=known_until))

    def _finish(self) -> None:
        """Publish also the labels that would become known later: there is no later."""
        self._settle()
        late = self._book.take_all()
        self._target.label(late)
        self._target.settle()
        self._labels += len(late)
        self._note(replace(self._progress, labels_complete_until=self._next))

    def _note(self, progress: Progress) -> None:
        self._progress = progress
        self._save(progress)


_NEVER = 2**62
