"""Reading a file of outside transactions: the handbook's columns, checked, as plain columns of numbers."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from txwatch.errors import UsageError
from txwatch.events import AMOUNT_MAX, OCCURRED_AT_MIN, SENDABLE_BEFORE
from txwatch.world.choice import Floats, Indices

COLUMNS: dict[str, pa.DataType] = {
    "transaction_id": pa.int64(),
    "timestamp": pa.timestamp("s"),
    "customer_id": pa.int64(),
    "merchant_id": pa.int64(),
    "amount": pa.float64(),
    "latitude": pa.float64(),
    "longitude": pa.float64(),
    "customer_latitude": pa.float64(),
    "customer_longitude": pa.float64(),
    "is_fraud": pa.int8(),
}

_CENT_NOISE = 1e-6
"""How far from whole cents, in cents, an amount may lie: the publisher's amounts are binary floats."""
_CIRCLE = 360.0
_HEADER_LINES = 1


@dataclass(frozen=True)
class OutsideTransactions:
    """The rows of a file in order of time: columns of equal length, named as in the file."""

    transaction_id: Indices
    occurred_ms: Indices
    customer_id: Indices
    merchant_id: Indices
    cents: Indices
    latitude: Floats
    longitude: Floats
    customer_latitude: Floats
    customer_longitude: Floats
    is_fraud: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.transaction_id)


def read_handbook(path: Path, limit: int | None = None) -> OutsideTransactions:
    """Read the first `limit` rows (`None`: all) of a gzipped CSV file with the columns `COLUMNS`.

    Raises:
        UsageError: the file is not there, not gzip, not such a CSV, or a row cannot be a transaction; the
            sentence names the line and the column.
    """
    table = _read_table(path)
    table = table if limit is None else table.slice(0, limit)
    columns = {name: table.column(name) for name in COLUMNS}
    for name, column in columns.items():
        _require(path, name, ~column.is_null().to_numpy(), "is empty")
    cents = _cents(path, columns["amount"].to_numpy())
    occurred_ms = _occurred_ms(path, columns["timestamp"].cast(pa.int64()).to_numpy())
    for name in ("transaction_id", "customer_id", "merchant_id"):
        _require(path, name, columns[name].to_numpy() >= 0, "is negative")
    for name in ("latitude", "longitude", "customer_latitude", "customer_longitude"):
        _require(path, name, np.abs(columns[name].to_numpy()) <= _CIRCLE, "is not in degrees")
    return OutsideTransactions(
        occurred_ms=occurred_ms,
        cents=cents,
        is_fraud=columns["is_fraud"].to_numpy() != 0,
        **{
            name: columns[name].to_numpy()
            for name in COLUMNS
            if name not in {"timestamp", "amount", "is_fraud"}
        },
    )


def _read_table(path: Path) -> pa.Table:
    try:
        with path.open("rb") as file, gzip.open(file) as lines:
            header = lines.readline().decode().rstrip("\r\n").split(",")
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist: name a gzipped CSV file") from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no gzipped CSV file ({error}): compress it with `gzip`") from None
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise UsageError(f"{path}, line 1: column {missing[0]!r} is missing; it needs {', '.join(COLUMNS)}")
    try:
        return _parse(path, use_threads=True)
    except pa.ArrowKeyError as error:  # it takes a carriage return for the end of a line, too
        raise UsageError(f"{path}, line 1: {error}; it needs {', '.join(COLUMNS)}") from None
    except pa.ArrowInvalid:
        return _parse_naming_line(path)
    except (OSError, EOFError) as error:
        raise UsageError(f"{path} is damaged ({error}): fetch it again") from None


def _parse(path: Path, *, use_threads: bool) -> pa.Table:
    return csv.read_csv(
        pa.CompressedInputStream(pa.OSFile(str(path)), "gzip"),
        read_options=csv.ReadOptions(use_threads=use_threads, block_size=1 << 22),
        convert_options=csv.ConvertOptions(include_columns=list(COLUMNS), column_types=COLUMNS),
    )


def _parse_naming_line(path: Path) -> pa.Table:
    """Read again on one thread: only then does Arrow know the number of the bad row."""
    try:
        return _parse(path, use_threads=False)
    except pa.ArrowInvalid as error:
        complaint = " ".join(str(error).split())
        raise UsageError(f"{path}: {complaint}; correct that line or leave it out") from None


def _cents(path: Path, amounts: Floats) -> Indices:
    _require(path, "amount", np.isfinite(amounts) & (amounts >= 0), "is not an amount")
    _require(path, "amount", amounts <= float(AMOUNT_MAX), f"is more than {AMOUNT_MAX}")
    hundredths = amounts * 100
    cents = np.rint(hundredths)
    _require(path, "amount", np.abs(hundredths - cents) < _CENT_NOISE, "has more than two decimal places")
    return cents.astype(np.int64)


def _occurred_ms(path: Path, seconds: Indices) -> Indices:
    first, after = (int(moment.timestamp()) for moment in (OCCURRED_AT_MIN, SENDABLE_BEFORE))
    is_sendable = (first <= seconds) & (seconds < after)
    bounds = f"is not from {OCCURRED_AT_MIN:%Y} on and before {SENDABLE_BEFORE:%Y}"
    _require(path, "timestamp", is_sendable, bounds)
    is_in_order = np.diff(seconds, prepend=seconds[:1]) >= 0
    _require(path, "timestamp", is_in_order, "is earlier than the line before")
    return seconds * 1000


def _require(path: Path, column: str, holds: npt.NDArray[np.bool_], complaint: str) -> None:
    """Name the first line on which something does not hold."""
    if not holds.all():
        line = int(np.argmin(holds)) + 1 + _HEADER_LINES
        raise UsageError(f"{path}, line {line}: {column} {complaint}; correct that line or leave it out")
