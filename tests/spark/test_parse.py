"""The fast path and the inspection must say the same of every record."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from txwatch.events import COUNTRIES, CURRENCIES, FIELDS, PaymentMethod, Transaction
from txwatch.settings import SERVICES_DIR, load_settings
from txwatch.stream.inspection import Inspector
from txwatch.stream.parse import parse
from txwatch.stream.rules import load_ruleset
from txwatch.stream.scorer import Scorer
from txwatch.stream.sink import ScoredBatch

APPENDED_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SCHEMA = "topic string, partition int, offset bigint, timestamp timestamp, key binary, value binary"
TOLERANCE = 300.0
EVENT = (
    '{"transaction_id":"019ca8f0-0000-7000-8000-%012x","customer_id":"7d444840-9dc0-41d1-b245-5ffdce74fad2",'
    '"merchant_id":"0e37df36-f698-41e6-8d75-9d28f9f7b6f1","amount":%s,"currency":"%s","occurred_at":"%s",'
    '"latitude":%s,"longitude":%s,"country":"%s","is_foreign":%s,"device_id":"%s","payment_method":"%s"}'
)


def canonical(number: int, rng: random.Random) -> bytes:
    """One event in canonical form with values from the whole range of each field."""
    occurred_at = APPENDED_AT - timedelta(milliseconds=rng.randrange(10**11))
    return (
        EVENT
        % (
            number,
            f"{rng.randrange(1, 10 ** rng.randrange(2, 10)) / 100:.2f}",
            rng.choice(sorted(CURRENCIES)),
            occurred_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            f"{rng.uniform(-200, 200):.{rng.randrange(7)}f}",
            f"{rng.uniform(-400, 400):.{rng.randrange(7)}f}",
            rng.choice(sorted(COUNTRIES)),
            rng.choice(["true", "false"]),
            "".join(rng.choices("abcXYZ019._:-", k=rng.randrange(1, 65))),
            rng.choice(list(PaymentMethod)),
        )
    ).encode()


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


def read(spark: SparkSession, values: Sequence[bytes | None]) -> list[dict[str, Any]]:
    rows = [("t", 0, offset, APPENDED_AT, b"k", value) for offset, value in enumerate(values)]
    parsed = parse(spark.createDataFrame(rows, SCHEMA), CURRENCIES, TOLERANCE)
    events: list[dict[str, Any]] = parsed.toArrow().to_pylist()
    return sorted(events, key=lambda row: row["offset"])


def score(spark: SparkSession, rows: list[tuple[object, ...]]) -> ScoredBatch:
    scorer = Scorer(spark, load_settings(), load_ruleset(SERVICES_DIR / "rules" / "default.yaml"))
    return scorer.batch(0, scorer.score(spark.createDataFrame(rows, SCHEMA)).toArrow())


@pytest.fixture(scope="module")
def inspector() -> Inspector:
    return Inspector(CURRENCIES, timedelta(seconds=TOLERANCE))


def test_canonical_events_are_read_exactly(spark: SparkSession) -> None:
    values = [canonical(number, random.Random(number)) for number in range(2_000)]

    for raw, row in zip(values, read(spark, values), strict=True):
        assert row["is_valid"], raw
        document = json.loads(raw, parse_float=Decimal)
        model = Transaction.model_validate(document)
        assert row["amount"] == model.amount
        assert row["occurred_at"] == model.occurred_at
        assert (row["latitude"], row["longitude"]) == (model.latitude, model.longitude)
        for name in set(FIELDS) - {"amount", "occurred_at", "latitude", "longitude"}:
            assert row[name] == document[name], name


def test_the_fast_path_accepts_nothing_that_the_inspection_rejects(
    spark: SparkSession, inspector: Inspector
) -> None:
    rng = random.Random(7)
    values = [mutated(canonical(number, rng), rng) for number in range(6_000)]

    rows = read(spark, values)

    accepted = [row for row in rows if row["is_valid"]]
    assert 0 < len(accepted) < len(values)
    for row in accepted:
        assert isinstance(inspector.inspect(values[row["offset"]], APPENDED_AT), bytes), values[row["offset"]]


def test_the_fast_path_reads_whatever_the_inspection_writes(
    spark: SparkSession, inspector: Inspector
) -> None:
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
    assert all(row["is_valid"] for row in read(spark, [raw for raw in written if isinstance(raw, bytes)]))


def test_good_bad_and_loosely_written_records_are_told_apart(spark: SparkSession) -> None:
    rng = random.Random(3)
    good = canonical(1, rng)
    loose = json.dumps(json.loads(canonical(2, rng)), indent=1).encode()
    values = [good, b"{", loose, None, good.replace(b'"amount":', b'"amount":-')]
    rows = [("t", 3, 10 + index, APPENDED_AT, b"key", value) for index, value in enumerate(values)]

    batch = score(spark, rows)

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
def test_the_default_rules_fire_as_they_say(
    spark: SparkSession, change: dict[str, str], fired: list[str]
) -> None:
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

    batch = score(spark, [("t", 0, 0, APPENDED_AT, b"k", raw.encode())])

    assert batch.facts["rules"].to_pylist() == [fired]
    assert batch.facts["is_fraud"].to_pylist() == [bool(fired)]
