"""Strict reading of one raw record: either a transaction in canonical form, or the reason why it is none.

Records in canonical form never come here (see `parse`); this is the careful path for everything else, so it
may be slow, and it must give the one right reason. Nothing is repaired: other key orders, white space, time
zones and number notations of the same value are the only freedoms that JSON and RFC 3339 give a sender.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from txwatch.events import (
    AMOUNT_MAX,
    AMOUNT_PLACES,
    COUNTRIES,
    DEVICE_ID_PATTERN,
    FIELDS,
    MAX_EVENT_BYTES,
    OCCURRED_AT_MIN,
    PaymentMethod,
    QuarantineReason,
)

Reason = QuarantineReason
T = TypeVar("T")

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:(\.\d{1,6})\d*)?([Zz]|[+-]\d{2}:\d{2})?", re.ASCII
)  # RFC 3339, section 5.6; a zone may be absent here so that its absence can be named
_DEVICE_ID = re.compile(DEVICE_ID_PATTERN)
_DETAIL_LENGTH = 200
_FIELDS = frozenset(FIELDS)
_SMALLEST = Decimal(1).scaleb(-AMOUNT_PLACES)
_PAYMENT_METHODS = frozenset(PaymentMethod)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a record is not a transaction."""

    reason: QuarantineReason
    field: str | None = None
    detail: str | None = None


class _Rejected(Exception):  # noqa: N818 - control flow inside this module, never seen outside
    def __init__(self, reason: QuarantineReason, field: str | None = None, value: object = None) -> None:
        detail = None if value is None else printable(repr(value))
        self.rejection = Rejection(reason, field and printable(field), detail)


def printable(text: str) -> str:
    """Cut and escape text of unknown origin so that every store and terminal can hold it."""
    return text[:_DETAIL_LENGTH].encode("ascii", "backslashreplace").decode().replace("\x00", "\\x00")


@dataclass(frozen=True)
class Inspector:
    """Inspects raw records under the settings that decide what is valid."""

    currencies: frozenset[str]
    future_tolerance: timedelta

    def inspect(self, raw: bytes | None, appended_at: datetime) -> bytes | Rejection:
        """Return the record in canonical form, or why it is not a transaction.

        Args:
            raw: the Kafka record's value; `None` is a tombstone.
            appended_at: when Kafka appended it (aware); the future is measured from there, so that a replay
                decides as the first reading did.
        """
        try:
            fields = _read_object(raw)
            _check_fields(fields)
            return _canonical(
                {name: self._check(name, fields[name], appended_at) for name in FIELDS},
            )
        except _Rejected as rejected:
            return rejected.rejection

    def _check(self, name: str, value: Any, appended_at: datetime) -> str:
        if name == "currency":
            return _one_of(name, value, self.currencies, Reason.UNKNOWN_CURRENCY)
        if name == "occurred_at":
            return _time(name, value, appended_at + self.future_tolerance)
        return _CHECKS[name](name, value)


def _read_object(raw: bytes | None) -> dict[str, Any]:
    """Decode and parse a record's value into an object without duplicate keys."""
    if raw is None:
        raise _Rejected(Reason.TOMBSTONE)
    if not raw.strip():
        raise _Rejected(Reason.EMPTY)
    if len(raw) > MAX_EVENT_BYTES:
        raise _Rejected(Reason.OVERSIZED, None, f"{len(raw)} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Rejected(Reason.NOT_UTF8, None, f"byte {error.start}") from None
    try:
        document = _DECODER.decode(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise _Rejected(Reason.NOT_JSON, None, str(error)) from None
    if not isinstance(document, dict):
        raise _Rejected(Reason.NOT_AN_OBJECT, None, type(document).__name__)
    return document


def _decimal(token: str) -> Decimal:
    try:
        return Decimal(token)
    except InvalidOperation:  # an exponent beyond what Decimal can hold
        return Decimal("Infinity")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        counted = Counter(name for name, _ in pairs)
        raise _Rejected(Reason.DUPLICATE_KEY, next(name for name, count in counted.items() if count > 1))
    return document


_DECODER = json.JSONDecoder(
    parse_float=_decimal, parse_int=_decimal, parse_constant=Decimal, object_pairs_hook=_unique
)
"""Made once: `json.loads` would make one for every record."""


def _check_fields(fields: dict[str, Any]) -> None:
    """Require exactly the contract's fields, none of them null."""
    if not fields.keys() >= _FIELDS:
        raise _Rejected(Reason.MISSING_FIELD, next(name for name in FIELDS if name not in fields))
    for name in FIELDS:
        if fields[name] is None:
            raise _Rejected(Reason.NULL_FIELD, name)
    if len(fields) > len(FIELDS):
        raise _Rejected(Reason.UNKNOWN_FIELD, next(name for name in fields if name not in _FIELDS))


def _typed(name: str, value: Any, wanted: type[T]) -> T:
    if not isinstance(value, wanted):
        raise _Rejected(Reason.WRONG_TYPE, name, value)
    return value


def _uuid(name: str, value: Any) -> str:
    text = _typed(name, value, str)
    if not _UUID.fullmatch(text):
        raise _Rejected(Reason.BAD_UUID, name, text)
    return f'"{text.lower()}"'


def _amount(name: str, value: Any) -> str:
    amount = _typed(name, value, Decimal)
    if not amount.is_finite():
        raise _Rejected(Reason.AMOUNT_NOT_FINITE, name, str(amount))
    if amount < 0:
        raise _Rejected(Reason.AMOUNT_NEGATIVE, name, str(amount))
    if amount == 0:
        raise _Rejected(Reason.AMOUNT_ZERO, name, str(amount))
    if amount > AMOUNT_MAX:
        raise _Rejected(Reason.AMOUNT_ABSURD, name, str(amount))
    if amount != amount.quantize(_SMALLEST):
        raise _Rejected(Reason.AMOUNT_PLACES, name, str(amount))
    return f"{amount:.{AMOUNT_PLACES}f}"


def _time(name: str, value: Any, latest: datetime) -> str:
    text = _typed(name, value, str)
    match = _TIME.fullmatch(text)
    if match is None:
        raise _Rejected(Reason.BAD_TIME, name, text)
    day, clock, fraction, zone = match.groups()
    if zone is None:
        raise _Rejected(Reason.NO_TIME_ZONE, name, text)
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{fraction or ''}{zone.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Rejected(Reason.BAD_TIME, name, text) from None
    if moment > latest:
        raise _Rejected(Reason.TOO_FAR_IN_FUTURE, name, text)
    if moment < OCCURRED_AT_MIN:
        raise _Rejected(Reason.TOO_OLD, name, text)
    return f'"{moment.strftime("%Y-%m-%dT%H:%M:%S.%f")}Z"'


def _coordinate(name: str, value: Any) -> str:
    number = _typed(name, value, Decimal)
    degrees = float(number) if number.is_finite() else float("inf")
    if degrees in (float("inf"), float("-inf")):
        raise _Rejected(Reason.WRONG_TYPE, name, str(number))
    return format(Decimal(repr(degrees)), "f")


def _boolean(name: str, value: Any) -> str:
    return "true" if _typed(name, value, bool) else "false"


def _device_id(name: str, value: Any) -> str:
    text = _typed(name, value, str)
    if not _DEVICE_ID.fullmatch(text):
        raise _Rejected(Reason.BAD_DEVICE_ID, name, text)
    return f'"{text}"'


def _one_of(name: str, value: Any, accepted: Iterable[str], reason: QuarantineReason) -> str:
    text = _typed(name, value, str)
    if text not in accepted:
        raise _Rejected(reason, name, text)
    return f'"{text}"'


_CHECKS: dict[str, Callable[[str, Any], str]] = {
    "transaction_id": _uuid,
    "customer_id": _uuid,
    "merchant_id": _uuid,
    "amount": _amount,
    "latitude": _coordinate,
    "longitude": _coordinate,
    "country": lambda name, value: _one_of(name, value, COUNTRIES, Reason.UNKNOWN_COUNTRY),
    "is_foreign": _boolean,
    "device_id": _device_id,
    "payment_method": lambda name, value: _one_of(
        name, value, _PAYMENT_METHODS, Reason.UNKNOWN_PAYMENT_METHOD
    ),
}


def _canonical(tokens: dict[str, str]) -> bytes:
    return ("{" + ",".join(f'"{name}":{token}' for name, token in tokens.items()) + "}").encode()
