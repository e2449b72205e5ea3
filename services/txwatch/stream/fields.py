"""Strict reading of JSON records, field by field: each function returns a value or says why there is none.

Nothing is repaired: other key orders, white space, time zones and number notations of the same value are the
only freedoms that JSON and RFC 3339 give a sender.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from txwatch.events import MAX_EVENT_BYTES, QuarantineReason

Reason = QuarantineReason
T = TypeVar("T")

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:(\.\d{1,6})\d*)?([Zz]|[+-]\d{2}:\d{2})?", re.ASCII
)  # RFC 3339, section 5.6; a zone may be absent here so that its absence can be named
_DETAIL_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a record is not what its topic holds."""

    reason: StrEnum
    field: str | None = None
    detail: str | None = None


class RejectedError(Exception):
    """Leaves the reading of a record; the reader turns it into its `rejection`."""

    def __init__(self, reason: StrEnum, field: str | None = None, value: object = None) -> None:
        detail = None if value is None else printable(repr(value))
        self.rejection = Rejection(reason, field and printable(field), detail)


def printable(text: str) -> str:
    """Cut and escape text of unknown origin so that every store and terminal can hold it."""
    return text[:_DETAIL_LENGTH].encode("ascii", "backslashreplace").decode().replace("\x00", "\\x00")


def read_object(raw: bytes | None) -> dict[str, Any]:
    """Decode and parse a record's value (`None`: a tombstone) into an object without duplicate keys."""
    if raw is None:
        raise RejectedError(Reason.TOMBSTONE)
    if not raw.strip():
        raise RejectedError(Reason.EMPTY)
    if len(raw) > MAX_EVENT_BYTES:
        raise RejectedError(Reason.OVERSIZED, None, f"{len(raw)} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RejectedError(Reason.NOT_UTF8, None, f"byte {error.start}") from None
    try:
        document = _DECODER.decode(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise RejectedError(Reason.NOT_JSON, None, str(error)) from None
    if not isinstance(document, dict):
        raise RejectedError(Reason.NOT_AN_OBJECT, None, type(document).__name__)
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
        raise RejectedError(Reason.DUPLICATE_KEY, next(name for name, count in counted.items() if count > 1))
    return document


_DECODER = json.JSONDecoder(
    parse_float=_decimal, parse_int=_decimal, parse_constant=Decimal, object_pairs_hook=_unique
)
"""Made once: `json.loads` would make one for every record."""


def typed(name: str, value: Any, wanted: type[T]) -> T:
    """Require a JSON type."""
    if not isinstance(value, wanted):
        raise RejectedError(Reason.WRONG_TYPE, name, value)
    return value


def uuid(name: str, value: Any) -> str:
    """Require a UUID in its 36-character form; return it in lower case."""
    text = typed(name, value, str)
    if not _UUID.fullmatch(text):
        raise RejectedError(Reason.BAD_UUID, name, text)
    return text.lower()


def moment(name: str, value: Any) -> datetime:
    """Require an RFC 3339 time with a zone; return it in UTC, to the microsecond."""
    text = typed(name, value, str)
    match = _TIME.fullmatch(text)
    if match is None:
        raise RejectedError(Reason.BAD_TIME, name, text)
    day, clock, fraction, zone = match.groups()
    if zone is None:
        raise RejectedError(Reason.NO_TIME_ZONE, name, text)
    try:
        return datetime.fromisoformat(f"{day}T{clock}{fraction or ''}{zone.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise RejectedError(Reason.BAD_TIME, name, text) from None
