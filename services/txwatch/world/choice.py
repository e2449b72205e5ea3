"""Weighted choice out of groups that stand side by side: customers of a time zone, merchants of a city."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GroupedChoice:
    """Items sorted by group with their running weights.

    Attributes:
        items: what is chosen, sorted by group.
        running: running sum of the weights, from 0, one longer than `items`.
        bounds: where each group starts in `items`, one longer than the number of groups.
    """

    items: Indices
    running: Floats
    bounds: Indices

    @classmethod
    def build(cls, items: Indices, groups: Indices, weights: Floats | None, group_count: int) -> Self:
        """Sort `items` by their `groups`; `weights` are relative, `None` for equal ones."""
        weights = np.ones(len(items)) if weights is None else weights
        order = np.argsort(groups, kind="stable")
        running = np.concatenate([[0.0], np.cumsum(weights[order])])
        bounds = np.searchsorted(groups[order], np.arange(group_count + 1)).astype(np.int64)
        return cls(items[order], running, bounds)

    def group_weights(self) -> Floats:
        """Return the sum of the weights of each group."""
        sums: Floats = np.diff(self.running[self.bounds])
        return sums

    def pick(self, first: Indices, last: Indices, uniform: Floats) -> Indices:
        """Choose one item for each number of `uniform`, from the groups `first` to `last`, both included.

        Where those groups hold nothing, the choice is made from all items.
        """
        low, high = self.bounds[first], self.bounds[last + 1]
        empty = low == high
        low, high = np.where(empty, 0, low), np.where(empty, len(self.items), high)
        start, end = self.running[low], self.running[high]
        at = np.searchsorted(self.running, start + uniform * (end - start), side="right") - 1
        chosen: Indices = self.items[np.clip(at, low, high - 1)]
        return chosen
