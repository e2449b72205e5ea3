"""A run in memory: interrupted anywhere and gone on with, it leaves what an uninterrupted one leaves."""

import hashlib
from dataclasses import dataclass, field, replace
from itertools import pairwise
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from txwatch.errors import UnavailableError, UsageError
from txwatch.generator.clock import DAY_MS
from txwatch.generator.horizon import check_count, reached_by_now
from txwatch.generator.labelling import LabelBook
from txwatch.generator.pacing import Pacing
from txwatch.generator.partitions import partitions
from txwatch.generator.progress import Progress
from txwatch.generator.resume import first_missing
from txwatch.generator.run import Limits, Run
from txwatch.generator.source import Labels, Records
from txwatch.generator.synthesis import Recipe, Synthesis
from txwatch.generator.topic import Stored
from txwatch.world import World

COUNT = 40_000
PARTITIONS = 3


@dataclass
class Memory:
    """A target that keeps everything, and breaks before it settles for the n-th time."""

    breaks_at: int | None = None
    values: list[bytes | None] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    settled: int = 0

    def send(self, records: Records) -> None:
        self.values += records.values

    def label(self, labels: Labels) -> None:
        self.labels += labels.transaction_ids

    def settle(self) -> None:
        if self.breaks_at == self.settled:
            raise UnavailableError("broken")
        self.settled += 1


@pytest.fixture(scope="module")
def source(world: World, start_ms: int) -> Synthesis:
    """Return a run of 300 transactions a day: 40,000 are 133 days, more than a label's longest delay."""
    return Synthesis(
        world, Recipe(start_ms, per_customer_day=0.15, malformed_share=0.01, repeated_share=0.002)
    )


@pytest.fixture(scope="module")
def expected(source: Synthesis) -> SimpleNamespace:
    values = [value for records in source.records(0, COUNT) for value in records.values]
    return SimpleNamespace(values=values, labels=source.labels(0, COUNT).transaction_ids)


def run(source: Synthesis, target: Memory, progress: Progress, saved: list[Progress], limits: Limits) -> Run:
    made = Run(source, target, progress, Pacing(0.0), save=saved.append)
    made.go(limits, Event())
    return made


def test_an_uninterrupted_run_sends_everything_once(source: Synthesis, expected: SimpleNamespace) -> None:
    target, saved = Memory(), list[Progress]()
    made = run(source, target, Progress(source.parameters), saved, Limits(COUNT))
    assert target.values == expected.values
    assert sorted(target.labels) == sorted(expected.labels)
    assert saved[-1].acknowledged == saved[-1].labels_complete_until == COUNT
    lines = b"".join((value or b"") + b"\n" for value in expected.values)
    assert made.digest() == hashlib.sha256(lines).hexdigest()


def test_sessions_add_up(source: Synthesis, expected: SimpleNamespace) -> None:
    target, saved = Memory(), [Progress(source.parameters)]
    for count in (1, 777, 20_000, 20_000, COUNT):
        made = run(source, target, saved[-1], saved, Limits(count))
    assert target.values == expected.values
    assert sorted(target.labels) == sorted(expected.labels)
    whole = Run(source, Memory(), saved[-1], Pacing(0.0), save=saved.append)
    whole.digest_earlier()
    once = run(source, Memory(), Progress(source.parameters), [], Limits(COUNT))
    assert whole.digest() == once.digest() != made.digest()


def test_labels_wait_until_they_are_known(source: Synthesis) -> None:
    saved = list[Progress]()
    book = LabelBook(source, Progress(source.parameters))
    book.enter(30_000)
    clock = source.occurred_ms(30_000)
    known = book.take_known(clock)
    late = book.take_all()
    assert len(known) > 0
    assert len(late) > 0
    assert known.known_ms.max() <= clock < late.known_ms.min()
    # A fraud is known a day to thirty days after it: those of the last day are all still open.
    assert len(late) >= len(source.labels(source.sequence_after(clock - DAY_MS), 30_000))
    assert saved == []


def test_a_book_opened_again_holds_what_is_still_due(source: Synthesis) -> None:
    book = LabelBook(source, Progress(source.parameters))
    book.enter(30_000)
    known_until = source.occurred_ms(30_000)
    book.take_known(known_until)
    progress = Progress(source.parameters, acknowledged=30_000, labels_known_until_ms=known_until)
    again = LabelBook(source, progress)
    assert sorted(again.take_all().transaction_ids) == sorted(book.take_all().transaction_ids)
    complete = LabelBook(source, replace(progress, labels_complete_until=30_000))
    assert len(complete) == 0


def test_a_failure_keeps_the_progress_of_before(source: Synthesis) -> None:
    saved = list[Progress]()
    with pytest.raises(UnavailableError):
        run(source, Memory(breaks_at=0), Progress(source.parameters), saved, Limits(100))
    assert saved == []


def test_stopping_settles_what_was_sent(source: Synthesis) -> None:
    stop, target, saved = Event(), Memory(), list[Progress]()

    def watch(_: object) -> None:
        stop.set()

    made = Run(source, target, Progress(source.parameters), Pacing(0.0), save=saved.append, watch=watch)
    standing = made.go(Limits(), stop)
    assert standing.produced == saved[-1].acknowledged == len(target.values) > 0


def in_partitions(source: Synthesis, first: int, after: int) -> dict[int, list[tuple[int, Stored]]]:
    queues: dict[int, list[tuple[int, Stored]]] = {partition: [] for partition in range(PARTITIONS)}
    for records in source.records(first, after):
        for row, partition in enumerate(partitions(records.key_hashes, PARTITIONS).tolist()):
            stored = Stored(records.keys[row], records.values[row])
            queues[partition].append((records.first + row, stored))
    return queues


@settings(max_examples=30, deadline=None)
@given(
    acknowledged=st.integers(0, 3000),
    arrived=st.lists(st.integers(0, 400), min_size=PARTITIONS, max_size=PARTITIONS),
    strangers=st.lists(st.integers(0, 400), max_size=5),
)
def test_what_has_arrived_is_found_in_every_partition(
    source: Synthesis, acknowledged: int, arrived: list[int], strangers: list[int]
) -> None:
    queues = in_partitions(source, acknowledged, acknowledged + 3000)
    tail = {}
    for partition, count in enumerate(arrived):
        tail[partition] = [stored for _, stored in queues[partition][:count]]
        for place in strangers:
            tail[partition].insert(min(place, len(tail[partition])), Stored(b"another", b"sender"))
    missing = first_missing(source, acknowledged, tail, PARTITIONS)
    for partition, count in enumerate(arrived):
        present = [sequence for sequence, _ in queues[partition] if sequence < missing[partition]]
        assert len(present) == count


def test_a_count_that_lies_in_the_future_is_refused(source: Synthesis) -> None:
    now_ms = source.occurred_ms(5000)
    assert reached_by_now(source, now_ms) == pytest.approx(5000, abs=2)
    check_count(source, 4000, now_ms)
    with pytest.raises(
        UsageError, match=r"transaction 6000 would happen in the future, there are \d+ up to now: .*--start"
    ):
        check_count(source, 6000, now_ms)


def test_a_run_that_has_reached_now_goes_on_as_time_passes(source: Synthesis) -> None:
    reached = iter([300, 300, 300, 450])
    stop = Event()
    target = Memory()
    sent = []

    def now() -> int:
        sent.append(len(target.values))
        if (value := next(reached, None)) is None:
            stop.set()
            return 450
        return value

    made = Run(source, target, Progress(source.parameters), Pacing(0.0), save=lambda _: None)
    standing = made.go(Limits(reached=now), stop)
    assert sent == [0, 300, 300, 300, 450]
    assert standing.next_sequence == len(target.values) == 450


def test_labels_are_those_of_sent_frauds(source: Synthesis) -> None:
    clean = Synthesis(source.world, replace(source.recipe, malformed_share=0.0, repeated_share=0.0))
    sent = b"\n".join(value or b"" for records in source.records(0, COUNT) for value in records.values)
    labels, all_labels = source.labels(0, COUNT), clean.labels(0, COUNT)
    assert set(labels.transaction_ids) < set(all_labels.transaction_ids)
    assert all(transaction_id.encode() in sent for transaction_id in labels.transaction_ids)
    assert len(set(labels.transaction_ids)) == len(labels)


def test_label_ranges_add_up(source: Synthesis) -> None:
    cuts = [0, 1, 5000, 5001, 17_000, COUNT]
    parts = [source.labels(first, after).transaction_ids for first, after in pairwise(cuts)]
    assert sum(parts, []) == source.labels(0, COUNT).transaction_ids  # noqa: RUF017 - six parts


def test_a_label_says_when_it_is_known(source: Synthesis) -> None:
    labels = source.labels(0, COUNT)
    occurred_ms = np.array([int(text[:8] + text[9:13], 16) for text in labels.transaction_ids])
    days = (labels.known_ms - occurred_ms) / DAY_MS
    assert days.min() >= 1
    assert days.max() <= 30
    # Half of the uniform numbers are below 0.5, squared 0.25: 1 + 29 / 4 = 8.25 days.
    assert np.median(days) == pytest.approx(8.25, abs=2.5)
