"""Writes docs/events.md from the event contract.

usage: document-events.py [--check]     --check writes nothing and fails when the page is out of date
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from txwatch.events import (
    AMOUNT_MAX,
    MAX_EVENT_BYTES,
    OCCURRED_AT_MIN,
    SPARK_SCHEMA,
    FraudLabel,
    PaymentMethod,
    QuarantineReason,
    Transaction,
    canonical_json,
    format_time,
)

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "events.md"

EXAMPLE = Transaction.model_validate(
    {
        "transaction_id": "01941f34-372a-7e40-8f79-49c91aa85d6c",
        "customer_id": "cc5fd14a-0012-8ec9-833e-c1f4236f895c",
        "merchant_id": "3475b1bf-3bb7-85f9-a06d-2de2c3cfc50e",
        "amount": Decimal("12.30"),
        "currency": "CAD",
        "occurred_at": datetime(2025, 1, 1, 0, 11, 43, 274_000, UTC),
        "latitude": 43.68886,
        "longitude": -79.37701,
        "country": "CA",
        "is_foreign": False,
        "device_id": "card-dfa2d08643e5",
        "payment_method": "chip",
    }
)
LABEL = FraudLabel.model_validate(
    {
        "transaction_id": EXAMPLE.transaction_id,
        "is_fraud": True,
        "scenario": "stolen_card",
        "known_at": datetime(2025, 1, 5, 1, 18, 12, 154_000, UTC),
    }
)

MEANINGS: dict[QuarantineReason, str] = {
    QuarantineReason.TOMBSTONE: "the record has no value",
    QuarantineReason.EMPTY: "the value has no bytes, or white space only",
    QuarantineReason.OVERSIZED: f"the value has more than {MAX_EVENT_BYTES:,} bytes",
    QuarantineReason.NOT_UTF8: "the value is not UTF-8",
    QuarantineReason.NOT_JSON: "the value is not JSON",
    QuarantineReason.NOT_AN_OBJECT: "the value is JSON, but no object",
    QuarantineReason.DUPLICATE_KEY: "a field stands there twice; nothing says which one is meant",
    QuarantineReason.MISSING_FIELD: "a field is not there",
    QuarantineReason.NULL_FIELD: "a field is null",
    QuarantineReason.UNKNOWN_FIELD: "there is a field that the contract does not know",
    QuarantineReason.WRONG_TYPE: "a field is of another JSON type, for example an amount in quotes",
    QuarantineReason.BAD_UUID: "an id is not a UUID in its 36-character form",
    QuarantineReason.AMOUNT_NOT_FINITE: "the amount is NaN or infinite",
    QuarantineReason.AMOUNT_NEGATIVE: "the amount is below zero",
    QuarantineReason.AMOUNT_ZERO: "the amount is zero",
    QuarantineReason.AMOUNT_PLACES: "the amount has more than two decimal places",
    QuarantineReason.AMOUNT_ABSURD: f"the amount is above {AMOUNT_MAX:,}",
    QuarantineReason.UNKNOWN_CURRENCY: "the currency is not among the accepted ones (`TXWATCH_CURRENCIES`)",
    QuarantineReason.BAD_TIME: "the time is not RFC 3339, or no such moment exists",
    QuarantineReason.NO_TIME_ZONE: "the time has no zone",
    QuarantineReason.TOO_FAR_IN_FUTURE: (
        "it claims to have happened over `TXWATCH_FUTURE_TOLERANCE_SECONDS` after Kafka had it"
    ),
    QuarantineReason.TOO_OLD: f"it claims to have happened before {OCCURRED_AT_MIN:%Y-%m-%d}",
    QuarantineReason.UNKNOWN_COUNTRY: "the country is not of ISO 3166-1 alpha-2",
    QuarantineReason.BAD_DEVICE_ID: "the device id has characters that are not allowed, or too many",
    QuarantineReason.UNKNOWN_PAYMENT_METHOD: "the payment method is none of the known ones",
    QuarantineReason.UNREADABLE: "all checks passed, yet Spark could not read it: a fault of ours",
}


def transaction_fields() -> Iterator[str]:
    """Yield the rows of the table of a transaction's fields."""
    spark_types = dict(column.split(" ") for column in SPARK_SCHEMA.split(", "))
    yield "| field | JSON | Spark | meaning |\n| --- | --- | --- | --- |"
    for name, field in Transaction.model_fields.items():
        yield f"| `{name}` | {json_type(Transaction, name)} | `{spark_types[name]}` | {field.description} |"


def label_fields() -> Iterator[str]:
    """Yield the rows of the table of a label's fields."""
    yield "| field | JSON | meaning |\n| --- | --- | --- |"
    for name, field in FraudLabel.model_fields.items():
        meaning = field.description or {"transaction_id": "of the transaction", "is_fraud": "the truth"}[name]
        yield f"| `{name}` | {json_type(FraudLabel, name)} | {meaning} |"


def json_type(model: type[BaseModel], name: str) -> str:
    """Return the JSON type of a field as it is written: money is a number, not pydantic's text."""
    if name == "amount":
        return "number"
    schema = model.model_json_schema(mode="serialization")["properties"][name]
    types = [each.get("type", "string") for each in schema.get("anyOf", [schema])]
    return " or ".join(types)


def page() -> str:
    """Return the whole page."""
    reasons = "\n".join(f"1. `{reason}`: {MEANINGS[reason]}" for reason in QuarantineReason)
    fields, label = "\n".join(transaction_fields()), "\n".join(label_fields())
    methods = ", ".join(f"`{method}`" for method in PaymentMethod)
    return f"""# Events

Written by `make docs` from `services/txwatch/events.py`; change that, not this.

## Transactions

One JSON object (RFC 8259, UTF-8) per Kafka record of the topic `transactions`. The record's key is
`customer_id` as text, and its partition the one that the Java client computes from the key, so all
transactions of a customer stand in one partition, in order.

{fields}

Payment methods: {methods}.

An impossible position (latitude outside [-90, 90], longitude outside [-180, 180]) is no fault of form but a
sign of fraud: it is scored. Times before {format_time(OCCURRED_AT_MIN)} and amounts above
{AMOUNT_MAX:,} are refused.

Our producers write the canonical form: fields in the order above, no white space, two decimal places of the
amount, milliseconds and `Z` in times, one to six decimals of degrees and no exponent. Other forms of the same
values are read as well, more slowly.

```json
{canonical_json(EXAMPLE).decode()}
```

## Labels

Ground truth on one transaction per Kafka record of the topic `fraud.labels`, keyed by `transaction_id`.

{label}

```json
{LABEL.model_dump_json()}
```

Only fraud is labelled, as only fraud is charged back: a transaction without a label was honest, once its
label would have been known. `txwatch generate` makes labels known 1 to 30 days after their transaction,
`txwatch replay` 7 days; they are published when event time has passed that moment, and those that are left
when the run ends. No label is sent for a made-up transaction whose record was malformed. Nothing that scores
reads this topic.

## Reasons for quarantine

In the order in which they are looked for; the first that applies is given.

{reasons}
"""


def main(check: bool) -> int:
    """Write the page, or say that it is out of date."""
    is_stale = not PAGE.exists() or PAGE.read_text() != page()
    if is_stale and check:
        print(f"{PAGE.relative_to(REPOSITORY)} is out of date: run `make docs`")
    elif is_stale:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page())
    return int(check and is_stale)


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
