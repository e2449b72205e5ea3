"""Ranges of Kafka offsets, and whether Kafka still holds what the ledger says comes next. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from txwatch.errors import TxwatchError

Offsets = dict[tuple[str, int], int]
"""(topic, partition) -> the next offset to read."""


@dataclass(frozen=True, order=True)
class OffsetRange:
    """The records of one partition from `start` to before `end`."""

    topic: str
    partition: int
    start: int
    end: int

    def as_json(self) -> dict[str, str | int]:
        """As a ledger's offset_ranges hold it."""
        return {"topic": self.topic, "partition": self.partition, "start": self.start, "end": self.end}

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition} [{self.start}, {self.end})"


def check_begin(begin: Offsets, kept: Mapping[tuple[str, int], tuple[int, int]]) -> None:
    """Require that Kafka still has every record from where the ledger says to begin.

    Raises:
        TxwatchError: records are gone, or the topic is not the one that the ledger knows.
    """
    topics = {topic for topic, _ in kept}
    for (topic, partition), offset in begin.items():
        if topic not in topics:
            continue  # read by an earlier start, under other settings
        low, high = kept.get((topic, partition), (0, 0))
        if offset < low:
            raise TxwatchError(
                f"{topic}-{partition}: offsets {offset} to {low - 1} are gone from Kafka before they were "
                "processed; restore them, or raise the topic's retention and set ops.stream_offset by hand, "
                "knowing the loss"
            )
        if offset > high:
            raise TxwatchError(
                f"{topic}-{partition}: the ledger is at offset {offset} but Kafka ends at {high}: "
                "this is not the topic that the warehouse was filled from; start over with a fresh warehouse"
            )
