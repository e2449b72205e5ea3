"""Keeps the labels: reads on from where the ledger ends, and enters what comes until it is stopped."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Event

import pyarrow as pa
import structlog

from txwatch.errors import UnavailableError
from txwatch.stream.fields import Rejection
from txwatch.stream.labels.inspection import Label, read_label
from txwatch.stream.labels.ledger import LabelBatch, LabelLedger, LabelTotals, Refused
from txwatch.stream.offsets import OffsetRange, check_begin
from txwatch.stream.patience import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Patience, StoppedError
from txwatch.stream.records import RecordSource

POLL_SECONDS = 0.5
CHECK_SECONDS = 30.0
"""How often an idle keeper looks for new partitions and for a keeper that has taken over."""

log = structlog.get_logger()


def nothing(_: LabelTotals) -> None:
    """Take no notice of a commit."""


@dataclass
class LabelKeeper:
    """Enters one topic's labels until it is stopped. Kafka and Postgres may go away and come back."""

    source: RecordSource
    ledger: LabelLedger
    stop: Event
    on_commit: Callable[[LabelTotals], None] = nothing
    on_step: Callable[[], None] = lambda: None
    totals: LabelTotals = field(default_factory=LabelTotals)
    _positions: dict[int, int] = field(default_factory=dict)
    """Per partition, the offset that is entered next."""
    _checked_at: float = 0.0
    _pause: float = FIRST_PAUSE_SECONDS

    def run(self, *, until_drained: bool = False) -> LabelTotals:
        """Enter labels until a stop is asked for; return what this run entered.

        Args:
            until_drained: end once everything that Kafka held at the start is entered.

        Raises:
            FencedError: another keeper has taken over.
            TxwatchError: Kafka no longer holds what comes next, or Postgres refuses a batch.
        """
        try:
            targets = self._begin()
            while not self.stop.is_set() and not (until_drained and self._has_reached(targets)):
                self._step()
                self.on_step()
        except StoppedError as interruption:
            log.warning("labels_stopped", reason=str(interruption))
        return self.totals

    def _begin(self) -> dict[int, int]:
        """Stand where the ledger ends, in each partition; return where Kafka ends."""
        bounds = Patience(self.stop).insist(self._bounds)
        topic = self.source.topic
        kept = {(topic, partition): each for partition, each in bounds.items()}
        earliest = {place: low for place, (low, _) in kept.items()}
        begin = Patience(self.stop).insist(partial(self.ledger.open, earliest))
        check_begin(begin, kept)
        self._positions = {partition: begin[topic, partition] for partition in bounds}
        self.source.start(self._positions)
        self._checked_at = time.monotonic()
        ends = {partition: high for partition, (_, high) in bounds.items()}
        log.info("labels_start", topic=topic, offsets=self._positions, kafka_ends=ends)
        return ends

    def _bounds(self) -> dict[int, tuple[int, int]]:
        return {partition: self.source.bounds(partition) for partition in self.source.partitions()}

    def _has_reached(self, targets: Mapping[int, int]) -> bool:
        return all(self._positions[partition] >= end for partition, end in targets.items())

    def _step(self) -> None:
        records = self.source.poll(POLL_SECONDS)
        try:
            if records:
                self._enter(records)
            elif time.monotonic() - self._checked_at >= CHECK_SECONDS:
                self._check()
        except UnavailableError as error:
            # Whether a batch was committed shows in the ledger only: go back to what it says.
            log.warning("labels_restart", reason=str(error), in_seconds=self._pause)
            self.stop.wait(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            self._begin()

    def _enter(self, records: Mapping[int, pa.RecordBatch]) -> None:
        batch = read_batch(self.source.topic, self._positions, records)
        totals = self.ledger.enter(batch)
        self._positions |= {span.partition: span.end for span in batch.ranges}
        self.totals = self.totals.plus(totals)
        self._pause = FIRST_PAUSE_SECONDS
        self.on_commit(totals)

    def _check(self) -> None:
        self.ledger.require_current()
        if set(self.source.partitions()) - set(self._positions):
            log.info("labels_new_partitions", topic=self.source.topic)
            self._begin()
        self._checked_at = time.monotonic()


def read_batch(topic: str, positions: Mapping[int, int], records: Mapping[int, pa.RecordBatch]) -> LabelBatch:
    """Read what came of each partition, in order of offset.

    Args:
        topic: the labels' topic.
        positions: per partition, where the last batch ended.
        records: per partition, columns of `records.SCHEMA`, not empty.
    """
    labels: list[Label] = []
    refused: list[Refused] = []
    for partition in sorted(records):
        for row in records[partition].to_pylist():
            outcome = read_label(row["value"])
            if isinstance(outcome, Rejection):
                place = (topic, partition, row["offset"], row["timestamp"], row["key"], row["value"])
                refused.append(Refused(*place, outcome))
            else:
                labels.append(outcome)
    ranges = tuple(
        OffsetRange(topic, partition, positions[partition], records[partition]["offset"][-1].as_py() + 1)
        for partition in sorted(records)
    )
    return LabelBatch(ranges, labels, refused)
