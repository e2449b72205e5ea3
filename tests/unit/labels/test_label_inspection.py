"""What is a label and what is none, and why."""

import json
from datetime import UTC, datetime

import pytest

from txwatch.events import FraudLabel
from txwatch.stream.fields import Rejection
from txwatch.stream.labels.inspection import Label, read_label

ID = "019ca8f0-0000-7000-8000-0000000000ff"
GOOD = {
    "transaction_id": ID,
    "is_fraud": True,
    "scenario": "stolen_card",
    "known_at": "2026-01-31T12:00:00.125Z",
}
KNOWN = datetime(2026, 1, 31, 12, 0, 0, 125000, UTC)


def record(**changes: object) -> bytes:
    return json.dumps(GOOD | changes).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()


def test_what_the_contract_writes_is_a_label() -> None:
    written = FraudLabel.model_validate(GOOD).model_dump_json().encode()
    assert read_label(written) == Label(ID, True, "stolen_card", KNOWN)


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        (record(scenario=None), Label(ID, True, None, KNOWN)),
        (without("scenario"), Label(ID, True, None, KNOWN)),
        (record(transaction_id=ID.upper(), is_fraud=False), Label(ID, False, "stolen_card", KNOWN)),
        (record(known_at="2026-01-31T13:00:00.125+01:00"), Label(ID, True, "stolen_card", KNOWN)),
    ],
)
def test_the_same_label_may_be_written_in_several_ways(raw: bytes, label: Label) -> None:
    assert read_label(raw) == label


@pytest.mark.parametrize(
    ("raw", "reason", "field"),
    [
        (None, "tombstone", None),
        (b" ", "empty", None),
        (b"\xff{}", "not_utf8", None),
        (b"{", "not_json", None),
        (b"[1]", "not_an_object", None),
        (b'{"is_fraud": true, "is_fraud": false}', "duplicate_key", "is_fraud"),
        (b'{"x": "' + b"x" * 70_000 + b'"}', "oversized", None),
        (without("known_at"), "missing_field", "known_at"),
        (record(is_fraud=None), "null_field", "is_fraud"),
        (record(amount=1), "unknown_field", "amount"),
        (record(is_fraud="true"), "wrong_type", "is_fraud"),
        (record(is_fraud=1), "wrong_type", "is_fraud"),
        (record(transaction_id=ID[:-1]), "bad_uuid", "transaction_id"),
        (record(known_at="yesterday"), "bad_time", "known_at"),
        (record(known_at="2026-01-31T12:00:00"), "no_time_zone", "known_at"),
        (record(known_at="1999-12-31T23:59:59Z"), "too_old", "known_at"),
        (record(scenario=7), "wrong_type", "scenario"),
        (record(scenario="nul\x00"), "bad_scenario", "scenario"),
        (record(scenario="half\ud800"), "bad_scenario", "scenario"),
        (record(scenario="x" * 101), "bad_scenario", "scenario"),
    ],
)
def test_what_is_no_label_has_its_reason(raw: bytes | None, reason: str, field: str | None) -> None:
    outcome = read_label(raw)
    assert isinstance(outcome, Rejection)
    assert (outcome.reason, outcome.field) == (reason, field)
    (outcome.detail or "").encode("ascii")  # any store can hold it
