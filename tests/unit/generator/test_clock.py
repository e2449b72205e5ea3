from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from txwatch.generator.clock import DAY_MS, HOUR_MS, EventClock
from txwatch.world import World

NOON_MS = int(datetime(2025, 1, 1, 12, tzinfo=UTC).timestamp() * 1000)
MIDNIGHT_MS = NOON_MS - 12 * HOUR_MS
# Half of a day's transactions in the hour from noon, the other half spread evenly over the rest.
HOURS = np.concatenate([np.arange(13) * 0.5 / 23, 12 * 0.5 / 23 + 0.5 + np.arange(12) * 0.5 / 23])


def noon_clock(start_ms: int, per_day: int = 4600) -> EventClock:
    return EventClock(start_ms, per_day, HOURS, np.uint64(7))


def test_a_day_holds_its_number_of_transactions() -> None:
    moments = noon_clock(MIDNIGHT_MS).occurred_ms(np.arange(3 * 4600))
    assert np.bincount((moments - MIDNIGHT_MS) // DAY_MS).tolist() == [4600] * 3


def test_transactions_fall_in_the_hours_of_the_profile() -> None:
    moments = noon_clock(MIDNIGHT_MS).occurred_ms(np.arange(4600))
    by_hour = np.bincount((moments - MIDNIGHT_MS) // HOUR_MS, minlength=24)
    # 4600 * 0.5 = 2300 at noon, 2300 / 23 = 100 in each other hour; one slot may straddle an hour's end.
    assert by_hour[12] == pytest.approx(2300, abs=1)
    assert np.delete(by_hour, 12).tolist() == pytest.approx([100] * 23, abs=1)


def test_a_start_within_the_day_skips_what_came_before() -> None:
    clock = noon_clock(NOON_MS)
    moments = clock.occurred_ms(np.arange(4600))
    assert moments.min() >= NOON_MS
    # Before noon lie 12 / 23 of half a day's 4600, that is 1200; 3400 are left of the first day.
    assert clock.sequences_of_day(0) == (0, 3400)
    assert clock.sequences_of_day(1) == (3400, 8000)
    assert (moments < MIDNIGHT_MS + DAY_MS).sum() == 3400


@given(st.integers(0, 10**9), st.sampled_from([1, 40, 4600, 4_000_000]))
def test_time_never_runs_backwards(first: int, per_day: int) -> None:
    moments = noon_clock(MIDNIGHT_MS, per_day).occurred_ms(np.arange(first, first + 500))
    assert (np.diff(moments) >= 0).all()


@given(st.integers(0, 10**7))
def test_all_after_a_moment_happen_after_it(sequence: int) -> None:
    clock = noon_clock(NOON_MS)
    moment = int(clock.occurred_ms(np.array([sequence]))[0])
    later = clock.sequence_after(moment)
    assert later - 2 <= sequence
    assert int(clock.occurred_ms(np.array([later]))[0]) >= moment


def test_a_sequence_lies_in_its_day() -> None:
    clock = noon_clock(NOON_MS)
    for day in range(5):
        first, after = clock.sequences_of_day(day)
        assert {clock.day_of(first), clock.day_of(after - 1)} == {day}


def test_a_moment_has_the_sequence_that_happens_then() -> None:
    clock = noon_clock(NOON_MS)
    # On the second day at noon: 3400 of the first day, 1200 of the second.
    assert clock.sequence_at(1, np.array([12 * HOUR_MS])).tolist() == pytest.approx([4600], abs=1)


def test_the_world_decides_the_hours(world: World) -> None:
    clock = EventClock.of(world, MIDNIGHT_MS, 1000)
    shares = np.diff(clock.hours)
    assert shares.sum() == pytest.approx(1)
    # Seven in ten customers live from the Americas to Africa, where 18 UTC is day and 8 UTC night or morning.
    assert shares[18] > shares[8]
