"""A hand-made pipeline that balances, and one imbalance after the other: each check notices its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from txwatch.warehouse.verify.balance import balance
from txwatch.warehouse.verify.inputs import (
    ArchiveReading,
    Bounds,
    Inputs,
    LabelCount,
    LabelKey,
    LabelReading,
    LabelTotals,
    LedgerReading,
    MartReading,
    Money,
    MoneyKey,
    PublishedLabels,
    Revenue,
    RevenueKey,
    Span,
    Totals,
    WarehouseReading,
)
from txwatch.warehouse.verify.spans import breaks

EUR = MoneyKey("EUR", date(2026, 1, 31))
USD = MoneyKey("USD", date(2026, 1, 31))

DAY = date(2026, 1, 31)
EUROS = RevenueKey(DAY, "EUR")
BUILT = Revenue(5, Decimal("50.05"), 2, Decimal("20.00"), 1, 1, Decimal("9.00"))
EVERY_FIGURE = (
    "EUR 2026-01-31: transactions 5 in facts, 0 in mart, gross 50.05 in facts, 0 in mart, "
    "suspected 2 in facts, 0 in mart, suspected amount 20.00 in facts, 0 in mart, "
    "labelled 1 in facts, 0 in mart, confirmed 1 in facts, 0 in mart, "
    "confirmed amount 9.00 in facts, 0 in mart"
)
FRAUD, CLEARED = LabelKey(DAY, True), LabelKey(DAY, False)
KEPT = {FRAUD: LabelCount(3, 300), CLEARED: LabelCount(1, 100)}

# Two partitions of 6 and 4 records: 6 facts, 3 quarantined, 1 duplicate. Then a replay of two of the
# quarantined, of which one was a duplicate: 7 facts and 2 duplicates in all.
BALANCED = Inputs(
    kafka={0: Bounds(0, 6), 1: Bounds(0, 4)},
    ledger=LedgerReading(
        spans=[Span(0, 0, 4), Span(1, 0, 4), Span(0, 4, 6)],
        next_offsets={0: 6, 1: 4},
        stream=Totals(rows_in=10, facts=6, alerts=2, quarantined=3, duplicates=1),
        replays=Totals(rows_in=2, facts=1, alerts=1, quarantined=0, duplicates=1),
    ),
    warehouse=WarehouseReading(
        facts=7,
        flagged=3,
        alerts=3,
        quarantined=3,
        resolved_as_fact=1,
        resolved_as_duplicate=1,
        money={EUR: Money(5, Decimal("50.05"), 500), USD: Money(2, Decimal("20.00"), 200)},
    ),
    archive=ArchiveReading(
        spans=[Span(0, 0, 6), Span(1, 0, 3), Span(1, 3, 4)],
        accepted=9,
        money={EUR: Money(5, Decimal("50.05"), 500), USD: Money(2, Decimal("20.00"), 200)},
    ),
    mart=MartReading(built_to=2, due_to=2, mart={EUROS: BUILT}, facts={EUROS: BUILT}),
    # Seven labels: two first ones, a correction and an outdated one, two repeats, one malformed.
    labels=LabelReading(
        kafka={0: Bounds(0, 7)},
        spans=[Span(0, 0, 5), Span(0, 5, 7)],
        next_offsets={0: 7},
        totals=LabelTotals(rows_in=7, kept=4, duplicates=2, quarantined=1),
        chargebacks=4,
        quarantined=1,
        counts=KEPT,
        published=PublishedLabels(counts=KEPT),
    ),
)

Change = Callable[[Inputs], Inputs]


def ledger(**changes: Any) -> Change:
    return lambda inputs: replace(inputs, ledger=replace(inputs.ledger, **changes))


def stream(**changes: int) -> Change:
    return ledger(stream=replace(BALANCED.ledger.stream, **changes))


def replays(**changes: int) -> Change:
    return ledger(replays=replace(BALANCED.ledger.replays, **changes))


def warehouse(**changes: Any) -> Change:
    return lambda inputs: replace(inputs, warehouse=replace(inputs.warehouse, **changes))


def archive(**changes: Any) -> Change:
    return lambda inputs: replace(inputs, archive=inputs.archive and replace(inputs.archive, **changes))


def mart(**changes: Any) -> Change:
    return lambda inputs: replace(inputs, mart=inputs.mart and replace(inputs.mart, **changes))


def labels(**changes: Any) -> Change:
    return lambda inputs: replace(inputs, labels=replace(inputs.labels, **changes))


def published(**changes: Any) -> Change:
    return labels(published=replace(BALANCED.labels.published, **changes))


def kafka(**ends: Bounds) -> Change:
    return lambda inputs: replace(inputs, kafka={0: ends["p0"], 1: Bounds(0, 4)})


def test_what_balances_balances() -> None:
    checks = balance(BALANCED)
    assert [check.name for check in checks if not check.ok] == []
    assert len(checks) == 29


@pytest.mark.parametrize(
    ("change", "name", "difference", "finding"),
    [
        (kafka(p0=Bounds(0, 9)), "Kafka's end = the ledger's", -3, "partition 0: 3 records behind"),
        (kafka(p0=Bounds(0, 5)), "Kafka's end = the ledger's", 1, "partition 0: 1 beyond Kafka's end"),
        (
            ledger(spans=[Span(0, 0, 3), Span(1, 0, 4), Span(0, 4, 6)]),
            "ledger offsets follow each other",
            1,
            "partition 0: gap of 1 from offset 3 to 4",
        ),
        (
            ledger(spans=[Span(0, 0, 4), Span(1, 0, 4), Span(0, 2, 6)]),
            "ledger offsets follow each other",
            1,
            "partition 0: overlap of 2 from offset 2 to 4",
        ),
        (
            ledger(spans=[Span(0, 1, 4), Span(1, 0, 4), Span(0, 4, 6)]),
            "ledger offsets follow each other",
            1,
            "partition 0: begins at offset 1, Kafka at 0",
        ),
        (
            ledger(spans=[Span(1, 0, 4)]),
            "ledger offsets follow each other",
            1,
            "partition 0: begins at offset 6, Kafka at 0",
        ),
        (
            ledger(next_offsets={0: 6, 1: 3}),
            "ledger offsets follow each other",
            1,
            "partition 1: batches end at 4, ops.stream_offset at 3",
        ),
        (stream(rows_in=9), "offsets in the ledger = rows read", -1, ""),
        (warehouse(facts=6), "rows read = facts + quarantined + duplicates", -1, ""),
        (warehouse(facts=6), "facts: ledger = table", -1, ""),
        (warehouse(quarantined=2), "quarantined: ledger = table", -1, ""),
        (warehouse(alerts=4), "alerts: ledger = table", 1, ""),
        (replays(facts=0), "replayed as fact: ledger = table", 1, ""),
        (replays(duplicates=2), "replayed as duplicate: ledger = table", -1, ""),
        (warehouse(batch_findings=["batch 2"]), "each batch's rows: ledger = tables", 1, "batch 2"),
        (warehouse(flagged=4), "flagged facts = alerts", -1, ""),
        (warehouse(alert_findings=["odd"]), "flagged facts = alerts", 0, "odd"),
        (warehouse(rollup_findings=["12:00"]), "rollups = recomputed from facts", 1, "12:00"),
        (
            warehouse(reference_findings=["ghost"]),
            "each fact's customer, merchant and ruleset exist",
            1,
            "ghost",
        ),
        (
            archive(spans=[Span(0, 0, 6), Span(1, 0, 3)]),
            "Kafka's end = the archive's",
            -1,
            "partition 1: 1 records behind",
        ),
        (
            archive(spans=[Span(0, 0, 2), Span(0, 3, 6), Span(1, 0, 4)]),
            "archived offsets follow each other",
            1,
            "partition 0: gap of 1 from offset 2 to 3",
        ),
        (
            archive(spans=[Span(0, 2, 6), Span(1, 0, 4)]),
            "archived offsets follow each other",
            1,
            "partition 0: archived from 2, but read by the stream from 0",
        ),
        (archive(object_findings=["k: lost"]), "each archive object is there and whole", 1, "k: lost"),
        (archive(unreadable=["p0 o3"]), "what the stream took for events are events", 1, "p0 o3"),
        (archive(accepted=8), "archived events = facts + duplicates", 1, ""),
        (
            warehouse(money={EUR: Money(5, Decimal("50.04"), 500), USD: Money(2, Decimal("20.00"), 200)}),
            "archived money = facts' money",
            Decimal("-0.01"),
            "EUR 2026-01-31: -0.01 in facts (+0 transactions)",
        ),
        (
            warehouse(money={EUR: Money(5, Decimal("50.05"), 500)}),
            "archived money = facts' money",
            Decimal("-20.00"),
            "USD 2026-01-31: -20.00 in facts (-2 transactions)",
        ),
        (
            warehouse(money={EUR: Money(5, Decimal("50.05"), 499), USD: Money(2, Decimal("20.00"), 201)}),
            "archived money = facts' money",
            0,
            "EUR 2026-01-31: as much money, but not the same transactions",
        ),
        (
            # A cent moved between two currencies leaves the grand total alone.
            warehouse(money={EUR: Money(5, Decimal("50.04"), 500), USD: Money(2, Decimal("20.01"), 200)}),
            "archived money = facts' money",
            0,
            "USD 2026-01-31: +0.01 in facts (+0 transactions)",
        ),
        (
            mart(mart={EUROS: BUILT._replace(gross=Decimal("50.06"))}),
            "facts = daily revenue",
            Decimal("0.01"),
            "EUR 2026-01-31: gross 50.05 in facts, 50.06 in mart",
        ),
        (
            mart(mart={EUROS: BUILT._replace(confirmed=2, labelled=2)}),
            "facts = daily revenue",
            0,
            "EUR 2026-01-31: labelled 1 in facts, 2 in mart, confirmed 1 in facts, 2 in mart",
        ),
        (
            mart(mart={}),
            "facts = daily revenue",
            Decimal("-50.05"),
            EVERY_FIGURE,
        ),
        (mart(built_to=1), "daily revenue: built to its horizon", -1, ""),
        (
            labels(kafka={0: Bounds(0, 9)}),
            "labels: Kafka's end = the ledger's",
            -2,
            "partition 0: 2 records behind",
        ),
        (
            labels(spans=[Span(0, 0, 4), Span(0, 5, 7)]),
            "label offsets follow each other",
            1,
            "partition 0: gap of 1 from offset 4 to 5",
        ),
        (
            labels(totals=LabelTotals(rows_in=6, kept=3, duplicates=2, quarantined=1)),
            "offsets in the label ledger = labels read",
            -1,
            "",
        ),
        (labels(chargebacks=3), "labels read = chargebacks + quarantined + duplicates", -1, ""),
        (labels(quarantined=2), "labels read = chargebacks + quarantined + duplicates", 1, ""),
        (labels(batch_findings=["b"]), "each label batch's rows: ledger = tables", 1, "b"),
        (labels(current_findings=["c"]), "the latest label is the current one", 1, "c"),
        (published(unreadable=["p0 o3"]), "what was taken for labels are labels", 1, "p0 o3"),
        (
            labels(counts={FRAUD: LabelCount(3, 300)}),
            "labels in Kafka = chargebacks",
            -1,
            "2026-01-31 no fraud: -1 in fact_chargeback",
        ),
        (
            labels(counts=KEPT | {FRAUD: LabelCount(3, 301)}),
            "labels in Kafka = chargebacks",
            0,
            "2026-01-31 fraud: as many labels, but not the same",
        ),
    ],
)
def test_each_check_notices_its_own_imbalance(
    change: Change, name: str, difference: int | Decimal, finding: str
) -> None:
    check = next(check for check in balance(change(BALANCED)) if check.name == name)
    assert not check.ok
    assert check.difference == difference
    assert finding in ("", *check.findings)
    assert check.way_out


def test_a_lag_says_how_far_and_what_to_do() -> None:
    check = balance(kafka(p0=Bounds(0, 9))(BALANCED))[0]
    assert check.way_out == "not drained: 3 records behind; let `txwatch stream` catch up and verify again"


def test_a_mart_that_is_behind_says_by_how_much_and_balances() -> None:
    checks = balance(mart(later_batches=3, later_facts=1200, later_labels=7)(BALANCED))
    [check] = [check for check in checks if check.note]
    assert check.ok
    assert check.note == (
        "behind by 1,200 facts of 3 later batches and 7 later labels: "
        "`txwatch transform`, or the next daily run, catches up"
    )


def test_without_marts_nothing_is_claimed_of_them() -> None:
    checks = balance(replace(BALANCED, mart=None))
    [check] = [check for check in checks if check.note]
    assert (check.ok, check.note) == (
        True,
        "no mart has been built yet: `txwatch transform` builds them",
    )
    assert all(check.ok for check in checks)


def test_what_kafka_has_dropped_is_not_compared() -> None:
    checks = balance(published(is_whole=False, counts={})(BALANCED))
    assert all(check.ok for check in checks)
    assert [check.name for check in checks if check.note] == ["labels in Kafka = chargebacks"]


def test_without_the_archive_only_its_checks_are_left_out() -> None:
    checks = balance(replace(BALANCED, archive=None))
    assert len(checks) == 23
    assert all(check.ok for check in checks)


def test_an_empty_pipeline_balances() -> None:
    empty = Inputs({0: Bounds(0, 0)}, LedgerReading(), WarehouseReading(), ArchiveReading())
    assert [check.name for check in balance(empty) if not check.ok] == []


def test_breaks_names_spans_that_run_backwards() -> None:
    assert breaks([Span(0, 5, 3)]) == ["partition 0: span from offset 5 ends before it, at 3"]
