"""The fast reading of raw records: what is in canonical form becomes columns in one Catalyst pass.

A record counts as canonical only where one regular expression describes all of it, byte for byte. What it
describes is JSON of the right types in a known order, in which a comma stands between two fields and nowhere
else: it is split there, and each field is cut out and cast. Everything else goes to `inspection`.
(`from_json` costs more, and takes "12.30" for a number, unknown keys and repeated ones.)
"""

import string
from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from txwatch.events import (
    COUNTRIES,
    DEVICE_ID_MAX,
    FIELDS,
    MAX_EVENT_BYTES,
    OCCURRED_AT_MIN,
    SPARK_TYPES,
    PaymentMethod,
)

# java.util.regex looks up in a table what is listed letter by letter, and compares ranges one by one.
_DIGIT = f"[{string.digits}]"
_HEX = f"[{string.digits}abcdef]"
_UUID = '"' + "-".join(f"{_HEX}{{{length}}}" for length in (8, 4, 4, 4, 12)) + '"'
_DEGREES = rf"-?(?:0|[123456789]{_DIGIT}*)(?:\.{_DIGIT}+)?"
_DEVICE_ID = f'"[{string.ascii_letters}{string.digits}._:-]+"'  # its length is checked with the values
_DATE = f"{_DIGIT}{{4}}-{_DIGIT}{{2}}-{_DIGIT}{{2}}"
_TIME = rf"{_DIGIT}{{2}}:{_DIGIT}{{2}}:{_DIGIT}{{2}}\.{_DIGIT}{{3,6}}"


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
    is_canonical = (F.octet_length("value") <= MAX_EVENT_BYTES) & text.rlike(_canonical_pattern(currencies))
    fields = F.when(is_canonical, F.split(text, ","))
    return (
        records.select(
            "topic",
            "partition",
            "offset",
            F.col("timestamp").alias("appended_at"),
            "key",
            "value",
            fields.alias("fields"),
        )
        .select("*", *(_read(name, position) for position, name in enumerate(FIELDS)))
        .drop("fields")
        .withColumn("is_valid", _is_valid(future_tolerance_seconds))
    )


def _canonical_pattern(currencies: frozenset[str]) -> str:
    """Describe a whole canonical record, as java.util.regex reads it."""
    tokens = {
        "transaction_id": _UUID,
        "customer_id": _UUID,
        "merchant_id": _UUID,
        "amount": rf"(?:0|[123456789]{_DIGIT}{{0,7}})\.{_DIGIT}{{2}}",
        "currency": f'"{_one_of(currencies)}"',
        "occurred_at": f'"{_DATE}T{_TIME}Z"',
        "latitude": _DEGREES,
        "longitude": _DEGREES,
        "country": f'"{_one_of(COUNTRIES)}"',
        "is_foreign": "(?:true|false)",
        "device_id": _DEVICE_ID,
        "payment_method": f'"{_one_of(PaymentMethod)}"',
    }
    return r"\A\{" + ",".join(f'"{name}":{tokens[name]}' for name in FIELDS) + r"\}\z"


def _one_of(words: Iterable[str]) -> str:
    """Describe words letter by letter, so that none is compared with all; none may be another's beginning."""
    endings: dict[str, set[str]] = {}
    for word in sorted(words):
        endings.setdefault(word[:1], set()).add(word[1:])
    if all(rest == {""} for rest in endings.values()):
        return f"[{''.join(endings)}]"
    ways = [first + _one_of(rest) for first, rest in endings.items()]
    return f"(?:{'|'.join(ways)})" if len(ways) > 1 else ways[0]


def _read(name: str, position: int) -> Column:
    """Cut a field's value out of its piece of the record and give it its type.

    Bytes are cut and not characters, which all are ASCII here: those would be counted one by one.
    """
    text = F.get("fields", F.lit(position))
    piece = text.cast("binary")
    before = len(f'"{name}":') + (position == 0)  # the first piece begins with the brace
    match SPARK_TYPES.get(name, "string"):
        case "boolean":
            value = text == f'"{name}":true'
        case "string":
            value = _cut(piece, before + 1, 1 + (position == len(FIELDS) - 1))  # the last one ends with it
        case "timestamp":
            # Without its Z, which Spark would look up as a time zone's name: the session's zone is UTC.
            value = _cut(piece, before + 1, 2).cast("timestamp")
        case kind:
            value = _cut(piece, before, 0).cast(kind)
    return value.alias(name)


def _cut(piece: Column, before: int, after: int) -> Column:
    """Leave out so many bytes before a value and after it."""
    return F.substring(piece, F.lit(before + 1), F.octet_length(piece) - (before + after)).cast("string")


def _is_valid(future_tolerance_seconds: float) -> Column:
    latest = F.col("appended_at") + F.expr(f"interval {future_tolerance_seconds} seconds")
    is_timely = F.col("occurred_at").between(F.lit(OCCURRED_AT_MIN), latest)
    is_finite = (F.abs("latitude") < float("inf")) & (F.abs("longitude") < float("inf"))
    is_short = F.octet_length("device_id") <= DEVICE_ID_MAX
    return F.coalesce((F.col("amount") > 0) & is_timely & is_finite & is_short, F.lit(False))
