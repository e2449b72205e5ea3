"""Strict reading of one raw record of the labels topic: a label, or the reason why it is none. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from txwatch.events import OCCURRED_AT_MIN, QuarantineReason
from txwatch.stream.fields import (
    RejectedError,
    Rejection,
    moment,
    read_object,
    typed,
    uuid,
)

LONGEST_SCENARIO = 100
_REQUIRED = ("transaction_id", "is_fraud", "known_at")
_KNOWN = frozenset((*_REQUIRED, "scenario"))


class LabelReason(StrEnum):
    """Why a record is not a label, beside what `QuarantineReason` has a name for."""

    BAD_SCENARIO = "bad_scenario"


@dataclass(frozen=True)
class Label:
    """What became known about a transaction, and when."""

    transaction_id: str
    """In lower case."""
    is_fraud: bool
    scenario: str | None
    known_at: datetime
    """UTC, to the microsecond."""


def read_label(raw: bytes | None) -> Label | Rejection:
    """Read a record's value (`None`: a tombstone) as `events.FraudLabel` describes it."""
    try:
        fields = read_object(raw)
        _check_fields(fields)
        return Label(
            uuid("transaction_id", fields["transaction_id"]),
            typed("is_fraud", fields["is_fraud"], bool),
            _scenario(fields.get("scenario")),
            _known_at(fields["known_at"]),
        )
    except RejectedError as rejected:
        return rejected.rejection


def _check_fields(fields: dict[str, Any]) -> None:
    """Require the contract's fields, none of them null but the scenario, which may also be left out."""
    for reason, names in (
        (QuarantineReason.MISSING_FIELD, [name for name in _REQUIRED if name not in fields]),
        (QuarantineReason.NULL_FIELD, [name for name in _REQUIRED if fields.get(name, name) is None]),
        (QuarantineReason.UNKNOWN_FIELD, [name for name in fields if name not in _KNOWN]),
    ):
        if names:
            raise RejectedError(reason, names[0])


def _scenario(value: Any) -> str | None:
    if value is None:
        return None
    text = typed("scenario", value, str)
    # Printable also means: no NUL and no half of a surrogate pair, which Postgres cannot hold.
    if not (text.isprintable() and 0 < len(text) <= LONGEST_SCENARIO):
        raise RejectedError(LabelReason.BAD_SCENARIO, "scenario", text)
    return text


def _known_at(value: Any) -> datetime:
    known_at = moment("known_at", value)
    if known_at < OCCURRED_AT_MIN:
        raise RejectedError(QuarantineReason.TOO_OLD, "known_at", value)
    return known_at
