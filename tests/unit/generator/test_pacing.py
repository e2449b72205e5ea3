import pytest

from txwatch.generator.pacing import Pacing


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_records_fall_due_with_time_alone() -> None:
    clock = Clock()
    pacing = Pacing(1000.0, clock)
    assert pacing.due(0, 10_000) == 0
    clock.now += 0.5
    assert pacing.due(0, 10_000) == 500
    assert pacing.due(450, 10_000) == 50
    assert pacing.due(600, 10_000) == 0


def test_a_batch_is_never_larger_than_asked_for() -> None:
    clock = Clock()
    pacing = Pacing(1000.0, clock)
    clock.now += 60
    assert pacing.due(0, 16_384) == 16_384


def test_lag_is_how_long_the_next_record_is_overdue() -> None:
    clock = Clock()
    pacing = Pacing(10.0, clock)
    clock.now += 2.0
    # The sixth of ten a second was due 0.6 seconds after the start.
    assert pacing.lag_seconds(5) == pytest.approx(1.4)
    assert pacing.lag_seconds(20) == 0
    pacing.due(5, 100)
    clock.now += 0.1
    pacing.due(20, 100)
    assert pacing.worst_lag_seconds == pytest.approx(1.4)


def test_without_a_rate_everything_is_due_and_nothing_late() -> None:
    pacing = Pacing(0.0, Clock())
    assert pacing.due(10**9, 77) == 77
    assert pacing.lag_seconds(0) == pacing.worst_lag_seconds == 0
