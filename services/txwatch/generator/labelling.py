"""Labels that wait until event time has passed the moment at which they become known."""

import numpy as np

from txwatch.generator.progress import Progress
from txwatch.generator.source import Labels, Source


class LabelBook:
    """Holds the labels of records that have been sent, until they are due.

    Args:
        source: makes the labels.
        progress: says which of the earlier records' labels are out already.
    """

    def __init__(self, source: Source, progress: Progress) -> None:
        self._source = source
        self._entered = progress.acknowledged
        self._waiting = Labels()
        known_until = progress.labels_known_until_ms
        earliest = source.sequence_after(known_until - source.longest_label_delay_ms)
        first = min(max(progress.labels_complete_until, earliest), progress.acknowledged)
        earlier = source.labels(first, progress.acknowledged)
        self._waiting = earlier.take(np.flatnonzero(earlier.known_ms > known_until))

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, after: int) -> None:
        """Add the labels of the records up to, not including, sequence `after`."""
        self._waiting += self._source.labels(self._entered, after)
        self._entered = after

    def take_known(self, until_ms: int) -> Labels:
        """Take out the labels that are known by a moment of event time, the earliest first."""
        order = np.argsort(self._waiting.known_ms, kind="stable")
        split = int(np.searchsorted(self._waiting.known_ms[order], until_ms, side="right"))
        known, self._waiting = self._waiting.take(order[:split]), self._waiting.take(order[split:])
        return known

    def take_all(self) -> Labels:
        """Take out all labels, the earliest known first."""
        return self.take_known(np.iinfo(np.int64).max)
