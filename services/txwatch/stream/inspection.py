"""Strict reading of one raw record: either a transaction in canonical form, or the reason why it is none.

Records in canonical form never come here (see `decoding`); this is the careful path for everything else, so
it may be slow, and it must give the one right reason (`fields` says what is taken as it comes).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from txwatch.events import (
    AMOUNT_MAX,
    AMOUNT_PLACES,
    COUNTRIES,
    DEVICE_ID_PATTERN,
    FIELDS,
    OCCURRED_AT_MIN,
    PaymentMethod,
    QuarantineReason,
)
from txwatch.stream.fields import (
    RejectedError,
    Rejection,
    moment,
    read_object,
    typed,
    uuid,
)

__all__ = ["Inspector", "Rejection"]

Reason = QuarantineReason

_DEVICE_ID = re.compile(DEVICE_ID_PATTERN)
_FIELDS = frozenset(FIELDS)
_SMALLEST = Decimal(1).scaleb(-AMOUNT_PLACES)
_PAYMENT_METHODS = frozenset(PaymentMethod)


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
            fields = read_object(raw)
            _check_fields(fields)
            return _canonical(
                {name: self._check(name, fields[name], appended_at) for name in FIELDS},
            )
        except RejectedError as rejected:
            return rejected.rejection

    def _check(self, name: str, value: Any, appended_at: datetime) -> str:
        if name == "currency":
            return _one_of(name, value, self.currencies, Reason.UNKNOWN_CURRENCY)
        if name == "occurred_at":
            return _time(name, value, appended_at + self.future_tolerance)
        return _CHECKS[name](name, value)


def _check_fields(fields: dict[str, Any]) -> None:
    """Require exactly the contract's fields, none of them null."""
    if not fields.keys() >= _FIELDS:
        raise RejectedError(Reason.MISSING_FIELD, next(name for name in FIELDS if name not in fields))
    for name in FIELDS:
        if fields[name] is None:
            raise RejectedError(Reason.NULL_FIELD, name)
    if len(fields) > len(FIELDS):
        raise RejectedError(Reason.UNKNOWN_FIELD, next(name for name in fields if name not in _FIELDS))


def _amount(name: str, value: Any) -> str:
    amount = typed(name, value, Decimal)
    if not amount.is_finite():
        raise RejectedError(Reason.AMOUNT_NOT_FINITE, name, str(amount))
    if amount < 0:
        raise RejectedError(Reason.AMOUNT_NEGATIVE, name, str(amount))
    if amount == 0:
        raise RejectedError(Reason.AMOUNT_ZERO, name, str(amount))
    if amount > AMOUNT_MAX:
        raise RejectedError(Reason.AMOUNT_ABSURD, name, str(amount))
    if amount != amount.quantize(_SMALLEST):
        raise RejectedError(Reason.AMOUNT_PLACES, name, str(amount))
    return f"{amount:.{AMOUNT_PLACES}f}"


def _uuid(name: str, value: Any) -> str:
    return f'"{uuid(name, value)}"'


def _time(name: str, value: Any, latest: datetime) -> str:
    occurred_at = moment(name, value)
    if occurred_at > latest:
        raise RejectedError(Reason.TOO_FAR_IN_FUTURE, name, value)
    if occurred_at < OCCURRED_AT_MIN:
        raise RejectedError(Reason.TOO_OLD, name, value)
    return f'"{occurred_at.strftime("%Y-%m-%dT%H:%M:%S.%f")}Z"'


def _boolean(name: str, value: Any) -> str:
    return "true" if typed(name, value, bool) else "false"


def _coordinate(name: str, value: Any) -> str:
    number = typed(name, value, Decimal)
    degrees = float(number) if number.is_finite() else float("inf")
    if degrees in (float("inf"), float("-inf")):
        raise RejectedError(Reason.WRONG_TYPE, name, str(number))
    return format(Decimal(repr(degrees)), "f")


def _device_id(name: str, value: Any) -> str:
    text = typed(name, value, str)
    if not _DEVICE_ID.fullmatch(text):
        raise RejectedError(Reason.BAD_DEVICE_ID, name, text)
    return f'"{text}"'


def _one_of(name: str, value: Any, accepted: Iterable[str], reason: QuarantineReason) -> str:
    text = typed(name, value, str)
    if text not in accepted:
        raise RejectedError(reason, name, text)
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
