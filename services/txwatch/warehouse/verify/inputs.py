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


class RevenueKey(NamedTuple):
    """One UTC day of `occurred_at` in one currency."""

    day: date
    currency: str


class Revenue(NamedTuple):
    """What marts.fct_daily_revenue says of one day and currency."""

    transactions: int = 0
    gross: Decimal = Decimal(0)
    suspected: int = 0
    suspected_amount: Decimal = Decimal(0)
    labelled: int = 0
    confirmed: int = 0
    confirmed_amount: Decimal = Decimal(0)


@dataclass(frozen=True)
class MartReading:
    """The daily revenue, and the same worked out from the facts and labels that it was built from."""

    built_to: int = 0
    """The last batch that the mart holds, ops.stream_ledger."""
    due_to: int | None = None
    """The last batch with facts that its build had before it; `None`: not known."""
    mart: Mapping[RevenueKey, Revenue] = field(default_factory=dict)
    facts: Mapping[RevenueKey, Revenue] = field(default_factory=dict)
    later_batches: int = 0
    later_facts: int = 0
    later_labels: int = 0
    """Of facts that are in the mart."""


class LabelKey(NamedTuple):
    """One verdict on one UTC day of `known_at`."""

    day: date
    is_fraud: bool


class LabelCount(NamedTuple):
    """How many labels, and a sum over digests of all that they say: other labels would show."""

    labels: int = 0
    digest_sum: int = 0


@dataclass(frozen=True)
class LabelTotals:
    """Sums over ops.label_ledger."""

    rows_in: int = 0
    kept: int = 0
    """First labels, corrections and outdated ones."""
    duplicates: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class PublishedLabels:
    """What the labels' topic itself holds, up to where the ledger stands."""

    is_whole: bool = True
    """False: Kafka has dropped some of what the ledger has read."""
    unreadable: Sequence[str] = ()
    """Records that are in no quarantine and yet are no label for an independent reader."""
    counts: Mapping[LabelKey, LabelCount] = field(default_factory=dict)
    """Each distinct label once."""


@dataclass(frozen=True)
class LabelReading:
    """What Kafka, the ledger and the tables hold of the labels."""

    kafka: Mapping[int, Bounds] = field(default_factory=dict)
    spans: Sequence[Span] = ()
    next_offsets: Mapping[int, int] = field(default_factory=dict)
    totals: LabelTotals = LabelTotals()
    chargebacks: int = 0
    quarantined: int = 0
    batch_findings: Sequence[str] = ()
    current_findings: Sequence[str] = ()
    counts: Mapping[LabelKey, LabelCount] = field(default_factory=dict)
    published: PublishedLabels = PublishedLabels()


@dataclass(frozen=True)
class Inputs:
    """One reading of everything."""

    kafka: Mapping[int, Bounds]
    ledger: LedgerReading
    warehouse: WarehouseReading
    archive: ArchiveReading | None
    """`None`: the archive was not read."""
    mart: MartReading | None = None
    """`None`: no mart has been built."""
    labels: LabelReading = LabelReading()
