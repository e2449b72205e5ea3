"""What the balance is drawn from: plain values, read by kafka.py, postgres.py and archive.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple


class Bounds(NamedTuple):
    """A Kafka partition: the first offset that it holds and the one that it gives out next."""

    low: int
    end: int


class Span(NamedTuple):
    """The offsets of one partition from `start` to before `end`."""

    partition: int
    start: int
    end: int


class MoneyKey(NamedTuple):
    """One currency on one UTC day of `occurred_at`."""

    currency: str
    day: date


class Money(NamedTuple):
    """What happened in one currency on one day."""

    transactions: int
    amount: Decimal
    id_sum: int
    """Sum of the last 32 bits of each transaction_id: equal counts of other transactions would show."""

    def plus(self, other: "Money") -> "Money":
        """Return both together."""
        return Money(
            self.transactions + other.transactions, self.amount + other.amount, self.id_sum + other.id_sum
        )


NO_MONEY = Money(0, Decimal(0), 0)


@dataclass(frozen=True)
class Totals:
    """Sums over ledger rows."""

    rows_in: int = 0
    facts: int = 0
    alerts: int = 0
    quarantined: int = 0
    duplicates: int = 0


@dataclass(frozen=True)
class LedgerReading:
    """What the stream says that it has done."""

    spans: Sequence[Span] = ()
    """One per batch and partition, in any order."""
    next_offsets: Mapping[int, int] = field(default_factory=dict)
    stream: Totals = Totals()
    replays: Totals = Totals()
    """Of the batches that took their rows from the quarantine and not from Kafka."""


@dataclass(frozen=True)
class WarehouseReading:
    """What the tables hold. Each list of findings is empty where all is well."""

    facts: int = 0
    flagged: int = 0
    alerts: int = 0
    quarantined: int = 0
    """All that ever came to the quarantine, resolved or held."""
    resolved_as_fact: int = 0
    resolved_as_duplicate: int = 0
    batch_findings: Sequence[str] = ()
    alert_findings: Sequence[str] = ()
    rollup_findings: Sequence[str] = ()
    reference_findings: Sequence[str] = ()
    money: Mapping[MoneyKey, Money] = field(default_factory=dict)


@dataclass(frozen=True)
class ArchiveReading:
    """What the archive's ledger says and what its objects hold."""

    spans: Sequence[Span] = ()
    """One per object of the ledger, in any order."""
    object_findings: Sequence[str] = ()
    """Objects that are lost, damaged, of another size than the ledger says, or not in it."""
    unreadable: Sequence[str] = ()
    """Records that are in no quarantine and yet are no event for an independent reader."""
    accepted: int = 0
    """Records that the stream has read and that are not held in quarantine."""
    money: Mapping[MoneyKey, Money] = field(default_factory=dict)
    """Of the accepted records, each transaction_id once."""


@dataclass(frozen=True)
class Inputs:
    """One reading of everything."""

    kafka: Mapping[int, Bounds]
    ledger: LedgerReading
    warehouse: WarehouseReading
    archive: ArchiveReading | None
    """`None`: the archive was not read."""
