"""The independent reader of the archive: JSON to cents, ledger to offsets, each transaction once."""

import json
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest

from txwatch.warehouse.verify import till as till_module
from txwatch.warehouse.verify.events import read_events
from txwatch.warehouse.verify.inputs import Money, MoneyKey
from txwatch.warehouse.verify.plan import HELD, ArchivePlan, Offsets
from txwatch.warehouse.verify.till import Till

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
EVENT: dict[str, Any] = {
    "transaction_id": ID,
    "amount": 12.34,
    "currency": "EUR",
    "occurred_at": "2026-01-31T23:59:59.999Z",
    "device_id": "d-1",
}


def values(*records: bytes | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(records, pa.binary())])


def raw(**changes: Any) -> bytes:
    return json.dumps(EVENT | changes).encode()


def test_an_event_is_read_to_the_cent() -> None:
    events = read_events(values(raw(), raw(amount=99999999.99), raw(amount=3)))
    assert events.is_event.all()
    assert events.table["cents"].to_pylist() == [1234, 9999999999, 300]
    assert events.table["day"].to_pylist() == [date(2026, 1, 31)] * 3
    halves = (events.table["id_high"][0].as_py() << 64) | events.table["id_low"][0].as_py()
    assert UUID(int=halves) == UUID(ID)


@pytest.mark.parametrize(
    ("occurred_at", "day"),
    [
        ("2026-02-01T01:30:00+02:00", date(2026, 1, 31)),
        ("2026-01-31T23:30:00-01:00", date(2026, 2, 1)),
        ("2026-01-31T23:59:59.999999Z", date(2026, 1, 31)),
        ("2026-01-31T23:59:59.123456789Z", date(2026, 1, 31)),  # only the slow path knows nanoseconds
    ],
)
def test_the_day_is_the_one_in_utc(occurred_at: str, day: date) -> None:
    assert read_events(values(raw(occurred_at=occurred_at))).table["day"].to_pylist() == [day]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        b"",
        b"[1]",
        b"{}",
        b"\xff",
        raw() + raw(),
        raw(amount=1.234),
        raw(amount="12.34x"),
        raw(transaction_id="x"),
        raw(transaction_id=None),
        raw(occurred_at="2026-01-31T23:59:59"),
        raw(occurred_at="yesterday"),
    ],
)
def test_a_record_that_is_no_event_is_singled_out(bad: bytes | None) -> None:
    events = read_events(values(raw(amount=1), bad, raw(amount=2)))
    assert events.is_event.tolist() == [True, False, True]
    assert events.table["cents"].to_pylist() == [100, 200]


def test_records_with_line_breaks_inside_are_read() -> None:
    pretty = json.dumps(EVENT, indent=2).encode()
    assert read_events(values(pretty, pretty)).table["cents"].to_pylist() == [1234, 1234]


def offsets(*pairs: tuple[int, int]) -> Offsets:
    columns = np.array(pairs, np.int64).T.copy()
    return Offsets(columns[0], columns[1])


def test_the_ledger_says_which_batch_took_an_offset() -> None:
    plan = ArchivePlan(
        topic="t",
        objects=[],
        next_offsets={0: 9},
        batches={0: offsets((2, 11), (5, 12))},
        quarantine={0: offsets((3, HELD), (6, 20))},  # offset 6 was replayed in batch 20
    )
    taken = plan.batch_of(0, np.arange(11))
    assert taken.tolist() == [HELD, HELD, 11, HELD, 11, 12, 20, 12, 12, HELD, HELD]
    assert plan.batch_of(1, np.arange(2)).tolist() == [HELD, HELD]


def placed(*rows: tuple[int, int, str, int, int, int]) -> pa.Table:
    names = ["id_low", "cents", "currency", "ledger_seq", "partition", "offset"]
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    count = len(rows)
    return pa.table(
        {name: list(column) for name, column in columns.items()}
        | {"id_high": [7] * count, "day": [date(2026, 1, 31)] * count}
    )


@pytest.mark.parametrize("rows_per_drawer", [1, 1000])
def test_each_transaction_counts_once_as_first_accepted(
    monkeypatch: pytest.MonkeyPatch, rows_per_drawer: int
) -> None:
    monkeypatch.setattr(till_module, "ROWS_PER_DRAWER", rows_per_drawer)
    with Till(7) as till:
        till.add(placed((1, 100, "EUR", 2, 0, 50), (2, 250, "EUR", 1, 0, 1), (3, 5, "USD", 1, 0, 2)))
        # id 1 again: earlier batch, other amount; id 2 again: same batch, later offset; id 3 again: equal
        till.add(placed((1, 130, "EUR", 1, 1, 90), (2, 999, "EUR", 1, 0, 3), (3, 5, "USD", 4, 0, 9)))
        money = till.count()
    day = date(2026, 1, 31)
    assert money == {
        MoneyKey("EUR", day): Money(2, Decimal("3.80"), 3),
        MoneyKey("USD", day): Money(1, Decimal("0.05"), 3),
    }


def test_an_empty_archive_holds_no_money() -> None:
    with Till(0) as till:
        assert till.count() == {}
