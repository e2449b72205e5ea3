"""Every malformed record is what its kind says, by hand and by the stream's own strict reading."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from txwatch.events import CURRENCIES, MAX_EVENT_BYTES, QuarantineReason
from txwatch.generator.faults import FAULTS, LONGEST_ECHO, OVERSIZED_EVERY, Faults, Strata, fault_of
from txwatch.generator.synthesis import CHUNK, Synthesis
from txwatch.stream.inspection import Inspector, Rejection

GOOD = (
    b'{"transaction_id":"01941f34-372a-7e40-8f79-49c91aa85d6c",'
    b'"customer_id":"cc5fd14a-0012-8ec9-833e-c1f4236f895c",'
    b'"merchant_id":"3475b1bf-3bb7-85f9-a06d-2de2c3cfc50e",'
    b'"amount":12.30,"currency":"USD","occurred_at":"2026-01-01T00:00:00.123Z",'
    b'"latitude":12.34567,"longitude":-1.5,"country":"US","is_foreign":false,'
    b'"device_id":"card-dfa2d08643e5","payment_method":"chip"}'
)
APPENDED_AT = datetime(2026, 3, 1, tzinfo=UTC)


MADE = [reason for reason in QuarantineReason if reason is not QuarantineReason.UNREADABLE]
"""All but the reason for what the stream cannot make head or tail of: no producer can aim at that."""


def fault(reason: QuarantineReason) -> bytes:
    spoilt = FAULTS[reason](GOOD)
    assert spoilt is not None
    return spoilt


def test_there_is_a_fault_for_every_reason() -> None:
    assert set(FAULTS) == set(MADE)


@pytest.mark.parametrize("reason", MADE)
def test_the_strict_reading_gives_the_reason(reason: QuarantineReason) -> None:
    inspector = Inspector(CURRENCIES, timedelta(seconds=300))
    assert not isinstance(inspector.inspect(GOOD, APPENDED_AT), Rejection)
    rejection = inspector.inspect(FAULTS[reason](GOOD), APPENDED_AT)
    assert isinstance(rejection, Rejection)
    assert rejection.reason == reason


def test_faults_by_hand() -> None:
    assert FAULTS[QuarantineReason.TOMBSTONE](GOOD) is None
    assert fault(QuarantineReason.EMPTY) == b""
    assert len(fault(QuarantineReason.OVERSIZED)) > MAX_EVENT_BYTES
    assert json.loads(fault(QuarantineReason.OVERSIZED)) == json.loads(GOOD)
    assert json.loads(fault(QuarantineReason.NOT_AN_OBJECT)) == [json.loads(GOOD)]
    assert set(json.loads(GOOD)) - set(json.loads(fault(QuarantineReason.MISSING_FIELD))) == {"merchant_id"}
    assert json.loads(fault(QuarantineReason.NULL_FIELD))["customer_id"] is None
    assert fault(QuarantineReason.DUPLICATE_KEY).count(b'"amount":') == 2
    assert b'"amount":NaN,' in fault(QuarantineReason.AMOUNT_NOT_FINITE)
    assert json.loads(fault(QuarantineReason.UNKNOWN_CURRENCY))["currency"] not in CURRENCIES
    with pytest.raises(UnicodeDecodeError):
        fault(QuarantineReason.NOT_UTF8).decode()


def test_kinds_take_turns() -> None:
    kinds = [fault_of(turn) for turn in range(OVERSIZED_EVERY)]
    assert set(kinds[:25]) == set(MADE)
    counts = Counter(kinds)
    assert counts.pop(QuarantineReason.OVERSIZED) == 1
    # 499 turns for 24 kinds: 20 or 21 each.
    assert set(counts.values()) == {20, 21}


def test_turns_go_on_evenly_after_an_oversized_record() -> None:
    kinds = [fault_of(turn) for turn in range(4 * OVERSIZED_EVERY)]
    frequent = [kind for kind in kinds if kind is not QuarantineReason.OVERSIZED]
    assert len(kinds) - len(frequent) == 4
    assert frequent == [frequent[turn % 24] for turn in range(len(frequent))]


@given(st.floats(0.0001, 1.0), st.integers(0, 10**9), st.integers(1, 3000))
def test_strata_keep_their_share_in_any_range(share: float, first: int, length: int) -> None:
    marked, turns = Strata(share, np.uint64(3)).within(first, first + length)
    assert abs(len(marked) - share * length) <= 2
    assert (np.diff(marked) > 0).all()
    assert (np.diff(turns) == 1).all()


@given(st.floats(0.0001, 0.5), st.integers(0, 100_000), st.integers(0, 2000), st.integers(0, 2000))
def test_strata_do_not_depend_on_the_range(share: float, first: int, one: int, two: int) -> None:
    strata = Strata(share, np.uint64(3))
    whole = strata.within(first, first + one + two)[0]
    parts = [strata.within(first, first + one)[0], strata.within(first + one, first + one + two)[0]]
    assert np.concatenate(parts).tolist() == whole.tolist()


def test_no_share_marks_nothing() -> None:
    assert len(Strata(0.0, np.uint64(3)).within(0, 10**6)[0]) == 0


def test_copies_are_of_good_records_shortly_before() -> None:
    faults = Faults.of(42, malformed_share=0.05, repeated_share=0.05)
    values: list[bytes | None] = [GOOD.replace(b"12.30", b"%d.00" % number) for number in range(1, 3001)]
    good = list(values)
    originals = faults.apply(0, values)
    copies = np.flatnonzero(originals != np.arange(3000))
    # 3000 * 0.05 = 150 copies, less those (one in twenty) that are malformed.
    assert 130 <= len(copies) <= 151
    for place in copies.tolist():
        assert values[place] == good[originals[place]]
        assert 0 < place - originals[place] <= LONGEST_ECHO * 1.2
        assert values[originals[place]] == good[originals[place]]


def test_a_run_has_the_share_of_malformed_records(synthesis: Synthesis) -> None:
    inspector = Inspector(CURRENCIES, timedelta(seconds=300))
    values = [value for records in synthesis.records(0, CHUNK) for value in records.values]
    rejected = Counter(
        outcome.reason
        for outcome in (inspector.inspect(value, APPENDED_AT) for value in values)
        if isinstance(outcome, Rejection)
    )
    # 16,384 * 0.01 = 163.84 to within one, in 25 kinds of which one is rare: 6 or 7 of each of the others.
    assert 163 <= rejected.total() <= 165
    assert rejected.pop(QuarantineReason.OVERSIZED) == 1
    assert set(rejected.values()) <= {6, 7}
