"""The fast path and the inspection must say the same of every record."""

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oracle.records import APPENDED_AT, EVENT, canonical, records
from txwatch.events import CURRENCIES, FIELDS, Transaction
from txwatch.settings import SERVICES_DIR, load_settings
from txwatch.stream import reading
from txwatch.stream.decoding import Decoder
from txwatch.stream.inspection import Inspector, Rejection
from txwatch.stream.reading import reader_for
from txwatch.stream.rules import load_ruleset
from txwatch.stream.scorer import Scorer
from txwatch.stream.sink import ScoredBatch

TOLERANCE = 300.0


def mutated(raw: bytes, rng: random.Random) -> bytes:
    """Change, drop or insert a few bytes, or swap a token for a hostile one."""
    swaps: list[tuple[bytes, bytes]] = [
        (b'"amount":', b'"amount":-'),
        (b'"amount":', b'"amount":0'),
        (b'"amount":', b'"amount":99'),
        (b'"device_id":"', b'"device_id":"' + b"a" * 60),
        (b"Z", b""),
        (b"2026-", b"2026-02-30"),
        (b"true", b"1"),
        (b"false", b"False"),
        (b'"country"', b'"country":"AT","country"'),
        (b",", b", "),
        (b"}", b',"memo":1}'),
        (b'"latitude":', b'"latitude":-'),
        (b":", b"\n:"),
    ]
    if rng.random() < 0.5:
        return raw.replace(*rng.choice(swaps), 1)
    position = rng.randrange(len(raw))
    replacement = bytes(rng.choices(b'0123456789.,:"{}Z-+eE \\aAfF', k=rng.randrange(3)))
    return raw[:position] + replacement + raw[position + rng.randrange(3) :]


def read(values: Sequence[bytes | None]) -> dict[int, dict[str, Any]]:
    """The events that were read, by the position of the record; the others have to be undecided."""
    decoded = Decoder(CURRENCIES, TOLERANCE).decode(records(values))
    events = {row["offset"]: row for row in decoded.events.to_pylist()}
    left = {row["offset"]: row["value"] for row in decoded.undecided.to_pylist()}
    assert events.keys() | left.keys() == set(range(len(values)))
    assert not events.keys() & left.keys()
    assert all(values[offset] == value for offset, value in left.items())
    return events


def score(batch: pa.Table) -> ScoredBatch:
    def no_spark() -> Any:
        raise AssertionError("the default rules need no Spark")

    scorer = Scorer(load_settings(), load_ruleset(SERVICES_DIR / "rules" / "default.yaml"), no_spark)
    return scorer.batch(0, batch)


def assert_same(row: dict[str, Any], written: bytes | Rejection) -> None:
    """What was read is what the inspection has written of the same record, value for value."""
    assert isinstance(written, bytes), written
    document = json.loads(written, parse_float=Decimal, parse_int=Decimal)
    assert row["amount"] == document.pop("amount")
    assert row["occurred_at"] == datetime.fromisoformat(document.pop("occurred_at"))
    for name in ("latitude", "longitude"):
        assert row[name] == float(document.pop(name)), name
    for name in ("transaction_id", "customer_id", "merchant_id"):
        assert row[name] == UUID(document.pop(name)).bytes, name
    assert {name: row[name] for name in document} == document


@pytest.fixture(scope="module")
def inspector() -> Inspector:
    return Inspector(CURRENCIES, timedelta(seconds=TOLERANCE))


def test_canonical_events_are_read_exactly() -> None:
    values = [canonical(number, random.Random(number)) for number in range(2_000)]

    events = read(values)

    for offset, raw in enumerate(values):
        row = events[offset]
        document = json.loads(raw, parse_float=Decimal)
        model = Transaction.model_validate(document)
        assert row["amount"] == model.amount
        assert row["occurred_at"] == model.occurred_at
        assert (row["latitude"], row["longitude"]) == (model.latitude, model.longitude)
        for name in ("transaction_id", "customer_id", "merchant_id"):
            assert row[name] == UUID(document[name]).bytes, name
        for name in ("currency", "country", "is_foreign", "device_id", "payment_method"):
            assert row[name] == document[name], name


def test_the_fast_path_accepts_nothing_that_the_inspection_rejects(inspector: Inspector) -> None:
    rng = random.Random(7)
    values = [mutated(canonical(number, rng), rng) for number in range(6_000)]

    accepted = read(values)

    assert 0 < len(accepted) < len(values)
    for offset, row in accepted.items():
        assert_same(row, inspector.inspect(values[offset], APPENDED_AT))


def test_the_fast_path_reads_whatever_the_inspection_writes(inspector: Inspector) -> None:
    rng = random.Random(11)
    loose = [
        json.dumps(json.loads(canonical(number, rng)), indent=rng.choice([None, 2])).encode()
        for number in range(500)
    ]
    extreme = [
        EVENT % (1, "1e2", "EUR", "2026-01-01T00:00:00.123456Z", "1e-7", "-1e300", "AT", "true", "d", "chip"),
        EVENT % (2, "0.1", "JPY", "2000-01-01T00:00:00Z", "-0.0", "5E2", "AT", "true", "d", "chip"),
    ]
    written = [inspector.inspect(raw, APPENDED_AT) for raw in [*loose, *map(str.encode, extreme)]]

    assert all(isinstance(raw, bytes) for raw in written)
    events = read([raw for raw in written if isinstance(raw, bytes)])
    assert len(events) == len(written)
    for offset, raw in enumerate(written):
        assert_same(events[offset], raw)


def with_field(name: str, token: str) -> bytes:
    """An event in canonical form but for one field's token."""
    number = FIELDS.index(name)
    tokens = ["1.00", "EUR", "2026-01-01T00:00:00.000Z", "1", "1", "AT", "true", "d", "chip"]
    event = EVENT % (1, *tokens)
    before, after = (
        (event.index(f'"{one}":') for one in FIELDS[number : number + 2]) if number < 11 else (0, 0)
    )
    assert after, "the last field is not changed"
    return f'{event[:before]}"{name}":{token},{event[after:]}'.encode()


DATES = ["2026-02-28", "2026-02-29", "2024-02-29", "2000-02-29", "2026-04-31", "2026-13-01", "2026-00-10"]
TOKENS: dict[str, list[str]] = {
    "transaction_id": [f'"{UUID(int=2**127)}"', f'"{UUID(int=2**127 + 10)}"'.upper(), f'"{UUID(int=5).hex}"'],
    "amount": [
        "0.01",
        "0.00",
        "99999999.99",
        "100000000.00",
        "01.00",
        "1.0",
        "1",
        "1.000",
        "-1.00",
        "1e2",
        "",
    ],
    "currency": ['"EUR"', '"eur"', '"XXX"', '"EURO"', "EUR", "null"],
    "occurred_at": [
        *(f'"{date}T12:00:00.000Z"' for date in DATES),
        *(
            f'"2026-01-01T{time}Z"'
            for time in ("23:59:59.999999", "24:00:00.000", "00:00:60.000", "00:00:00.00")
        ),
        *(f'"{year}-01-01T00:00:00.000Z"' for year in ("0000", "1999", "2000", "2027", "9999")),
        '"2026-01-01T00:00:00.000"',
        '"2026-03-01T12:05:00.000Z"',
        '"2026-03-01T12:05:00.001Z"',
    ],
    "latitude": [
        "-0",
        "90",
        "0.5",
        ".5",
        "1.",
        "01",
        "--1",
        "1" * 309,
        "9" * 310,
        "1e5",
        "NaN",
        "0." + "3" * 400,
    ],
    "is_foreign": ["true", "false", "True", "1", '"true"'],
    "device_id": ['"d"', '""', f'"{"d" * 64}"', f'"{"d" * 65}"', '"a b"', '"\u00e9"', '"a\\u0062"', '"\x00"'],
}


READ_AT_ONCE = {
    "transaction_id": TOKENS["transaction_id"][:1],
    "amount": ["0.01", "99999999.99"],
    "currency": ['"EUR"'],
    "occurred_at": [
        *('"2026-02-28T12:00:00.000Z"', '"2024-02-29T12:00:00.000Z"', '"2000-02-29T12:00:00.000Z"'),
        *('"2026-01-01T23:59:59.999999Z"', '"2000-01-01T00:00:00.000Z"', '"2026-03-01T12:05:00.000Z"'),
    ],
    "latitude": ["-0", "90", "0.5", "1" * 309, "0." + "3" * 400],
    "is_foreign": ["true", "false"],
    "device_id": ['"d"', f'"{"d" * 64}"'],
}


@pytest.mark.parametrize(("name", "token"), [(name, token) for name in TOKENS for token in TOKENS[name]])
def test_what_is_read_at_once_is_what_the_inspection_leaves_as_it_is(
    name: str, token: str, inspector: Inspector
) -> None:
    raw = with_field(name, token)
    verdict = inspector.inspect(raw, APPENDED_AT)

    events = read([raw])

    assert bool(events) == (token in READ_AT_ONCE[name])
    if events:
        assert_same(events[0], verdict)
    if isinstance(verdict, bytes):
        assert_same(read([verdict])[0], verdict)


def test_parts_chunks_and_slices_are_read_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(13)
    values: list[bytes | None] = [canonical(number, rng) for number in range(60)]
    values[3::7] = [None] * len(values[3::7])
    values[5::11] = [b"{"] * len(values[5::11])
    table = records(values)
    reader = reader_for(load_settings(), load_ruleset(SERVICES_DIR / "rules" / "default.yaml"))
    whole = reader.read(table)
    assert (whole.events.num_rows, whole.undecided.num_rows) == (47, 13)

    monkeypatch.setattr(reading, "_PART_ROWS", 3)
    chunked = pa.concat_tables([table.slice(0, 10), table.slice(10, 0), table.slice(10, 25), table.slice(35)])
    for laid_out in (table, chunked):
        again = reader.read(laid_out)
        assert again.events.equals(whole.events)
        assert again.undecided.equals(whole.undecided)
    after = reader.read(table.slice(7)).events
    assert after.equals(whole.events.filter(pc.greater_equal(whole.events["offset"], 7)))
    assert reader.read(table.slice(0, 0)).events.num_rows == 0


@given(
    st.lists(st.one_of(st.none(), st.binary(max_size=60), st.text('{},:"\n1a', max_size=60).map(str.encode)))
)
@example([b"," * 70_000, b",,,,,,,,,,,", b"\xff,,,,,,,,,,,", b"", None])
def test_nothing_else_is_read_or_fails(values: list[bytes | None]) -> None:
    good = canonical(0, random.Random(1))

    assert list(read([*values, good])) == [len(values)]
    assert read(values) == {}


def test_good_bad_and_loosely_written_records_are_told_apart() -> None:
    rng = random.Random(3)
    good = canonical(1, rng)
    loose = json.dumps(json.loads(canonical(2, rng)), indent=1).encode()
    values = [good, b"{", loose, None, good.replace(b'"amount":', b'"amount":-')]

    batch = score(records(values, partition=3, first=10))

    assert [(span.start, span.end) for span in batch.ranges] == [(10, 15)]
    assert batch.rows_in == 5
    assert [key.hex()[-2:] for key in batch.facts["transaction_id"].to_pylist()] == ["01", "02"]
    held = {row["kafka_offset"]: (row["reason"], row["raw"]) for row in batch.quarantine.to_pylist()}
    assert held == {
        11: ("not_json", b"{"),
        13: ("tombstone", None),
        14: ("amount_negative", values[4]),
    }


@pytest.mark.parametrize(
    ("change", "fired"),
    [
        ({}, []),
        ({"amount": "920.00"}, []),
        ({"amount": "920.01"}, ["amount_over_threshold"]),
        ({"is_foreign": "true"}, ["foreign_transaction"]),
        ({"latitude": "90.0"}, []),
        ({"latitude": "90.000001"}, ["invalid_geolocation"]),
        ({"longitude": "-180.5"}, ["invalid_geolocation"]),
        (
            {"amount": "99999.00", "longitude": "181", "is_foreign": "true"},
            ["amount_over_threshold", "foreign_transaction", "invalid_geolocation"],
        ),
    ],
)
def test_the_default_rules_fire_as_they_say(change: dict[str, str], fired: list[str]) -> None:
    values = {"amount": "10.00", "latitude": "48.2", "longitude": "16.4", "is_foreign": "false", **change}
    raw = EVENT % (
        1,
        values["amount"],
        "EUR",
        "2026-01-01T00:00:00.000Z",
        values["latitude"],
        values["longitude"],
        "AT",
        values["is_foreign"],
        "d",
        "chip",
    )

    batch = score(records([raw.encode()]))

    assert batch.facts["rules"].to_pylist() == [fired]
    assert batch.facts["is_fraud"].to_pylist() == [bool(fired)]
