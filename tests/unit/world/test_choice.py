import numpy as np
import pytest

from txwatch.world.choice import GroupedChoice


def choice() -> GroupedChoice:
    """Group 0 holds items 10 (weight 1) and 12 (weight 3), group 1 nothing, group 2 item 11."""
    return GroupedChoice.build(np.array([10, 11, 12]), np.array([0, 2, 0]), np.array([1.0, 5.0, 3.0]), 3)


def pick(first: int, last: int, chance: float) -> int:
    return int(choice().pick(np.array([first]), np.array([last]), np.array([chance]))[0])


@pytest.mark.parametrize(
    ("first", "last", "chance", "item"),
    [
        (0, 0, 0.0, 10),
        (0, 0, 0.249, 10),
        (0, 0, 0.251, 12),
        (0, 0, 0.999, 12),
        (2, 2, 0.5, 11),
        (0, 2, 0.5, 11),  # weights 1 + 3 of 9 come first: 4 / 9 < 0.5
        (0, 1, 0.9, 12),
    ],
)
def test_items_are_chosen_by_their_weight_within_their_groups(
    first: int, last: int, chance: float, item: int
) -> None:
    assert pick(first, last, chance) == item


def test_an_empty_group_chooses_from_all() -> None:
    assert {pick(1, 1, chance) for chance in (0.05, 0.3, 0.9)} == {10, 11, 12}


def test_group_weights_are_sums() -> None:
    assert choice().group_weights().tolist() == [4.0, 0.0, 5.0]


def test_without_weights_all_are_equal() -> None:
    equal = GroupedChoice.build(np.array([5, 6]), np.array([0, 0]), None, 1)
    zeros = np.zeros(2, dtype=np.int64)
    assert equal.pick(zeros, zeros, np.array([0.49, 0.51])).tolist() == [5, 6]
