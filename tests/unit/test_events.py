"""The contract survives the wire: model -> JSON -> model, by the readable and by the fast encoder alike."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from txwatch.events import (
    COUNTRIES,
    CURRENCIES,
    FIELDS,
    OCCURRED_AT_MIN,
    FraudLabel,
    PaymentMethod,
    Transaction,
    canonical_json,
    format_time,
)
from txwatch.generator.encoding import TRANSACTIONS, encode

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = {
    "transaction_id": "01941f34-372a-7e40-8f79-49c91aa85d6c",
    "customer_id": "cc5fd14a-0012-8ec9-833e-c1f4236f895c",
    "merchant_id": "3475b1bf-3bb7-85f9-a06d-2de2c3cfc50e",
    "amount": Decimal("12.3"),
    "currency": "USD",
    "occurred_at": datetime(2026, 1, 1, 0, 0, 0, 123_000, UTC),
    "latitude": 12.34567,
    "longitude": -1.5,
    "country": "US",
    "is_foreign": False,
    "device_id": "card-dfa2d08643e5",
    "payment_method": "chip",
}
WRITTEN = (
    b'{"transaction_id":"01941f34-372a-7e40-8f79-49c91aa85d6c",'
    b'"customer_id":"cc5fd14a-0012-8ec9-833e-c1f4236f895c",'
    b'"merchant_id":"3475b1bf-3bb7-85f9-a06d-2de2c3cfc50e",'
    b'"amount":12.30,"currency":"USD","occurred_at":"2026-01-01T00:00:00.123Z",'
    b'"latitude":12.34567,"longitude":-1.5,"country":"US","is_foreign":false,'
    b'"device_id":"card-dfa2d08643e5","payment_method":"chip"}'
)

milliseconds = st.integers(0, 200 * 365 * 86_400_000).map(
    lambda ms: OCCURRED_AT_MIN + timedelta(milliseconds=ms)
)
degrees = st.integers(-999_000_000, 999_000_000).map(lambda millionths: millionths / 1_000_000)
transactions = st.builds(
    Transaction,
    transaction_id=st.uuids(),
    customer_id=st.uuids(),
    merchant_id=st.uuids(),
    amount=st.integers(1, 9_999_999_999).map(lambda cents: Decimal(cents).scaleb(-2)),
    currency=st.sampled_from(sorted(CURRENCIES)),
    occurred_at=milliseconds,
    latitude=degrees,
    longitude=degrees,
    country=st.sampled_from(sorted(COUNTRIES)),
    is_foreign=st.booleans(),
    device_id=st.from_regex(r"\A[A-Za-z0-9._:-]{1,64}\Z"),
    payment_method=st.sampled_from(PaymentMethod),
)


def as_batch(*rows: Transaction) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [
            {
                name: str(value) if isinstance(value, UUID) else value
                for name, value in row.model_dump().items()
            }
            for row in rows
        ],
        schema=TRANSACTIONS,
    )


def test_the_canonical_form_is_the_one_that_was_agreed() -> None:
    transaction = Transaction.model_validate(EXAMPLE)
    assert canonical_json(transaction) == WRITTEN
    assert encode(as_batch(transaction)).to_pylist() == [WRITTEN]


@given(transactions)
def test_a_transaction_survives_the_wire(transaction: Transaction) -> None:
    assert Transaction.model_validate_json(canonical_json(transaction)) == transaction


@given(transactions)
def test_money_is_exact_on_the_wire(transaction: Transaction) -> None:
    written = json.loads(canonical_json(transaction), parse_float=Decimal)
    assert written["amount"] == transaction.amount
    assert written["amount"].as_tuple().exponent == -2


@given(st.lists(transactions, min_size=1, max_size=20))
def test_the_fast_encoder_writes_the_canonical_form(rows: list[Transaction]) -> None:
    assert encode(as_batch(*rows)).to_pylist() == [canonical_json(row) for row in rows]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0.0"),
        (-0.0, "0.0"),
        (0.000001, "0.000001"),
        (-0.00001, "-0.00001"),
        (90.0, "90.0"),
        (-999.5, "-999.5"),
    ],
)
def test_degrees_are_written_without_an_exponent(value: float, written: str) -> None:
    transaction = Transaction.model_validate({**EXAMPLE, "latitude": value})
    assert f'"latitude":{written},'.encode() in canonical_json(transaction)
    assert encode(as_batch(transaction)).to_pylist() == [canonical_json(transaction)]


def test_the_page_shows_the_contract_as_it_is() -> None:
    script = REPOSITORY / "scripts" / "document-events.py"
    answer = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (0, "")


def test_the_pages_example_is_a_transaction() -> None:
    (example, label) = re.findall("```json\n(.*)\n```", (REPOSITORY / "docs" / "events.md").read_text())
    transaction = Transaction.model_validate_json(example)
    assert canonical_json(transaction) == example.encode()
    assert transaction.transaction_id.int >> 80 == int(transaction.occurred_at.timestamp() * 1000)
    assert FraudLabel.model_validate_json(label).transaction_id == transaction.transaction_id


def test_fields_stand_in_the_order_of_the_contract() -> None:
    assert tuple(json.loads(WRITTEN)) == FIELDS == tuple(TRANSACTIONS.names)


def test_times_are_written_in_utc() -> None:
    moment = datetime.fromisoformat("2026-01-31T23:59:59.999+05:30")
    assert format_time(moment) == "2026-01-31T18:29:59.999Z"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "12.345"),
        ("amount", 0),
        ("amount", "-1.00"),
        ("amount", "NaN"),
        ("amount", "100000000.00"),
        ("occurred_at", "2026-01-01T00:00:00"),
        ("latitude", float("inf")),
        ("device_id", "card 42!"),
        ("payment_method", "barter"),
        ("currency", "usd"),
        ("surplus", 1),
    ],
)
def test_what_breaks_the_contract_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Transaction.model_validate({**EXAMPLE, field: value})
