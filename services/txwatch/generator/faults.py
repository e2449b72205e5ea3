"""Malformed and repeated records, which a stream must withstand: at given shares, decided by sequence."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from txwatch.events import MAX_EVENT_BYTES, QuarantineReason
from txwatch.world.choice import Indices
from txwatch.world.identity import mix64, salt, uniform

Reason = QuarantineReason
Fault = Callable[[bytes], bytes | None]

OVERSIZED_EVERY = 500
"""One malformed record in so many is oversized: at 64 KiB each they would otherwise be most of the bytes."""
LONGEST_ECHO = 1000
"""A repeated record follows the first one within so many records that are neither malformed nor repeated."""


def _token(name: str, token: bytes) -> Fault:
    """Return the fault that writes another JSON value for one field."""
    pattern = re.compile(rb'("%b":)("[^"]*"|[^,}]*)' % name.encode())
    return lambda raw: pattern.sub(lambda match: match[1] + token, raw, count=1)


def _without(name: str) -> Fault:
    pattern = re.compile(rb',"%b":("[^"]*"|[^,}]*)' % name.encode())
    return lambda raw: pattern.sub(b"", raw, count=1)


FAULTS: dict[QuarantineReason, Fault] = {
    Reason.TOMBSTONE: lambda _: None,
    Reason.EMPTY: lambda _: b"",
    Reason.NOT_UTF8: _token("device_id", b'"card-\xff\xfe"'),
    Reason.NOT_JSON: lambda raw: raw[:-1],
    Reason.NOT_AN_OBJECT: lambda raw: b"[" + raw + b"]",
    Reason.DUPLICATE_KEY: lambda raw: raw[:-1] + b',"amount":0.01}',
    Reason.MISSING_FIELD: _without("merchant_id"),
    Reason.NULL_FIELD: _token("customer_id", b"null"),
    Reason.UNKNOWN_FIELD: lambda raw: raw[:-1] + b',"loyalty_points":7}',
    Reason.WRONG_TYPE: _token("amount", b'"12.30"'),
    Reason.BAD_UUID: _token("merchant_id", b'"merchant-17"'),
    Reason.AMOUNT_NOT_FINITE: _token("amount", b"NaN"),
    Reason.AMOUNT_NEGATIVE: _token("amount", b"-12.30"),
    Reason.AMOUNT_ZERO: _token("amount", b"0.00"),
    Reason.AMOUNT_PLACES: _token("amount", b"12.345"),
    Reason.AMOUNT_ABSURD: _token("amount", b"100000000.00"),
    Reason.UNKNOWN_CURRENCY: _token("currency", b'"ISK"'),
    Reason.BAD_TIME: _token("occurred_at", b'"2025-13-45T25:61:61.000Z"'),
    Reason.NO_TIME_ZONE: _token("occurred_at", b'"2025-01-01T00:00:00.000"'),
    Reason.TOO_FAR_IN_FUTURE: _token("occurred_at", b'"2999-01-01T00:00:00.000Z"'),
    Reason.TOO_OLD: _token("occurred_at", b'"1999-12-31T23:59:59.000Z"'),
    Reason.UNKNOWN_COUNTRY: _token("country", b'"XX"'),
    Reason.BAD_DEVICE_ID: _token("device_id", b'"card 42!"'),
    Reason.UNKNOWN_PAYMENT_METHOD: _token("payment_method", b'"barter"'),
    Reason.OVERSIZED: lambda raw: raw[:-1] + b" " * MAX_EVENT_BYTES + b"}",
}
"""How each kind of malformed record is made of the canonical JSON of a good one; `None` is a tombstone."""

_FREQUENT = tuple(reason for reason in FAULTS if reason is not Reason.OVERSIZED)


def fault_of(turn: int) -> QuarantineReason:
    """Return the kind of the malformed record with this number: each in turn, oversized ones rarely."""
    if turn % OVERSIZED_EVERY == len(_FREQUENT):
        return Reason.OVERSIZED
    oversized_before = (turn + OVERSIZED_EVERY - len(_FREQUENT) - 1) // OVERSIZED_EVERY
    return _FREQUENT[(turn - oversized_before) % len(_FREQUENT)]


@dataclass(frozen=True)
class Strata:
    """Marks one sequence in every stretch of `1 / share`, at random within it.

    So the number of marked sequences among the first n is `share * n` to within one, and the marks of any
    range are found without looking at what came before.
    """

    share: float
    salt_bits: np.uint64

    def within(self, first: int, after: int) -> tuple[Indices, Indices]:
        """Return the marked sequences of a range, ascending, and their numbers among all marks from 0."""
        if self.share <= 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        turns = np.arange(max(int(first * self.share) - 1, 0), int(after * self.share) + 2)
        starts, ends = (np.floor(each / self.share).astype(np.int64) for each in (turns, turns + 1))
        marked = starts + ((ends - starts) * uniform(turns, self.salt_bits)).astype(np.int64)
        kept = (marked >= first) & (marked < after)
        return marked[kept], turns[kept]


@dataclass(frozen=True)
class Faults:
    """What is wrong with a run's records.

    Attributes:
        malformed: which sequences are malformed.
        repeated: which are copies of an earlier record, unless they are malformed.
        echo_salt: decides how far back a copy's original lies.
    """

    malformed: Strata
    repeated: Strata
    echo_salt: np.uint64

    @classmethod
    def of(cls, seed: int, malformed_share: float, repeated_share: float) -> "Faults":
        """Make the faults of a run from its seed and the two shares, 0 to 1."""
        return cls(
            Strata(malformed_share, salt(seed, "malformed")),
            Strata(repeated_share, salt(seed, "repeated")),
            salt(seed, "echo"),
        )

    def replaced(self, first: int, after: int) -> Indices:
        """Return the sequences, ascending, whose own transaction is never sent."""
        return np.union1d(self.malformed.within(first, after)[0], self.repeated.within(first, after)[0])

    def apply(self, first: int, values: list[bytes | None]) -> Indices:
        """Spoil a chunk's records in place and return which record each one is a copy of (mostly itself).

        Args:
            first: the chunk's first sequence; the first record of a chunk is never a copy.
            values: the canonical JSON of the chunk's transactions, in order.
        """
        after = first + len(values)
        originals = np.arange(len(values))
        marked, turns = self.malformed.within(first, after)
        copies = np.setdiff1d(self.repeated.within(first, after)[0], marked) - first
        plain = np.delete(originals, np.concatenate([marked - first, copies]))
        for place in copies.tolist():
            earlier = int(np.searchsorted(plain, place))
            if earlier:
                back = int(mix64(first + place, self.echo_salt)) % min(earlier, LONGEST_ECHO)
                originals[place] = plain[earlier - 1 - back]
                values[place] = values[originals[place]]
        for place, turn in zip((marked - first).tolist(), turns.tolist(), strict=True):
            values[place] = FAULTS[fault_of(turn)](values[place] or b"")
        return originals
