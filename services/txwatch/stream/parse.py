"""The fast reading of raw records: what is in canonical form becomes columns in one Catalyst pass.

`from_json` alone is lenient (it takes "12.30" for a number, ignores unknown and repeated keys), so a record
counts as canonical only where one regular expression describes all of it, byte for byte; what it describes is
JSON of the right types, and `from_json` then reads it exactly. Everything else goes to `inspection`.
"""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from txwatch.events import COUNTRIES, FIELDS, OCCURRED_AT_MIN, SPARK_SCHEMA, PaymentMethod

_UUID = '"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"'
_DEGREES = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
_TOKENS = {
    "transaction_id": _UUID,
    "customer_id": _UUID,
    "merchant_id": _UUID,
    "amount": r"(?:0|[1-9][0-9]{0,7})\.[0-9]{2}",
    "currency": '"[A-Z]{3}"',
    "occurred_at": r'"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3,6}Z"',
    "latitude": _DEGREES,
    "longitude": _DEGREES,
    "country": '"[A-Z]{2}"',
    "is_foreign": "(?:true|false)",
    "device_id": '"[A-Za-z0-9._:-]{1,64}"',
    "payment_method": '"[a-z]{1,16}"',
}
CANONICAL = r"\A\{" + ",".join(f'"{name}":{_TOKENS[name]}' for name in FIELDS) + r"\}\z"
"""A whole canonical record, as java.util.regex reads it."""


def parse(records: DataFrame, currencies: frozenset[str], future_tolerance_seconds: float) -> DataFrame:
    """Read Kafka records into the event's columns.

    Args:
        records: columns of Spark's Kafka source: key, value, topic, partition, offset, timestamp.
        currencies: accepted ISO 4217 codes.
        future_tolerance_seconds: how far after its append time an event may claim to have happened.

    Returns:
        topic, partition, offset, appended_at, key, value, is_valid and the event's columns. Where `is_valid`
        is false the event's columns mean nothing and the record is still to be inspected.
    """
    text = F.col("value").cast("string")
    event = F.when(text.rlike(CANONICAL), F.from_json(text, SPARK_SCHEMA))
    return (
        records.select(
            "topic",
            "partition",
            "offset",
            F.col("timestamp").alias("appended_at"),
            "key",
            "value",
            event.alias("event"),
        )
        .select("*", "event.*")
        .drop("event")
        .withColumn("is_valid", _is_valid(currencies, future_tolerance_seconds))
    )


def _is_valid(currencies: frozenset[str], future_tolerance_seconds: float) -> Column:
    latest = F.col("appended_at") + F.expr(f"interval {future_tolerance_seconds} seconds")
    is_timely = F.col("occurred_at").between(F.lit(OCCURRED_AT_MIN), latest)
    is_known = (
        _is_one_of("currency", currencies)
        & _is_one_of("country", COUNTRIES)
        & _is_one_of("payment_method", PaymentMethod)
    )
    is_finite = (F.abs("latitude") < float("inf")) & (F.abs("longitude") < float("inf"))
    return F.coalesce((F.col("amount") > 0) & is_timely & is_known & is_finite, F.lit(False))


def _is_one_of(name: str, words: Iterable[str]) -> Column:
    """Look a word up in one text: an `isin` of hundreds of literals is slow to plan, every batch anew.

    `contains` compares bytes; `instr` would count characters, for a fifth of the processor time of all.
    """
    known = "," + ",".join(sorted(words)) + ","
    return F.contains(F.lit(known), F.concat(F.lit(","), name, F.lit(",")))
