"""What a run sends: numbered records and their labels, the same every time they are asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Protocol

import numpy as np
import numpy.typing as npt

from txwatch.events import FraudLabel
from txwatch.world.choice import Indices

Parameters = Mapping[str, int | float | str]


@dataclass(frozen=True)
class Records:
    """Consecutive Kafka records of one run.

    Attributes:
        first: sequence of the first one.
        keys: customer ids as text.
        values: what is sent; `None` is a tombstone.
        key_hashes: murmur2 of the keys.
    """

    first: int
    keys: list[bytes]
    values: list[bytes | None]
    key_hashes: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def after(self) -> int:
        """The sequence after the last one."""
        return self.first + len(self)

    def lines(self) -> bytes:
        """Return the values, each with a line feed behind it; a tombstone is an empty line."""
        return b"\n".join([*(value or b"" for value in self.values), b""])

    def between(self, first: int, after: int) -> "Records":
        """Return the records with sequences from `first` up to, not including, `after`."""
        part = slice(max(first - self.first, 0), max(after - self.first, 0))
        return Records(self.first + part.start, self.keys[part], self.values[part], self.key_hashes[part])


@dataclass(frozen=True)
class Labels:
    """Ground truth of fraudulent transactions: columns of equal length.

    Only fraud is labelled, as only fraud is charged back: a transaction without a label, once the run's
    labels are complete, was honest.

    Attributes:
        transaction_ids: text.
        known_ms: when each becomes known, milliseconds since 1970.
        scenarios: of each, `None` where it is not known.
    """

    transaction_ids: list[str] = field(default_factory=list)
    known_ms: Indices = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    scenarios: list[str | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.transaction_ids)

    def take(self, rows: Indices) -> "Labels":
        """Return the given rows, in the given order."""
        numbers = rows.tolist()
        return Labels(
            [self.transaction_ids[row] for row in numbers],
            self.known_ms[rows],
            [self.scenarios[row] for row in numbers],
        )

    def __add__(self, other: "Labels") -> "Labels":
        return Labels(
            self.transaction_ids + other.transaction_ids,
            np.concatenate([self.known_ms, other.known_ms]),
            self.scenarios + other.scenarios,
        )

    def encode(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield key and value of each label's record."""
        moments = self.known_ms.astype("datetime64[ms]").tolist()
        for transaction_id, known_at, scenario in zip(
            self.transaction_ids, moments, self.scenarios, strict=True
        ):
            label = FraudLabel.model_validate(
                {
                    "transaction_id": transaction_id,
                    "is_fraud": True,
                    "scenario": scenario,
                    "known_at": known_at.replace(tzinfo=UTC),
                }
            )
            yield transaction_id.encode(), label.model_dump_json().encode()


class Source(Protocol):
    """Numbered records, each a pure function of its sequence and the parameters."""

    @property
    def parameters(self) -> Parameters:
        """Everything that the bytes depend on; a run may only be resumed with the same."""

    @property
    def total(self) -> int | None:
        """How many records there are; `None`: no end."""

    @property
    def longest_label_delay_ms(self) -> int:
        """How long after its transaction a label becomes known at the latest."""

    def records(self, first: int, after: int) -> Iterator[Records]:
        """Yield the records of a range of sequences, in order, in batches of any size."""

    def labels(self, first: int, after: int) -> Labels:
        """Return the labels of a range of sequences."""

    def occurred_ms(self, sequence: int) -> int:
        """Return the event time of a sequence, milliseconds since 1970."""

    def sequence_after(self, moment_ms: int) -> int:
        """Return a sequence that, like all later ones, happens at the moment or later."""
