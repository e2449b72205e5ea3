import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from txwatch.settings import SERVICES_DIR
from txwatch.stream.batch import (
    alerts_of,
    facts_of,
    in_offset_order,
    offset_ranges,
    only,
    rollups_of,
    without_repeats,
)
from txwatch.stream.columns import id_keys, parse_uuids
from txwatch.stream.decoding import EVENT_SCHEMA
from txwatch.stream.offsets import OffsetRange
from txwatch.stream.rules import Ruleset, load_ruleset

FIRST = UUID("019ca8f0-0000-7000-8000-000000000001")
SECOND = UUID("019ca8f0-0000-7000-8000-0000000000ff")


@pytest.fixture(scope="module")
def ruleset() -> Ruleset:
    return load_ruleset(SERVICES_DIR / "rules" / "default.yaml")


def scored(*rows: dict[str, Any]) -> pa.Table:
    base = {
        "transaction_id": FIRST.bytes,
        "customer_id": UUID("7d444840-9dc0-41d1-b245-5ffdce74fad2").bytes,
        "merchant_id": UUID("0e37df36-f698-41e6-8d75-9d28f9f7b6f1").bytes,
        "amount": Decimal("10.00"),
        "currency": "EUR",
        "occurred_at": datetime(2026, 3, 1, 12, 0, 59, 999000, tzinfo=UTC),
        "latitude": 1.0,
        "longitude": 2.0,
        "country": "AT",
        "is_foreign": False,
        "device_id": "d",
        "payment_method": "chip",
        "fired": "",
    }
    schema = EVENT_SCHEMA.append(pa.field("fired", pa.string()))
    return pa.Table.from_pylist([{**base, **row} for row in rows], schema=schema)


def test_ids_become_sixteen_bytes_whatever_the_chunks_and_offsets() -> None:
    ids = [UUID(int=number * 2**64 + 7) for number in range(100)]
    whole = pa.chunked_array([[str(i) for i in ids[:30]], [str(i) for i in ids[30:]]])

    for part, expected in ((whole, ids), (whole.slice(29, 5), ids[29:34]), (whole.slice(0, 0), [])):
        values, are_ids = parse_uuids(part)
        assert values.to_pylist() == [i.bytes for i in expected]
        assert are_ids.all()


def test_what_is_no_canonical_id_is_told_apart() -> None:
    good = str(UUID(int=2**127 + 15))
    texts = [
        good,
        good.upper(),
        good.replace("-", "0"),
        "g" + good[1:],
        good[:8] + good[8:].replace("-", "+"),
        good,
    ]

    values, are_ids = parse_uuids(pa.chunked_array([texts]))

    assert are_ids.tolist() == [True, False, False, False, False, True]
    assert values[5].as_py() == UUID(good).bytes


def test_keys_follow_a_slice() -> None:
    ids = pa.chunked_array([pa.array([bytes([n]) * 16 for n in range(5)], pa.binary(16))])

    assert [bytes(key) for key in id_keys(ids.slice(2, 2))] == [b"\x02" * 16, b"\x03" * 16]


def test_ranges_are_per_partition_with_the_end_exclusive() -> None:
    records = pa.table({"topic": ["t"] * 4, "partition": [1, 0, 1, 0], "offset": [7, 3, 9, 4]})

    assert offset_ranges(records) == (OffsetRange("t", 0, 3, 5), OffsetRange("t", 1, 7, 10))


def test_records_are_put_in_the_order_of_partition_and_offset() -> None:
    records = pa.table({"partition": [1, 0, 1, 0], "offset": [7, 4, 2, 3]})

    ordered = in_offset_order(records)

    assert list(zip(*ordered.to_pydict().values(), strict=True)) == [(0, 3), (0, 4), (1, 2), (1, 7)]
    assert in_offset_order(ordered) is ordered
    assert in_offset_order(records.slice(0, 0)).num_rows == 0


def test_a_fact_keeps_the_rules_that_fired() -> None:
    facts = facts_of(scored({"fired": "a,b"}, {"fired": ""}))

    assert facts["rules"].to_pylist() == [["a", "b"], []]
    assert facts["is_fraud"].to_pylist() == [True, False]


def test_of_rows_with_one_id_the_first_is_kept() -> None:
    facts = facts_of(
        scored(
            {"transaction_id": SECOND.bytes, "device_id": "kept"},
            {"transaction_id": FIRST.bytes},
            {"transaction_id": SECOND.bytes, "device_id": "repeat"},
        )
    )

    kept = without_repeats(facts)

    assert kept["device_id"].to_pylist() == ["kept", "d"]
    assert only(kept, {FIRST.bytes})["transaction_id"].to_pylist() == [FIRST.bytes]


def test_every_flagged_fact_has_one_alert_with_its_evidence(ruleset: Ruleset) -> None:
    facts = facts_of(
        scored(
            {"fired": ""},
            {
                "transaction_id": SECOND.bytes,
                "amount": Decimal("1500.10"),
                "is_foreign": True,
                "fired": "amount_over_threshold,foreign_transaction",
            },
        )
    )

    alerts = alerts_of(facts, ruleset).to_pylist()

    assert [alert["transaction_id"] for alert in alerts] == [SECOND.bytes]
    assert alerts[0]["severity"] == "high"
    assert json.loads(alerts[0]["evidence"]) == {
        "amount_over_threshold": {"amount": "1500.10", "currency": "EUR"},
        "foreign_transaction": {"is_foreign": True},
    }


def test_rollups_add_up_to_the_cent_per_minute_and_currency() -> None:
    facts = facts_of(
        scored(
            {"amount": Decimal("0.10")},
            {"amount": Decimal("0.20"), "fired": "x"},
            {"amount": Decimal("5.00"), "currency": "USD"},
            {"amount": Decimal("7.00"), "occurred_at": datetime(2026, 3, 1, 12, 1, tzinfo=UTC)},
        )
    )

    rows = {(row["minute"].minute, row["currency"]): row for row in rollups_of(facts).to_pylist()}

    assert len(rows) == 3
    assert rows[(0, "EUR")]["transactions"] == 2
    assert rows[(0, "EUR")]["amount"] == Decimal("0.30")
    assert rows[(0, "EUR")]["flagged"] == 1
    assert rows[(0, "EUR")]["flagged_amount"] == Decimal("0.20")
    assert rows[(1, "EUR")]["amount"] == Decimal("7.00")
    assert rows[(0, "USD")]["flagged_amount"] == Decimal("0.00")
