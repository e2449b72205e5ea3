"""Which archived records the stream has accepted, and in which batch: the ledger's word on each offset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from txwatch.warehouse.verify.inputs import Span

Int64s = npt.NDArray[np.int64]
HELD = -1
"""In place of a ledger_seq: the record lies in quarantine."""


class Offsets(NamedTuple):
    """Offsets of one partition, ascending, and what is known at each."""

    offsets: Int64s
    ledger_seqs: Int64s


_NONE = Offsets(np.empty(0, np.int64), np.empty(0, np.int64))


class ArchivedObject(NamedTuple):
    """One object as the archive's ledger knows it."""

    span: Span
    key: str
    rows: int


@dataclass(frozen=True)
class ArchivePlan:
    """What the ledger says of the archive."""

    topic: str
    objects: Sequence[ArchivedObject]
    next_offsets: Mapping[int, int]
    """Per partition, where the stream stands; what lies beyond is not judged."""
    batches: Mapping[int, Offsets]
    """Per partition, where each batch begins."""
    quarantine: Mapping[int, Offsets]
    """Per partition, what was quarantined: `HELD`, or the batch in which a replay took it."""
    in_transit: frozenset[str] = frozenset()
    """Objects on their way into the ledger or out of it, by compaction: no strays."""

    def batch_of(self, partition: int, offsets: Int64s) -> Int64s:
        """Return the ledger_seq of the batch that accepted each offset, `HELD` for those that none has."""
        starts, batches = self.batches.get(partition, _NONE)
        if len(starts) == 0:
            return np.full(len(offsets), HELD, np.int64)
        seqs = batches[np.maximum(np.searchsorted(starts, offsets, side="right") - 1, 0)]
        is_read = (offsets >= starts[0]) & (offsets < self.next_offsets.get(partition, 0))
        held, takers = self.quarantine.get(partition, _NONE)
        if len(held):
            position = np.minimum(np.searchsorted(held, offsets), len(held) - 1)
            seqs = np.where(held[position] == offsets, takers[position], seqs)
        return np.where(is_read, seqs, HELD)
