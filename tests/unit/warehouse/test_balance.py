"""A hand-made pipeline that balances, and one imbalance after the other: each check notices its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from txwatch.warehouse.verify.balance import balance, breaks
from txwatch.warehouse.verify.inputs import (
    ArchiveReading,
    Bounds,
    Inputs,
    LedgerReading,
    Money,
    MoneyKey,
    Span,
    Totals,
    WarehouseReading,
)

EUR = MoneyKey("EUR", date(2026, 1, 31))
USD = MoneyKey("USD", date(2026, 1, 31))

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


def kafka(**ends: Bounds) -> Change:
    return lambda inputs: replace(inputs, kafka={0: ends["p0"], 1: Bounds(0, 4)})


def test_what_balances_balances() -> None:
    checks = balance(BALANCED)
    assert [check.name for check in checks if not check.ok] == []
    assert len(checks) == 19


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


def test_without_the_archive_only_its_checks_are_left_out() -> None:
    checks = balance(replace(BALANCED, archive=None))
    assert len(checks) == 13
    assert all(check.ok for check in checks)


def test_an_empty_pipeline_balances() -> None:
    empty = Inputs({0: Bounds(0, 0)}, LedgerReading(), WarehouseReading(), ArchiveReading())
    assert [check.name for check in balance(empty) if not check.ok] == []


def test_breaks_names_spans_that_run_backwards() -> None:
    assert breaks([Span(0, 5, 3)]) == ["partition 0: span from offset 5 ends before it, at 3"]
