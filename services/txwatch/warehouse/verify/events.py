"""Reads money out of raw records, sharing no code with the stream: pyarrow's JSON reader on the raw bytes."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as pa_json

_WIRE = pa.schema(
    [
        ("transaction_id", pa.string()),
        ("amount", pa.decimal128(12, 2)),
        ("currency", pa.string()),
        ("occurred_at", pa.string()),
    ]
)
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Events:
    """What was read of the records, all columns of the same length."""

    table: pa.Table
    """id_high, id_low (uint64, the halves of transaction_id), cents (int64), currency, day (date32)."""
    is_event: npt.NDArray[np.bool_]
    """Per record given, whether it could be read and so has its row in `table`."""


def read_events(values: pa.ChunkedArray) -> Events:
    """Read the records that are transactions.

    Args:
        values: the raw JSON of each record, binary.
    """
    try:
        return Events(_read_together(values), np.ones(len(values), np.bool_))
    except pa.ArrowInvalid:
        return _read_one_by_one(values)


def _read_together(values: pa.ChunkedArray) -> pa.Table:
    """Read all records in one go; raises `ArrowInvalid` when any of them is no transaction."""
    if values.null_count:
        raise pa.ArrowInvalid("a tombstone is no transaction")
    raw = pa.py_buffer(b"\n".join(values.to_pylist()))
    fields = pa_json.read_json(
        pa.BufferReader(raw),
        # One block: a record never straddles two, however long it is.
        read_options=pa_json.ReadOptions(use_threads=False, block_size=raw.size + 1),
        parse_options=pa_json.ParseOptions(
            explicit_schema=_WIRE, unexpected_field_behavior="ignore", newlines_in_values=True
        ),
    ).combine_chunks()
    if fields.num_rows != len(values) or any(column.null_count for column in fields.columns):
        raise pa.ArrowInvalid("a record is not one whole transaction")
    ids = _halves("".join(fields["transaction_id"].to_pylist()), fields.num_rows)
    moments = pc.cast(fields["occurred_at"], pa.timestamp("us", "UTC"))
    cents = pc.cast(pc.multiply(fields["amount"], pa.scalar(100, pa.decimal128(3, 0))), pa.int64())
    return _table(ids, cents, fields["currency"], pc.cast(moments, pa.date32()))


def _read_one_by_one(values: pa.ChunkedArray) -> Events:
    rows = [_read_one(value) for value in values.to_pylist()]
    readable = [row for row in rows if row is not None]
    ids, cents, currencies, days = zip(*readable, strict=True) if readable else ((), (), (), ())
    table = _table(
        _halves("".join(ids), len(readable)),
        pa.array(cents, pa.int64()),
        pa.array(currencies, pa.string()),
        pa.array(days, pa.date32()),
    )
    return Events(table, np.array([row is not None for row in rows], np.bool_))


def _read_one(value: bytes | None) -> tuple[Any, ...] | None:
    """Read one record; `None` when it is no transaction."""
    try:
        event = json.loads(value or b"", parse_float=Decimal, parse_int=Decimal)
        amount: Decimal = event["amount"]
        moment = datetime.fromisoformat(event["occurred_at"])
        if amount != amount.quantize(_CENT) or moment.tzinfo is None:
            return None
        identity = UUID(event["transaction_id"]).hex
        return identity, int(amount * 100), str(event["currency"]), moment.astimezone(UTC).date()
    except (ValueError, KeyError, TypeError, ArithmeticError, AttributeError):
        return None


def _halves(ids: str, count: int) -> npt.NDArray[np.uint64]:
    """Split UUIDs, written one after the other, into their high and low 64 bits."""
    try:
        raw = bytes.fromhex(ids.replace("-", ""))
    except ValueError as error:
        raise pa.ArrowInvalid("a transaction_id is no UUID") from error
    if len(raw) != 16 * count:
        raise pa.ArrowInvalid("a transaction_id is no UUID")
    return np.frombuffer(raw, ">u8").astype(np.uint64).reshape(count, 2)


def _table(ids: npt.NDArray[np.uint64], cents: Any, currency: Any, day: Any) -> pa.Table:
    return pa.table(
        {
            "id_high": np.ascontiguousarray(ids[:, 0]),
            "id_low": np.ascontiguousarray(ids[:, 1]),
            "cents": cents,
            "currency": currency,
            "day": day,
        }
    )
