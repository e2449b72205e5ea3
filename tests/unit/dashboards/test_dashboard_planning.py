from typing import Any

import pytest

from txwatch.dashboards.desired import marker_of
from txwatch.dashboards.planning import Change, covers, plan
from txwatch.errors import UsageError

CARD, BOARD = ("card", "one"), ("dashboard", "one")
DESIRED: dict[Any, Any] = {
    CARD: {"name": "One", "visualization_settings": {"a": 1}},
    BOARD: {"name": "Board", "tabs": ["A"]},
}


def actual(**changes: Any) -> dict[Any, Any]:
    """What is there when all is well, with more fields than were asked for."""
    card = {"name": "One", "visualization_settings": {"a": 1}, "archived": False, "creator_id": 7} | changes
    return {CARD: card, BOARD: {"name": "Board", "tabs": ["A"], "archived": False, "width": "fixed"}}


def test_nothing_is_planned_when_all_is_there() -> None:
    assert plan(DESIRED, actual()) == []


def test_what_is_missing_is_created_in_the_order_given() -> None:
    assert plan(DESIRED, {}) == [Change("create", CARD, "One"), Change("create", BOARD, "Board")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"name": "Two"}, "name"), ({"visualization_settings": {"a": 1, "b": 2}}, "visualization_settings")],
)
def test_a_difference_is_named_by_its_field(changes: dict[str, Any], field: str) -> None:
    assert plan(DESIRED, actual(**changes)) == [Change("update", CARD, "One", (field,))]


def test_what_was_thrown_away_is_restored_whatever_else_differs() -> None:
    assert plan(DESIRED, actual(archived=True, name="Two")) == [Change("restore", CARD, "One")]


def test_what_is_no_longer_desired_is_archived_dashboards_first_and_once() -> None:
    assert plan({}, actual()) == [Change("archive", BOARD, "Board"), Change("archive", CARD, "One")]
    assert plan({BOARD: DESIRED[BOARD]}, actual(archived=True)) == []


def test_a_foreign_name_is_in_the_way_only_of_what_is_still_to_be_made() -> None:
    with pytest.raises(UsageError, match="a card named 'One' that txwatch did not make is in the way"):
        plan(DESIRED, {}, {("card", "One")})
    assert plan(DESIRED, actual(), {("card", "One")}) == []
    assert plan(DESIRED, {}, {("dashboard", "One")})


@pytest.mark.parametrize(
    ("held", "asked", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 2}}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([{"a": 1, "z": 0}], [{"a": 1}], True),
        ([{"a": 1}, {"a": 2}], [{"a": 1}], False),
        ([2, 1], [1, 2], False),
        (None, {"a": 1}, False),
        ("1", 1, False),
    ],
)
def test_objects_may_hold_more_lists_may_not(held: Any, asked: Any, expected: bool) -> None:
    assert covers(held, asked) is expected


@pytest.mark.parametrize(
    ("description", "key"),
    [
        ("Is it?\n\ntxwatch:card/fraud_alerts", ("card", "fraud_alerts")),
        ("Is it?\n\ntxwatch:card/fraud_alerts \n", ("card", "fraud_alerts")),
        ("see txwatch:card/fraud_alerts for more", None),
        ("", None),
        (None, None),
    ],
)
def test_the_marker_is_the_last_word_of_a_description(description: str | None, key: Any) -> None:
    assert marker_of(description) == key
