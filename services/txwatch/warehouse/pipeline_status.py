"""How the pipeline is doing: what follows from Kafka's offsets and from what the ledger holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

RATE_WINDOW_SECONDS = 10.0
"""Rates count over this long, so that they do not jump with every micro-batch."""

Offsets = Mapping[int, int]
"""The next offset of each partition."""


@dataclass(frozen=True)
class PipelineReading:
    """What was read from Kafka and from ops.*, at about one moment."""

    read_at: datetime
    first_offsets: Offsets
    """Of the oldest record that Kafka still holds."""
    end_offsets: Offsets
    scored_offsets: Offsets
    archived_offsets: Offsets
    first_label_offsets: Offsets
    end_label_offsets: Offsets
    entered_label_offsets: Offsets
    rows: int
    facts: int
    alerts: int
    duplicates: int
    quarantined: int
    held: int
    """Quarantined and not yet resolved by a replay."""
    recent_rows: int
    """Committed within `RATE_WINDOW_SECONDS` before `read_at`."""
    last_commit_at: datetime | None
    latency_p50_ms: float | None
    """Append to commit, of the last batch that had rows."""
    latency_p95_ms: float | None


@dataclass(frozen=True)
class Alert:
    """One alert, as a person glances at it."""

    raised_at: datetime
    severity: str
    rules: list[str]
    amount: Decimal
    currency: str
    country: str


@dataclass(frozen=True)
class PipelineStatus:
    """What a person wants to know."""

    produced: int
    lag: dict[int, int]
    """Records not yet scored, per partition."""
    archive_lag: dict[int, int]
    """Records not yet archived, per partition."""
    label_lag: dict[int, int]
    """Fraud labels not yet entered, per partition of their topic."""
    rows_per_second: float
    seconds_since_commit: float | None
    facts: int
    alerts: int
    duplicates: int
    quarantined: int
    held: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None

    @property
    def is_drained(self) -> bool:
        """Everything produced is scored."""
        return sum(self.lag.values()) == 0

    @property
    def is_archived(self) -> bool:
        """Everything produced is archived."""
        return sum(self.archive_lag.values()) == 0

    def as_json(self) -> dict[str, Any]:
        """Return the status with the sums that a program would ask for first."""
        return {
            "total_lag": sum(self.lag.values()),
            "total_archive_lag": sum(self.archive_lag.values()),
            "total_label_lag": sum(self.label_lag.values()),
        } | vars(self)


def assess(reading: PipelineReading) -> PipelineStatus:
    """Work out lags and rates; a partition that nobody has begun counts from its first record on."""
    last = reading.last_commit_at
    since_commit = None if last is None else (reading.read_at - last).total_seconds()
    return PipelineStatus(
        produced=sum(reading.end_offsets.values()),
        lag=_lag(reading.first_offsets, reading.end_offsets, reading.scored_offsets),
        archive_lag=_lag(reading.first_offsets, reading.end_offsets, reading.archived_offsets),
        label_lag=_lag(reading.first_label_offsets, reading.end_label_offsets, reading.entered_label_offsets),
        rows_per_second=reading.recent_rows / RATE_WINDOW_SECONDS,
        seconds_since_commit=since_commit,
        facts=reading.facts,
        alerts=reading.alerts,
        duplicates=reading.duplicates,
        quarantined=reading.quarantined,
        held=reading.held,
        latency_p50_ms=reading.latency_p50_ms,
        latency_p95_ms=reading.latency_p95_ms,
    )


def _lag(first: Offsets, ends: Offsets, done: Offsets) -> dict[int, int]:
    # A commit may be newer than the end offset that was read just before it.
    return {
        partition: max(0, end - done.get(partition, first.get(partition, 0)))
        for partition, end in sorted(ends.items())
    }
