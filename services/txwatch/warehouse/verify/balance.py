"""The balance itself: from readings to checks, without touching any system."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

from txwatch.warehouse.verify.inputs import (
    NO_MONEY,
    ArchiveReading,
    Bounds,
    Inputs,
    LedgerReading,
    Money,
    MoneyKey,
    Span,
    WarehouseReading,
)

Figure = int | Decimal


@dataclass(frozen=True)
class Check:
    """One line of the balance sheet."""

    name: str
    expected: Figure
    actual: Figure
    findings: tuple[str, ...] = ()
    """What differs, by name; empty where all is well."""
    way_out: str = ""

    @property
    def difference(self) -> Figure:
        """By how much the actual figure is too high (or, negative, too low)."""
        return self.actual - self.expected

    @property
    def ok(self) -> bool:
        """Whether the line balances."""
        return self.difference == 0 and not self.findings


def balance(inputs: Inputs) -> list[Check]:
    """Draw up the balance sheet, from Kafka to the archive."""
    checks = [
        *_ledger_checks(inputs.kafka, inputs.ledger),
        *_table_checks(inputs.ledger, inputs.warehouse),
        *_consistency_checks(inputs.warehouse),
    ]
    if inputs.archive is not None:
        starts = _first_starts(inputs.ledger.spans)
        checks += _archive_checks(inputs.kafka, starts, inputs.archive)
        checks += _content_checks(inputs)
    return checks


def _ledger_checks(kafka: Mapping[int, Bounds], ledger: LedgerReading) -> list[Check]:
    widths = sum(span.end - span.start for span in ledger.spans)
    return [
        _drained("Kafka's end = the ledger's", kafka, ledger.next_offsets, "`txwatch stream`"),
        _no_findings(
            "ledger offsets follow each other",
            [*breaks(ledger.spans), *_unread(kafka, ledger), *_ends_elsewhere(ledger)],
            "the ledger was changed by hand, or Kafka lost records: the raw archive shows which",
        ),
        Check(
            "offsets in the ledger = rows read",
            widths,
            ledger.stream.rows_in,
            way_out="Kafka has offsets without a record: use no compacted or transactional topic",
        ),
    ]


def _table_checks(ledger: LedgerReading, warehouse: WarehouseReading) -> list[Check]:
    stream, replays = ledger.stream, ledger.replays
    accounted = warehouse.facts - replays.facts + warehouse.quarantined + stream.duplicates
    lost = "rows were changed outside the stream: restore them from the raw archive"
    return [
        Check("rows read = facts + quarantined + duplicates", stream.rows_in, accounted, way_out=lost),
        Check("facts: ledger = table", stream.facts + replays.facts, warehouse.facts, way_out=lost),
        Check("quarantined: ledger = table", stream.quarantined, warehouse.quarantined, way_out=lost),
        Check("alerts: ledger = table", stream.alerts + replays.alerts, warehouse.alerts, way_out=lost),
        Check("replayed as fact: ledger = table", replays.facts, warehouse.resolved_as_fact, way_out=lost),
        Check(
            "replayed as duplicate: ledger = table",
            replays.duplicates,
            warehouse.resolved_as_duplicate,
            way_out=lost,
        ),
        _no_findings("each batch's rows: ledger = tables", warehouse.batch_findings, lost),
    ]


def _consistency_checks(warehouse: WarehouseReading) -> list[Check]:
    return [
        Check(
            "flagged facts = alerts",
            warehouse.flagged,
            warehouse.alerts,
            tuple(warehouse.alert_findings),
            "alerts or verdicts were changed outside the stream",
        ),
        _no_findings(
            "rollups = recomputed from facts",
            warehouse.rollup_findings,
            "make core.rollup_minute anew from core.fact_transaction",
        ),
        _no_findings(
            "each fact's customer, merchant and ruleset exist",
            warehouse.reference_findings,
            "run `txwatch up`, which seeds the dimensions again; a ruleset must be restored",
        ),
    ]


def _archive_checks(
    kafka: Mapping[int, Bounds], starts: Mapping[int, int], archive: ArchiveReading
) -> list[Check]:
    ends = {span.partition: span.end for span in sorted(archive.spans)}
    late = [
        f"partition {partition}: archived from {first}, but read by the stream from {starts[partition]}"
        for partition, first in _first_starts(archive.spans).items()
        if first > starts.get(partition, first)
    ]
    return [
        _drained("Kafka's end = the archive's", kafka, ends, "`txwatch archive`"),
        _no_findings(
            "archived offsets follow each other",
            [*breaks(archive.spans), *late],
            "records were gone from Kafka before they were archived: keep them longer",
        ),
        _no_findings(
            "each archive object is there and whole",
            archive.object_findings,
            "`txwatch archive` writes lost objects again while Kafka holds their records",
        ),
    ]


def _content_checks(inputs: Inputs) -> list[Check]:
    """Compare what the archive holds with the facts, where all of it could be read."""
    archive, ledger, warehouse = inputs.archive, inputs.ledger, inputs.warehouse
    if archive is None:
        return []
    duplicates = ledger.stream.duplicates + ledger.replays.duplicates
    archived, held = _total(archive.money), _total(warehouse.money)
    differing = list(differences(archive.money, warehouse.money))
    way_out = (
        "first settle the archive's own lines above; then compare this currency and day record by record"
    )
    return [
        _no_findings(
            "what the stream took for events are events",
            archive.unreadable,
            "the stream's parser accepts what it should not",
        ),
        Check(
            "archived events = facts + duplicates",
            archive.accepted,
            warehouse.facts + duplicates,
            way_out=way_out,
        ),
        Check("archived money = facts' money", archived.amount, held.amount, tuple(differing), way_out),
    ]


def breaks(spans: Iterable[Span]) -> list[str]:
    """Name each gap and each overlap between the spans of a partition."""
    found = []
    reached: dict[int, int] = {}
    for partition, start, end in sorted(spans):
        before = reached.get(partition, start)
        if start > before:
            found.append(f"partition {partition}: gap of {start - before} from offset {before} to {start}")
        elif start < before:
            found.append(
                f"partition {partition}: overlap of {before - start} from offset {start} to {before}"
            )
        if end < start:
            found.append(f"partition {partition}: span from offset {start} ends before it, at {end}")
        reached[partition] = max(before, end)
    return found


def differences(expected: Mapping[MoneyKey, Money], actual: Mapping[MoneyKey, Money]) -> Iterable[str]:
    """Name each currency and day that is not the same on both sides, and by how much."""
    for key in sorted(expected.keys() | actual.keys()):
        wanted, found = expected.get(key, NO_MONEY), actual.get(key, NO_MONEY)
        if wanted.amount != found.amount or wanted.transactions != found.transactions:
            yield (
                f"{key.currency} {key.day}: {found.amount - wanted.amount:+} in facts "
                f"({found.transactions - wanted.transactions:+} transactions)"
            )
        elif wanted.id_sum != found.id_sum:
            yield f"{key.currency} {key.day}: as much money, but not the same transactions"


def _drained(name: str, kafka: Mapping[int, Bounds], reached: Mapping[int, int], verb: str) -> Check:
    behind = {
        partition: bounds.end - reached.get(partition, bounds.low) for partition, bounds in kafka.items()
    }
    findings = [
        f"partition {partition}: {count} records behind" for partition, count in behind.items() if count > 0
    ]
    findings += [
        f"partition {partition}: {-count} beyond Kafka's end"
        for partition, count in behind.items()
        if count < 0
    ]
    lag = sum(count for count in behind.values() if count > 0)
    way_out = f"not drained: {lag} records behind; let {verb} catch up and verify again"
    if lag == 0:
        way_out = "the topic was made anew: give it another name, or start with an empty warehouse"
    expected = sum(bounds.end for bounds in kafka.values())
    return Check(name, expected, expected - sum(behind.values()), tuple(findings), way_out)


def _unread(kafka: Mapping[int, Bounds], ledger: LedgerReading) -> list[str]:
    unbegun = [Span(partition, offset, offset) for partition, offset in ledger.next_offsets.items()]
    return [
        f"partition {partition}: begins at offset {start}, Kafka at {kafka[partition].low}"
        for partition, start in _first_starts([*ledger.spans, *unbegun]).items()
        if partition in kafka and start > kafka[partition].low
    ]


def _ends_elsewhere(ledger: LedgerReading) -> list[str]:
    ends = {span.partition: span.end for span in sorted(ledger.spans)}
    stands = ledger.next_offsets
    return [
        f"partition {partition}: batches end at {end}, ops.stream_offset at {stands.get(partition)}"
        for partition, end in ends.items()
        if stands.get(partition) != end
    ]


def _first_starts(spans: Iterable[Span]) -> dict[int, int]:
    starts: dict[int, list[int]] = defaultdict(list)
    for span in spans:
        starts[span.partition].append(span.start)
    return {partition: min(values) for partition, values in starts.items()}


def _total(money: Mapping[MoneyKey, Money]) -> Money:
    """Sum over currencies too: no sum of money, but a figure that must be the same on both sides."""
    return reduce(Money.plus, money.values(), NO_MONEY)


def _no_findings(name: str, findings: Sequence[str], way_out: str) -> Check:
    return Check(name, 0, len(findings), tuple(findings), way_out)
