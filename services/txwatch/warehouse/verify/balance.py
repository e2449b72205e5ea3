"""The balance itself: from readings to checks, without touching any system."""

from collections.abc import Iterable, Mapping
from functools import reduce

from txwatch.warehouse.verify.check import Check, no_findings
from txwatch.warehouse.verify.inputs import (
    NO_MONEY,
    ArchiveReading,
    Bounds,
    Inputs,
    LedgerReading,
    Money,
    MoneyKey,
    WarehouseReading,
)
from txwatch.warehouse.verify.label_balance import label_checks
from txwatch.warehouse.verify.mart_balance import mart_checks
from txwatch.warehouse.verify.spans import breaks, broken_line, drained, first_starts


def balance(inputs: Inputs) -> list[Check]:
    """Draw up the balance sheet, from Kafka to the marts."""
    checks = [
        *_ledger_checks(inputs.kafka, inputs.ledger),
        *_table_checks(inputs.ledger, inputs.warehouse),
        *_consistency_checks(inputs.warehouse),
    ]
    if inputs.archive is not None:
        starts = first_starts(inputs.ledger.spans)
        checks += _archive_checks(inputs.kafka, starts, inputs.archive)
        checks += _content_checks(inputs)
    return [*checks, *mart_checks(inputs.mart), *label_checks(inputs.labels)]


def _ledger_checks(kafka: Mapping[int, Bounds], ledger: LedgerReading) -> list[Check]:
    widths = sum(span.end - span.start for span in ledger.spans)
    return [
        drained("Kafka's end = the ledger's", kafka, ledger.next_offsets, "`txwatch stream`"),
        no_findings(
            "ledger offsets follow each other",
            broken_line(kafka, ledger.spans, ledger.next_offsets),
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
        no_findings("each batch's rows: ledger = tables", warehouse.batch_findings, lost),
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
        no_findings(
            "rollups = recomputed from facts",
            warehouse.rollup_findings,
            "make core.rollup_minute anew from core.fact_transaction",
        ),
        no_findings(
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
        for partition, first in first_starts(archive.spans).items()
        if first > starts.get(partition, first)
    ]
    return [
        drained("Kafka's end = the archive's", kafka, ends, "`txwatch archive`"),
        no_findings(
            "archived offsets follow each other",
            [*breaks(archive.spans), *late],
            "records were gone from Kafka before they were archived: keep them longer",
        ),
        no_findings(
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
        no_findings(
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


def _total(money: Mapping[MoneyKey, Money]) -> Money:
    """Sum over currencies too: no sum of money, but a figure that must be the same on both sides."""
    return reduce(Money.plus, money.values(), NO_MONEY)
