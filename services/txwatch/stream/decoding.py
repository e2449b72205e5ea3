"""The fast reading of raw records: what is in canonical form becomes columns of Arrow, all rows at a time.

A record counts as canonical only where it is described byte for byte: JSON of the right types in a known
order, in which a comma stands between two fields and nowhere else. It is split there, and each piece is
checked as a whole, its name and its quotes included, before its value is taken out of it. Everything else
goes to `inspection`. (Arrow's own JSON reader takes white space, and numbers in any notation.)
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from txwatch.events import (
    COUNTRIES,
    DEVICE_ID_MAX,
    FIELDS,
    MAX_EVENT_BYTES,
    OCCURRED_AT_MIN,
    PaymentMethod,
)
from txwatch.stream.columns import UUID_LENGTH, parse_uuids

RECORD_SCHEMA = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("appended_at", pa.timestamp("us", "UTC")),
        ("key", pa.binary()),
        ("value", pa.binary()),
    ]
)
"""The columns of a raw record."""

RECORD = RECORD_SCHEMA.names

UUIDS = ("transaction_id", "customer_id", "merchant_id")

EVENT_SCHEMA = pa.schema(
    [
        *((name, pa.binary(16)) for name in UUIDS),
        ("amount", pa.decimal128(12, 2)),
        ("currency", pa.string()),
        ("occurred_at", pa.timestamp("us", "UTC")),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("country", pa.string()),
        ("is_foreign", pa.bool_()),
        ("device_id", pa.string()),
        ("payment_method", pa.string()),
    ]
)
"""The event's columns, in the order of `FIELDS`; ids as 16 bytes."""

_ROW = "row"
_DEGREES = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
_AMOUNT = r"(?:0|[1-9][0-9]{0,7})\.[0-9]{2}"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DATE = (
    "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3,6}"

Reader = Callable[[pa.Table], pa.Table]
"""Takes the pieces of some records, one column for each field: leaves out the records whose piece is not
canonical, and puts the values of the others in its place."""


@dataclass(frozen=True)
class Decoded:
    """What became of a batch of raw records."""

    events: pa.Table
    """Of the valid ones: topic, partition, offset, appended_at and the columns of `EVENT_SCHEMA`."""
    undecided: pa.Table
    """The others, which are still to be inspected: columns of `RECORD`."""


@dataclass(frozen=True)
class Decoder:
    """Reads records in canonical form, under the settings that decide what is valid."""

    currencies: frozenset[str]
    future_tolerance_seconds: float

    def decode(self, records: pa.Table) -> Decoded:
        """Read what is canonical and valid, in the given order.

        Args:
            records: columns of `RECORD`; `appended_at` in microseconds.
        """
        pieces = _pieces(records["value"].combine_chunks())
        for read in _readers(self.currencies):
            pieces = read(pieces)
        appended_at = _at(records["appended_at"].cast(EVENT_SCHEMA.field("occurred_at").type), pieces[_ROW])
        tolerance = pa.scalar(round(self.future_tolerance_seconds * 1e6), pa.duration("us"))
        is_timely = pc.and_(
            pc.greater_equal(pieces["occurred_at"], pa.scalar(OCCURRED_AT_MIN, appended_at.type)),
            pc.less_equal(pieces["occurred_at"], pc.add(appended_at, tolerance)),
        )
        pieces = _keep(pieces, is_timely)
        places = _at(records.select(RECORD[:4]), pieces[_ROW])
        events = pa.table([*places.columns, *pieces.drop_columns([_ROW]).columns], [*RECORD[:4], *FIELDS])
        return Decoded(events, _others(records.select(RECORD), pieces[_ROW]))


@cache
def _readers(currencies: frozenset[str]) -> tuple[Reader, ...]:
    return (
        _uuid("transaction_id", opening=b"{"),
        _uuid("customer_id"),
        _uuid("merchant_id"),
        _number("amount", _AMOUNT, _is_positive),
        _word("currency", currencies),
        _text("occurred_at", f"{_DATE}T{_TIME}Z"),
        _number("latitude", _DEGREES, pc.is_finite),
        _number("longitude", _DEGREES, pc.is_finite),
        _word("country", COUNTRIES),
        _flag("is_foreign"),
        _text("device_id", f"[A-Za-z0-9._:-]{{1,{DEVICE_ID_MAX}}}"),
        _word("payment_method", PaymentMethod, closing=b"}"),
    )


def _pieces(values: pa.Array) -> pa.Table:
    """Split at the commas what may be canonical by its size and their number; `row` says where it was."""
    raw = pa.table({_ROW: pa.array(np.arange(len(values))), "value": values})
    raw = _keep(raw, pc.less_equal(pc.binary_length(values), MAX_EVENT_BYTES))
    # Not one piece more, whatever was sent.
    split = pc.split_pattern(raw["value"], b",", max_splits=len(FIELDS))
    whole = pa.table({_ROW: raw[_ROW], "split": split})
    whole = _keep(whole, pc.equal(pc.list_value_length(split), len(FIELDS)))
    flat = pc.list_flatten(whole["split"].combine_chunks())
    columns = {
        name: flat.take(pa.array(np.arange(position, len(flat), len(FIELDS))))
        for position, name in enumerate(FIELDS)
    }
    return pa.table({_ROW: whole[_ROW], **columns})


def _keep(table: pa.Table, mask: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Leave out the rows where the mask is false or null; hardly ever are there any."""
    return table if pc.all(mask, skip_nulls=False).as_py() else table.filter(mask).combine_chunks()


def _at(rows: pa.Table | pa.ChunkedArray, positions: pa.ChunkedArray) -> pa.Table | pa.ChunkedArray:
    return rows if len(rows) == len(positions) else rows.take(positions)


def _others(records: pa.Table, positions: pa.ChunkedArray) -> pa.Table:
    if len(positions) == records.num_rows:
        return records.slice(0, 0)
    is_other = np.ones(records.num_rows, dtype=bool)
    is_other[positions.to_numpy()] = False
    return records.filter(pa.array(is_other))


def _put(pieces: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    typed = values.cast(EVENT_SCHEMA.field(name).type)
    return pieces.set_column(pieces.schema.get_field_index(name), name, typed)


def _cut(pieces: pa.ChunkedArray, before: int, after: int) -> pa.ChunkedArray:
    """Leave out so many bytes before each value and after it."""
    if after == 0:  # a slice without an end is refused: it would make room for the longest there can be
        return pc.binary_replace_slice(pieces, 0, before, b"")
    return pc.binary_slice(pieces, before, -after)


def _matching(pieces: pa.Table, name: str, pattern: str) -> pa.Table:
    return _keep(pieces, pc.match_substring_regex(pieces[name], rf"\A{pattern}\z"))


def _uuid(name: str, opening: bytes = b"") -> Reader:
    before, after = opening + f'"{name}":"'.encode(), b'"'

    def read(pieces: pa.Table) -> pa.Table:
        size = len(before) + UUID_LENGTH + len(after)
        pieces = _keep(pieces, pc.equal(pc.binary_length(pieces[name]), size))
        pieces = _keep(pieces, pc.starts_with(pieces[name], before))
        pieces = _keep(pieces, pc.ends_with(pieces[name], after))
        ids, are_ids = parse_uuids(_cut(pieces[name], len(before), len(after)))
        return _keep(_put(pieces, name, ids), pa.array(are_ids))

    return read


def _text(name: str, pattern: str) -> Reader:
    before = f'"{name}":"'

    def read(pieces: pa.Table) -> pa.Table:
        pieces = _matching(pieces, name, f'{before}{pattern}"')
        return _put(pieces, name, _cut(pieces[name], len(before), 1).cast(pa.string()))

    return read


def _number(name: str, pattern: str, is_valid: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> Reader:
    before = f'"{name}":'

    def read(pieces: pa.Table) -> pa.Table:
        pieces = _matching(pieces, name, before + pattern)
        pieces = _put(pieces, name, _cut(pieces[name], len(before), 0).cast(pa.string()))
        return _keep(pieces, is_valid(pieces[name]))

    return read


def _is_positive(amounts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.greater(amounts, pa.scalar(0, amounts.type))


def _word(name: str, words: Iterable[str], closing: bytes = b"") -> Reader:
    accepted = sorted(words)
    return _lookup(name, {f'"{name}":"{word}"'.encode() + closing: word for word in accepted})


def _flag(name: str) -> Reader:
    return _lookup(name, {f'"{name}":true'.encode(): True, f'"{name}":false'.encode(): False})


def _lookup(name: str, meanings: dict[bytes, str] | dict[bytes, bool]) -> Reader:
    forms, values = pa.array(list(meanings), pa.binary()), pa.array(list(meanings.values()))

    def read(pieces: pa.Table) -> pa.Table:
        places = pc.index_in(pieces[name], forms)
        return _keep(_put(pieces, name, values.take(places.combine_chunks())), places.is_valid())

    return read
