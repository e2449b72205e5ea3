import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txwatch.events import CURRENCIES, MAX_EVENT_BYTES, QuarantineReason
from txwatch.stream.inspection import Inspector, Rejection

APPENDED_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GOOD = {
    "transaction_id": "019ca8f0-0000-7000-8000-000000000001",
    "customer_id": "7d444840-9dc0-41d1-b245-5ffdce74fad2",
    "merchant_id": "0e37df36-f698-41e6-8d75-9d28f9f7b6f1",
    "amount": 12.5,
    "currency": "EUR",
    "occurred_at": "2026-03-01T11:59:00.250Z",
    "latitude": 48.2,
    "longitude": 16.37,
    "country": "AT",
    "is_foreign": False,
    "device_id": "card-17",
    "payment_method": "chip",
}
CANONICAL = (
    b'{"transaction_id":"019ca8f0-0000-7000-8000-000000000001",'
    b'"customer_id":"7d444840-9dc0-41d1-b245-5ffdce74fad2","merchant_id":"0e37df36-f698-41e6-8d75-9d28f9f7b6f1",'
    b'"amount":12.50,"currency":"EUR","occurred_at":"2026-03-01T11:59:00.250000Z","latitude":48.2,'
    b'"longitude":16.37,"country":"AT","is_foreign":false,"device_id":"card-17","payment_method":"chip"}'
)


def inspect(raw: bytes | None) -> bytes | Rejection:
    return Inspector(CURRENCIES, timedelta(minutes=5)).inspect(raw, APPENDED_AT)


def event(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def raw_amount(token: str) -> bytes:
    return event(amount="@").replace(b'"@"', token.encode())


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()


REJECTED = [
    (None, "tombstone", None),
    (b"", "empty", None),
    (b" \n\t", "empty", None),
    (b'{"a":"' + b"x" * MAX_EVENT_BYTES + b'"}', "oversized", None),
    (b'{"device_id":"\xff"}', "not_utf8", None),
    ("żółć".encode("utf-16"), "not_utf8", None),
    (b"\x1f\x8b\x08\x00compressed", "not_utf8", None),
    (b"{", "not_json", None),
    (b"\xef\xbb\xbf" + CANONICAL, "not_json", None),
    (CANONICAL + CANONICAL, "not_json", None),
    (CANONICAL.replace(b'"', b"'"), "not_json", None),
    (b"[" * 60_000, "not_json", None),
    (b"[1]", "not_an_object", None),
    (b"null", "not_an_object", None),
    (b'"text"', "not_an_object", None),
    (
        CANONICAL.replace(b'"currency":"EUR"', b'"currency":"EUR","currency":"USD"'),
        "duplicate_key",
        "currency",
    ),
    (without("country"), "missing_field", "country"),
    (event(country=None), "null_field", "country"),
    (event(memo="hi"), "unknown_field", "memo"),
    (event(amount="12.50"), "wrong_type", "amount"),
    (event(amount=True), "wrong_type", "amount"),
    (event(is_foreign="false"), "wrong_type", "is_foreign"),
    (event(is_foreign=0), "wrong_type", "is_foreign"),
    (event(latitude="48.2"), "wrong_type", "latitude"),
    (event(currency=978), "wrong_type", "currency"),
    (event(device_id={"id": 1}), "wrong_type", "device_id"),
    (event(latitude=float("nan")), "wrong_type", "latitude"),
    (event().replace(b"48.2", b"1e400"), "wrong_type", "latitude"),
    (event(customer_id="7d444840"), "bad_uuid", "customer_id"),
    (event(customer_id="7d4448409dc041d1b2455ffdce74fad2"), "bad_uuid", "customer_id"),
    (event(amount=float("nan")), "amount_not_finite", "amount"),
    (event(amount=float("-inf")), "amount_not_finite", "amount"),
    (raw_amount("-0.01"), "amount_negative", "amount"),
    (raw_amount("0.00"), "amount_zero", "amount"),
    (raw_amount("-0"), "amount_zero", "amount"),
    (raw_amount("1.005"), "amount_places", "amount"),
    (raw_amount("12.0000000000000000000000000000000000000001"), "amount_places", "amount"),
    (raw_amount("100000000.00"), "amount_absurd", "amount"),
    (raw_amount("1e400"), "amount_absurd", "amount"),
    (event(currency="EURO"), "unknown_currency", "currency"),
    (event(currency="eur"), "unknown_currency", "currency"),
    (event(occurred_at="yesterday"), "bad_time", "occurred_at"),
    (event(occurred_at="2026-02-30T00:00:00Z"), "bad_time", "occurred_at"),
    (event(occurred_at="2026-03-01T24:00:01Z"), "bad_time", "occurred_at"),
    (event(occurred_at="2026-03-01T11:59:00"), "no_time_zone", "occurred_at"),
    (event(occurred_at="2026-03-01T12:05:00.001Z"), "too_far_in_future", "occurred_at"),
    (event(occurred_at="1999-12-31T23:59:59.999Z"), "too_old", "occurred_at"),
    (event(country="XX"), "unknown_country", "country"),
    (event(device_id=""), "bad_device_id", "device_id"),
    (event(device_id="a\x00b"), "bad_device_id", "device_id"),
    (event(device_id="\ud800"), "bad_device_id", "device_id"),
    (event(device_id="d" * 65), "bad_device_id", "device_id"),
    (event(payment_method="cheque"), "unknown_payment_method", "payment_method"),
]


@pytest.mark.parametrize(("raw", "reason", "field"), REJECTED)
def test_each_fault_has_its_reason_and_field(raw: bytes | None, reason: str, field: str | None) -> None:
    verdict = inspect(raw)

    assert isinstance(verdict, Rejection)
    assert (verdict.reason, verdict.field) == (reason, field)


def test_every_reason_that_a_sender_can_cause_is_shown() -> None:
    assert {reason for _, reason, _ in REJECTED} == set(QuarantineReason) - {QuarantineReason.UNREADABLE}


@pytest.mark.parametrize(
    "raw",
    [
        event(),
        event(transaction_id=GOOD["transaction_id"].upper()),
        json.dumps(dict(reversed(GOOD.items())), indent=2).encode(),
        event(occurred_at="2026-03-01T12:59:00.25+01:00"),
        event(occurred_at="2026-03-01t11:59:00.250z"),
        raw_amount("1.25e1"),
        raw_amount("12.500"),
        event().replace(b"chip", b"ch\\u0069p"),
    ],
)
def test_other_notations_of_the_same_values_are_the_same_event(raw: bytes) -> None:
    assert inspect(raw) == CANONICAL


def test_an_impossible_place_is_scored_and_not_malformed() -> None:
    assert isinstance(inspect(event(latitude=123.4, longitude=-999)), bytes)


def test_the_limits_of_time_and_amount_are_inside() -> None:
    assert isinstance(inspect(event(occurred_at="2026-03-01T12:05:00.000Z")), bytes)
    assert isinstance(inspect(event(occurred_at="2000-01-01T00:00:00Z")), bytes)
    assert isinstance(inspect(raw_amount("99999999.99")), bytes)
    assert isinstance(inspect(raw_amount("0.01")), bytes)


@given(st.binary(max_size=400))
def test_any_bytes_get_a_verdict(raw: bytes) -> None:
    assert isinstance(inspect(raw), Rejection)


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "x"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_any_object_gets_a_verdict_that_postgres_can_store(document: dict[str, object]) -> None:
    verdict = inspect(json.dumps({**GOOD, **document}).encode())

    if isinstance(verdict, Rejection):
        assert (verdict.detail or "").isascii()
        assert "\x00" not in (verdict.detail or "") + (verdict.field or "")
