import json
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from txwatch.events import Transaction, canonical_json
from txwatch.generator.clock import DAY_MS
from txwatch.generator.handbook import OutsideTransactions, read_handbook
from txwatch.generator.replay import Replay, shift_to_now_ms
from txwatch.world import CUSTOMER_COLUMNS, MERCHANT_COLUMNS

FIRST_MS = 1_522_540_831_000  # 2018-04-01 00:00:31 UTC


@pytest.fixture
def rows() -> OutsideTransactions:
    """Return four payments of three customers at two merchants, the last a fraud."""
    return OutsideTransactions(
        transaction_id=np.array([10, 11, 12, 13]),
        occurred_ms=FIRST_MS + np.array([0, 1000, 1000, DAY_MS]),
        customer_id=np.array([5, 7, 5, 6]),
        merchant_id=np.array([1, 2, 2, 1]),
        cents=np.array([5716, 8151, 0, 110_885]),
        latitude=np.array([39.1, 39.2, 39.2, 39.1]),
        longitude=np.array([-100.1, -100.2, -100.2, -100.1]),
        customer_latitude=np.array([40.5, 40.7, 40.5, 40.6]),
        customer_longitude=np.array([-99.5, -99.7, -99.5, -99.6]),
        is_fraud=np.array([False, False, False, True]),
    )


def events(source: Replay) -> list[dict[str, object]]:
    return [
        json.loads(value or b"", parse_float=Decimal)
        for records in source.records(0, source.total)
        for value in records.values
    ]


def test_what_the_file_says_is_kept(rows: OutsideTransactions) -> None:
    sent = events(Replay(rows, "file"))
    assert [event["amount"] for event in sent] == [
        Decimal(text) for text in ("57.16", "81.51", "0.00", "1108.85")
    ]
    assert [event["occurred_at"] for event in sent][::3] == [
        "2018-04-01T00:00:31.000Z",
        "2018-04-02T00:00:31.000Z",
    ]
    assert [event["latitude"] for event in sent][:2] == [Decimal("39.1"), Decimal("39.2")]
    assert {(event["currency"], event["country"], event["is_foreign"]) for event in sent} == {
        ("USD", "US", False)
    }


def test_ids_are_one_to_one_with_the_file(rows: OutsideTransactions) -> None:
    sent = events(Replay(rows, "file"))
    customers = [event["customer_id"] for event in sent]
    assert customers[0] == customers[2]
    assert len(set(customers)) == 3
    assert len({event["merchant_id"] for event in sent}) == 2
    assert len({event["transaction_id"] for event in sent}) == 4
    assert UUID(str(sent[0]["transaction_id"])).int >> 80 == FIRST_MS
    assert sent == events(Replay(rows, "file"))


def test_records_keep_the_contract(rows: OutsideTransactions) -> None:
    source = Replay(rows, "file")
    (records,) = source.records(0, 2)
    for key, value in zip(records.keys, records.values, strict=True):
        transaction = Transaction.model_validate_json(value or b"")
        assert canonical_json(transaction) == value
        assert key.decode() == str(transaction.customer_id)


def test_a_fraud_is_known_a_week_later(rows: OutsideTransactions) -> None:
    source = Replay(rows, "file")
    labels = source.labels(0, 4)
    assert labels.transaction_ids == [events(source)[3]["transaction_id"]]
    assert labels.known_ms.tolist() == [FIRST_MS + 8 * DAY_MS]
    (label,) = labels.encode()
    assert json.loads(label[1]) == {
        "transaction_id": labels.transaction_ids[0],
        "is_fraud": True,
        "scenario": None,
        "known_at": "2018-04-09T00:00:31.000Z",
    }
    assert len(source.labels(0, 3)) == 0


def test_times_shift_by_whole_days_to_just_before_now(rows: OutsideTransactions) -> None:
    now_ms = FIRST_MS + 100 * DAY_MS + 17
    shift_ms = shift_to_now_ms(rows, now_ms)
    assert shift_ms == 99 * DAY_MS
    shifted = events(Replay(rows, "file", shift_ms))
    assert shifted[3]["occurred_at"] == "2018-07-10T00:00:31.000Z"


def test_dimensions_come_from_the_file(rows: OutsideTransactions) -> None:
    source = Replay(rows, "file")
    customers, merchants = source.customer_dimension(), source.merchant_dimension()
    assert (customers.schema, merchants.schema) == (CUSTOMER_COLUMNS, MERCHANT_COLUMNS)
    sent = {UUID(str(event["customer_id"])).bytes for event in events(source)}
    assert set(customers["customer_id"].to_pylist()) == sent
    assert customers["home_latitude"].to_pylist() == [40.5, 40.6, 40.7]  # customers 5, 6 and 7
    assert merchants["longitude"].to_pylist() == [-100.1, -100.2]


def test_a_sequence_is_found_by_time(rows: OutsideTransactions) -> None:
    source = Replay(rows, "file")
    assert [source.sequence_after(FIRST_MS + ms) for ms in (0, 1, 1000, 1001, 2 * DAY_MS)] == [0, 1, 1, 3, 4]
    assert source.occurred_ms(4) == FIRST_MS + DAY_MS


@pytest.mark.handbook
def test_the_handbook_is_read_whole(handbook_path: Path) -> None:
    rows = read_handbook(handbook_path)
    # As its README states.
    assert len(rows) == 1_466_282
    assert rows.is_fraud.sum() == 12_134
    source = Replay(rows, handbook_path.name)
    assert len(source.labels(0, source.total)) == 12_134
    assert source.customer_dimension().num_rows == len(np.unique(rows.customer_id))
