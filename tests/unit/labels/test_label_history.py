"""What is current does not depend on the order of arrival, on batches or on repeats."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from txwatch.stream.labels.history import Kept, additions
from txwatch.stream.labels.inspection import Label

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def label(number: int, hour: int, is_fraud: bool = True) -> Label:
    return Label(f"t{number}", is_fraud, None, NOON + timedelta(hours=hour))


def kept(*labels: Label) -> dict[str, list[Kept]]:
    """Hold labels of one transaction, the last of them the current one."""
    return {
        labels[0].transaction_id: [
            Kept(number, each, is_current=each is labels[-1]) for number, each in enumerate(labels)
        ]
    }


def test_a_first_label_is_current() -> None:
    result = additions([label(1, 0)], {})
    assert [(entry.label, entry.is_current) for entry in result.entries] == [(label(1, 0), True)]
    assert (result.first_labels, result.superseded) == (1, [])


def test_a_later_truth_replaces_what_is_held() -> None:
    result = additions([label(1, 5, is_fraud=False)], kept(label(1, -1), label(1, 0)))
    assert (result.corrections, result.superseded) == (1, [1])
    assert result.entries[0].is_current


def test_an_earlier_truth_is_kept_and_changes_nothing() -> None:
    result = additions([label(1, -1)], kept(label(1, 0)))
    assert (result.outdated, result.superseded) == (1, [])
    assert not result.entries[0].is_current


def test_of_two_truths_of_one_moment_the_last_to_arrive_counts() -> None:
    result = additions([label(1, 0, is_fraud=False)], kept(label(1, 0)))
    assert (result.corrections, result.superseded) == (1, [0])


def test_what_is_held_or_was_is_a_duplicate() -> None:
    result = additions([label(1, 0), label(1, -1), label(1, 0)], kept(label(1, -1), label(1, 0)))
    assert (result.duplicates, result.entries) == (3, [])


def test_within_one_batch_the_latest_is_current() -> None:
    result = additions([label(1, 0), label(1, 2), label(1, 1), label(1, 2), label(2, 0)], {})
    assert [entry.is_current for entry in result.entries] == [False, True, False, True]
    assert (result.first_labels, result.corrections, result.outdated, result.duplicates) == (2, 1, 1, 1)


@given(
    st.lists(st.builds(label, st.integers(1, 3), st.integers(0, 3), st.booleans()), max_size=12),
    st.integers(0, 12),
)
def test_two_batches_come_to_what_one_does(labels: list[Label], split: int) -> None:
    whole = additions(labels, {})
    first = additions(labels[:split], {})
    held: dict[str, list[Kept]] = {}
    for number, entry in enumerate(first.entries):
        held.setdefault(entry.label.transaction_id, []).append(Kept(number, entry.label, entry.is_current))
    second = additions(labels[split:], held)
    stands = [entry.is_current and n not in second.superseded for n, entry in enumerate(first.entries)]
    stands += [entry.is_current for entry in second.entries]
    assert [entry.label for entry in whole.entries] == [e.label for e in (*first.entries, *second.entries)]
    assert [entry.is_current for entry in whole.entries] == stands
    standing = [entry.label for entry in whole.entries if entry.is_current]
    assert by_transaction(standing) == latest(labels)


def by_transaction(labels: Sequence[Label]) -> dict[str, Label]:
    assert len({each.transaction_id for each in labels}) == len(labels)
    return {each.transaction_id: each for each in labels}


def latest(labels: Sequence[Label]) -> dict[str, Label]:
    """The plain definition: the latest known_at; of equals the one that first arrived last."""
    truth: dict[str, Label] = {}
    for each in dict.fromkeys(labels):
        held = truth.get(each.transaction_id)
        if held is None or each.known_at >= held.known_at:
            truth[each.transaction_id] = each
    return truth
