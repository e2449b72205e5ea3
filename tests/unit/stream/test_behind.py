"""Batches are written in order, one at a time, and never past one that failed."""

import threading
from contextlib import closing

import pytest

from txwatch.stream.behind import WriteBehind


def test_a_batch_is_taken_while_the_one_before_is_written_and_no_third_one() -> None:
    gate, written = threading.Event(), []

    def write(batch: int) -> None:
        assert gate.wait(30)
        written.append(batch)

    with closing(WriteBehind()) as behind:
        behind.put(lambda: write(1))  # returns, though nothing is written yet
        assert not behind.is_idle()
        second = threading.Thread(target=behind.put, args=(lambda: write(2),))
        second.start()
        second.join(0.1)
        assert second.is_alive()  # waits for the first one
        gate.set()
        second.join(30)
    assert written == [1, 2]
    assert behind.is_idle()


def test_after_a_failure_nothing_more_is_written() -> None:
    written = []

    def write(batch: int) -> None:
        if batch == 2:
            raise ValueError("the second")
        written.append(batch)

    with closing(WriteBehind()) as behind:
        behind.put(lambda: write(1))
        behind.put(lambda: write(2))
        for _ in range(2):
            with pytest.raises(ValueError, match="the second"):
                behind.put(lambda: write(3))
        with pytest.raises(ValueError, match="the second"):
            behind.is_idle()
    assert written == [1]


def test_closing_waits_for_the_batch_in_flight() -> None:
    begun, gate, written = threading.Event(), threading.Event(), []

    def write(batch: int) -> None:
        begun.set()
        assert gate.wait(30)
        written.append(batch)

    behind = WriteBehind()
    behind.put(lambda: write(1))
    assert begun.wait(30)
    threading.Timer(0.05, gate.set).start()
    behind.close()
    assert written == [1]
