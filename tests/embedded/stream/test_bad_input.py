"""Anything at all through the running stream: every record accounted for, each named kind with its reason."""

import gzip
import json
import random
from collections.abc import Iterable
from functools import cache
from itertools import islice
from typing import Any

import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from oracle.balance import Warehouse, ends, kafka_records
from oracle.deadline import until
from oracle.feed import event, identifier
from txwatch.events import MAX_EVENT_BYTES, QuarantineReason
from txwatch.settings import Settings
from txwatch.warehouse.quarantine_reading import QuarantineReader, ReasonCount

Payloads = dict[str, list[bytes | None]]
"""By the reason that they must be held for."""

GOOD = event(1)
FIELDS = json.loads(GOOD)
DEEP = 20_000
"""More levels than any parser of ours follows."""
UNKNOWN_NAMES, NAMES_PER_RECORD = 1_000_000, 200


def with_field(name: str, token: bytes) -> bytes:
    """A good event with another JSON value, as it stands, for one field."""
    marker = json.dumps({**FIELDS, name: "@"}, separators=(",", ":")).encode()
    return marker.replace(b'"@"', token)


def named() -> Payloads:
    """Return every payload, or several, of each reason."""
    return no_text() | no_event() | bad_ids_and_amounts() | bad_times_and_codes()


def no_text() -> Payloads:
    """Return what is no text of a bearable size."""
    return {
        "tombstone": [None],
        "empty": [b"", b"   ", b"\n\t\r\n"],
        "oversized": [
            b"x" * 1_000_000,
            with_field("device_id", b'"' + b"d" * 1_000_000 + b'"'),
            GOOD[:-1] + b" " * MAX_EVENT_BYTES + b"}",
            with_field("latitude", b"48." + b"0" * MAX_EVENT_BYTES),
            b"\xff" * (MAX_EVENT_BYTES + 1),
        ],
        "not_utf8": [
            gzip.compress(GOOD),
            GOOD.decode().encode("utf-16"),
            GOOD.decode().encode("utf-32"),
            with_field("device_id", "café".encode("latin-1")),
            with_field("device_id", "ударная".encode("cp1251")),
            GOOD.replace(b"phone-1", b"phone-\xed\xa0\x80"),  # a lone surrogate, as UTF-8 forbids it
            GOOD.replace(b"phone-1", b"phone-\xc0\x80"),  # NUL in the two bytes that Java writes
            b"\x80",
        ],
    }


def no_event() -> Payloads:
    """Return what is text, but no JSON object of the event's fields and types."""
    return {
        "not_json": [
            b"\xef\xbb\xbf" + GOOD,
            b"[" * DEEP,
            b'{"a":' * (DEEP // 2),
            GOOD + GOOD,
            GOOD[:-1],
            GOOD[:-1] + b",}",
            GOOD.replace(b'"', b"'"),
            GOOD.replace(b"phone-1", b"phone\x001"),  # a bare control character
            b"\x00" * 100,
            b"transaction_id,customer_id\n1,2",
            b"<transaction/>",
            with_field("amount", b"12,30"),
            with_field("amount", b"0x1F"),
            with_field("amount", b"+1.00"),
            with_field("amount", b".50"),
            with_field("is_foreign", b"True"),
        ],
        "not_an_object": [b"[" + GOOD + b"]", b"null", b"1e400", b"NaN", b'"text"', b"[" * 500 + b"]" * 500],
        "duplicate_key": [
            GOOD[:-1] + b',"amount":0.01}',
            GOOD[:-1] + b',"am\\u006funt":0.01}',
            b"{" + b",".join(b'"k%d":1' % number for number in range(5000)) + b',"k4999":1}',
            with_field("device_id", b'{"a":1,"a":2}'),
        ],
        "missing_field": [b"{}", b'{"a":{"b":{"c":1}}}'],
        "null_field": [with_field("amount", b"null")],
        "unknown_field": [
            GOOD[:-1] + b',"\\u0000":1}',
            GOOD[:-1] + b',"\\ud800":1}',
            GOOD[:-1] + b',"Amount":1.00}',
            GOOD[:-1] + b',"":1}',
            GOOD[:-1] + b"," + b",".join(b'"f%d":1' % number for number in range(4000)) + b"}",
        ],
        "wrong_type": [
            with_field("amount", b'"12.30"'),
            with_field("amount", b"[" * 400 + b"]" * 400),
            with_field("latitude", b"1e400"),
            with_field("longitude", b"-Infinity"),
            with_field("transaction_id", b"1"),
            with_field("occurred_at", b"1767323000"),
            with_field("is_foreign", b"0"),
        ],
    }


def bad_ids_and_amounts() -> Payloads:
    """Return events whose ids or amount are of the right type and no more."""
    upper, braces = identifier(1, 1).upper(), b"{" + identifier(1, 1).encode() + b"}"
    return {
        "bad_uuid": [
            with_field("transaction_id", b'"' + braces + b'"'),
            with_field("transaction_id", b'"urn:uuid:' + upper.encode() + b'"'),
            with_field("customer_id", b'" ' + identifier(2, 1).encode() + b'"'),
            with_field("merchant_id", b'"' + identifier(3, 1).replace("-", "").encode() + b'"'),
            with_field("merchant_id", identifier(3, 1).replace("0", "\u0660").encode().join([b'"', b'"'])),
        ],
        "amount_not_finite": [with_field("amount", token) for token in (b"NaN", b"Infinity", b"-Infinity")],
        "amount_negative": [with_field("amount", b"-0.01"), with_field("amount", b"-1e400")],
        "amount_zero": [with_field("amount", token) for token in (b"0", b"-0.00", b"0e9")],
        "amount_places": [with_field("amount", b"0.001"), with_field("amount", b"1e-400")],
        "amount_absurd": [
            with_field("amount", b"1e400"),
            with_field("amount", b"1" * 60_000),
            with_field("amount", b"100000000.00"),
        ],
    }


def bad_times_and_codes() -> Payloads:
    """Return events whose time, or a word of a fixed list or form, is of the right type and no more."""
    return {
        "unknown_currency": [with_field("currency", b'"eur"'), with_field("currency", b'"EUR,USD"')],
        "bad_time": [
            with_field("occurred_at", token)
            for token in (
                b'"2026-02-30T00:00:00.000Z"',
                b'"2026-12-31T23:59:60Z"',
                b'"0001-01-01T00:00:00+14:00"',
                b'"9999-12-31T23:59:59-14:00"',
                b'"10000-01-01T00:00:00Z"',
                b'"-0001-01-01T00:00:00Z"',
                b'"2026-01-01"',
                b'"2026-W01-1T00:00:00Z"',
            )
        ],
        "no_time_zone": [with_field("occurred_at", b'"2026-01-01T00:00:00"')],
        "too_far_in_future": [with_field("occurred_at", b'"9999-12-31T23:59:59.999Z"')],
        "too_old": [
            with_field("occurred_at", b'"0001-01-01T00:00:00Z"'),
            with_field("occurred_at", b'"1999-12-31T23:59:59.999999Z"'),
            with_field("occurred_at", b'"2000-01-01T00:00:00+00:01"'),
        ],
        "unknown_country": [with_field("country", b'"fr"'), with_field("country", b'"F,"')],
        "bad_device_id": [
            with_field("device_id", token)
            for token in (b'"a\\u0000b"', b'"\\ud800"', b'"phone 1"', b'"phone-1\\n"', '"téléphone"'.encode())
        ],
        "unknown_payment_method": [with_field("payment_method", b'"Chip"')],
    }


@cache
def fuzz() -> list[bytes]:
    """Bytes, JSON and damaged events that hypothesis thinks of; the same ones every time."""
    values = st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=8,
    )
    changed = st.dictionaries(st.sampled_from([*FIELDS, "x"]), values, max_size=3).map(
        lambda changes: json.dumps({**FIELDS, **changes}).encode("utf-8", "surrogatepass")
    )
    damaged = st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=4)).map(
        lambda cut: GOOD[: cut[0]] + cut[1] + GOOD[cut[0] + len(cut[1]) :]
    )
    found: list[bytes] = []

    @how(max_examples=600, derandomize=True, database=None)
    @given(st.binary(max_size=300) | values.map(lambda value: json.dumps(value).encode()) | changed | damaged)
    def collect(raw: bytes) -> None:
        found.append(raw)

    collect()
    return found


def send(settings: Settings, values: Iterable[bytes | None]) -> None:
    """Append records to partition 0, in order, of any size that the broker takes."""
    producer = Producer(
        settings.kafka_client() | {"enable.idempotence": True, "message.max.bytes": 1_048_000}
    )
    for value in values:
        producer.produce(settings.kafka_transactions_topic, value, partition=0)
        producer.poll(0)
    assert producer.flush(60) == 0


@pytest.mark.parametrize("sink_mode", ["driver", "executors"])
def test_whatever_comes_is_accounted_for_and_the_stream_goes_on(
    settings: Settings, in_background: Any, warehouse: Warehouse
) -> None:
    expected = [(reason, raw) for reason, values in named().items() for raw in values]
    random.Random(1).shuffle(expected)
    good = [event(number) for number in range(2, 2 + 3 * len(expected))]
    mixture = [
        value
        for n, (_, raw) in enumerate(expected)
        for value in (good[3 * n], raw, *good[3 * n + 1 : 3 * n + 3])
    ]
    strange, last = fuzz(), event(10_000_000)
    with in_background(settings) as running:
        for values in (mixture, strange, [last]):
            send(settings, values)
            until(lambda: warehouse.ledger_ends().get(0) == ends(settings)[0], 300)
        assert (
            warehouse.value("select count(*) from ops.stream_query where epoch = 1") == 1
        )  # never restarted
    assert running.error is None
    records = kafka_records(settings)
    held = dict(warehouse.rows("select kafka_offset, reason from ops.quarantine"))
    begin = 1
    for reason, raw in expected:
        assert records[0, begin] == raw
        assert held.get(begin) == reason, (raw or b"")[:200]
        begin += 4
    facts = {row[0] for row in warehouse.rows("select transaction_id::text from core.fact_transaction")}
    assert {json.loads(raw)["transaction_id"] for raw in [*good, last]} <= facts
    assert "unreadable" not in held.values()
    duplicates = warehouse.value("select sum(duplicates)::int from ops.stream_ledger")
    assert len(facts) + len(held) + duplicates == len(records)


def test_ids_in_odd_case_are_the_same_ids(settings: Settings, drain: Any, warehouse: Warehouse) -> None:
    text = str(0xABCDEF).zfill(12)
    lower = f"abcdefab-cdef-abcd-efab-{text}"
    odd = (lower, lower.upper(), lower.title())
    send(settings, [event(1, transaction_id=spelling) for spelling in odd])
    drain(settings)
    assert warehouse.rows("select transaction_id::text from core.fact_transaction") == [(lower,)]
    assert warehouse.value("select sum(duplicates)::int from ops.stream_ledger") == len(odd) - 1


def test_a_million_unknown_names_are_one_reason(settings: Settings, drain: Any, warehouse: Warehouse) -> None:
    """What is kept of names is one for each record: nothing that is counted or shown grows with them."""
    records = UNKNOWN_NAMES // NAMES_PER_RECORD
    names = (b'"field_%d":1' % number for number in range(UNKNOWN_NAMES))
    send(settings, [b",".join([GOOD[:-1], *islice(names, NAMES_PER_RECORD)]) + b"}" for _ in range(records)])
    drain(settings)
    held = warehouse.rows("select count(*), count(distinct field), max(detail) from ops.quarantine")
    assert held == [(records, records, None)]
    reader = QuarantineReader(settings.postgres("analyst"), settings.kafka_transactions_topic)
    assert reader.counts(None) == [ReasonCount("unknown_field", held=records, resolved=0)]
    assert warehouse.rows("select sum(rows_in)::int, sum(quarantined)::int from ops.stream_ledger") == [
        (records, records)
    ]
    assert warehouse.value("select count(*) from core.rollup_minute") == 0


def test_every_reason_that_a_sender_can_cause_is_among_the_payloads() -> None:
    assert set(named()) == set(QuarantineReason) - {QuarantineReason.UNREADABLE}
