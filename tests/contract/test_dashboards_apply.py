"""`txwatch dashboards plan | apply` against the double of Metabase."""

from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from txwatch.dashboards.definitions import DASHBOARDS, load_cards
from txwatch.dashboards.desired import marker_of
from txwatch.dashboards.metabase import Metabase
from txwatch.errors import UnavailableError, UsageError

CARDS = load_cards()


def applied(double: Any, **options: Any) -> list[str]:
    return [
        f"{change.action} {change.key[0]} {change.key[1]}" for change in double.provisioner(**options).apply()
    ]


def planned(double: Any, **options: Any) -> list[str]:
    return [
        f"{change.action} {change.key[0]} {change.key[1]}" for change in double.provisioner(**options).plan()
    ]


def collection_id(ask: Any) -> int:
    return int(next(one["id"] for one in ask("GET", "/api/collection") if one["name"] == "txwatch"))


def find(ask: Any, model: str, name: str) -> Any:
    items = ask("GET", f"/api/collection/{collection_id(ask)}/items?models={model}")["data"]
    number = next(item["id"] for item in items if marker_of(item["description"]) == (model, name))
    return ask("GET", f"/api/{model}/{number}")


def test_the_first_apply_creates_everything_and_the_second_nothing(double: Any) -> None:
    first = Counter(line.rsplit(" ", 1)[0] for line in applied(double))
    assert first == {
        "create administrator": 1,
        "create collection": 1,
        "create database": 1,
        "create card": len(CARDS),
        "create dashboard": len(DASHBOARDS),
    }
    assert applied(double) == []
    assert planned(double) == []


def test_plan_before_the_first_run_lists_what_apply_would_do_and_does_nothing(double: Any) -> None:
    expected = planned(double)
    assert planned(double) == expected
    assert applied(double) == expected


def test_dashboards_hold_their_cards_where_the_definitions_say(double: Any) -> None:
    applied(double)
    ask = double.person()
    for board in DASHBOARDS:
        dashboard = find(ask, "dashboard", board.id)
        tabs = {tab["id"]: tab["name"] for tab in dashboard["tabs"]}
        assert tuple(tabs.values()) == board.tabs
        placed = {
            (marker_of(one["card"]["description"]), tabs[one["dashboard_tab_id"]], one["col"], one["row"])
            for one in dashboard["dashcards"]
        }
        assert placed == {
            (("card", card.id), card.tab, card.place.col, card.place.row)
            for card in CARDS
            if card.dashboard == board.id
        }


def test_each_filter_of_a_dashboard_reaches_each_card_that_takes_it(double: Any) -> None:
    applied(double)
    dashboard = find(double.person(), "dashboard", "fraud")
    reached = {
        (marker_of(one["card"]["description"])[1], mapping["parameter_id"])  # type: ignore[index]
        for one in dashboard["dashcards"]
        for mapping in one["parameter_mappings"]
    }
    assert reached == {
        (card.id, name) for card in CARDS if card.dashboard == "fraud" for name in card.filters
    }
    assert {parameter["id"] for parameter in dashboard["parameters"]} == {name for _, name in reached}


EDITS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "title": ("fraud_alerts", lambda card: {"name": card["name"] + " (mine)"}),
    "query": (
        "ops_last_commit",
        lambda card: {
            "dataset_query": {
                "type": "native",
                "database": card["dataset_query"]["database"],
                "native": {"query": "select 1 as seconds", "template-tags": {}},
            }
        },
    ),
    "chart": (
        "ops_throughput",
        lambda card: {"visualization_settings": card["visualization_settings"] | {"graph.show_values": True}},
    ),
    "kind of chart": ("ops_latency", lambda _: {"display": "table"}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_card_edited_by_hand_is_reported_and_restored(double: Any, edit: str) -> None:
    applied(double)
    ask = double.person()
    name, change = EDITS[edit]
    card = find(ask, "card", name)
    ask("PUT", f"/api/card/{card['id']}", change(card))
    assert planned(double) == [f"update card {name}"]
    assert applied(double) == [f"update card {name}"]
    restored = find(ask, "card", name)
    assert all(
        restored[field] == card[field]
        for field in ("name", "dataset_query", "display", "visualization_settings")
    )
    assert planned(double) == []


def test_a_card_and_a_dashboard_thrown_away_by_hand_come_back(double: Any) -> None:
    applied(double)
    ask = double.person()
    card, dashboard = find(ask, "card", "ops_scored"), find(ask, "dashboard", "fraud")
    ask("PUT", f"/api/card/{card['id']}", {"archived": True})
    ask("PUT", f"/api/dashboard/{dashboard['id']}", {"archived": True})
    assert applied(double) == [
        "restore card ops_scored",
        "update dashboard operations",
        "restore dashboard fraud",
    ]
    assert find(ask, "card", "ops_scored")["id"] == card["id"]
    assert find(ask, "dashboard", "fraud")["id"] == dashboard["id"]
    assert planned(double) == []


def test_the_collection_thrown_away_by_hand_comes_back_with_what_it_held(double: Any) -> None:
    applied(double)
    ask = double.person()
    number = collection_id(ask)
    ask("PUT", f"/api/collection/{number}", {"archived": True})
    assert "restore collection txwatch" in planned(double)
    applied(double)
    assert collection_id(ask) == number
    assert planned(double) == []


def test_a_moved_card_a_renamed_tab_and_a_removed_place_are_restored(double: Any) -> None:
    applied(double)
    ask = double.person()
    dashboard = find(ask, "dashboard", "operations")
    kept = ("id", "card_id", "dashboard_tab_id", "row", "col", "size_x", "size_y", "parameter_mappings")
    dashcards = [{name: one[name] for name in kept} for one in dashboard["dashcards"]]
    dashcards[0]["row"] = 40
    dashcards.pop(1)
    tabs = [
        {"id": tab["id"], "name": "Mine" if number == 0 else tab["name"]}
        for number, tab in enumerate(dashboard["tabs"])
    ]
    ask("PUT", f"/api/dashboard/{dashboard['id']}", {"dashcards": dashcards, "tabs": tabs})
    assert planned(double) == ["update dashboard operations"]
    applied(double)
    restored = find(ask, "dashboard", "operations")
    place = ("card_id", "row", "col", "size_x", "size_y")
    assert {tuple(one[name] for name in place) for one in restored["dashcards"]} == {
        tuple(one[name] for name in place) for one in dashboard["dashcards"]
    }
    assert [tab["name"] for tab in restored["tabs"]] == [tab["name"] for tab in dashboard["tabs"]]
    assert planned(double) == []


def test_a_card_removed_from_the_code_is_archived_and_comes_back_with_it(double: Any) -> None:
    applied(double)
    ask = double.person()
    number = find(ask, "card", "fraud_alerts")["id"]
    fewer = tuple(card for card in CARDS if card.id != "fraud_alerts")
    expected = ["update dashboard fraud", "archive card fraud_alerts"]
    assert planned(double, cards=fewer) == expected
    assert applied(double, cards=fewer) == expected
    assert planned(double, cards=fewer) == []
    assert ask("GET", f"/api/card/{number}")["archived"]
    assert applied(double) == ["restore card fraud_alerts", "update dashboard fraud"]
    assert not ask("GET", f"/api/card/{number}")["archived"]


def made_by_a_person(ask: Any) -> dict[str, Any]:
    """Put things everywhere near ours: beside, inside, with our marker copied, on our dashboard."""
    number = collection_id(ask)
    original = ask("GET", f"/api/card/{find(ask, 'card', 'fraud_alerts')['id']}?legacy-mbql=true")
    copied = ("description", "display", "visualization_settings", "parameters", "dataset_query")
    copy = {name: original[name] for name in copied} | {"name": "Alerts - Duplicate", "collection_id": number}
    copy["parameters"] = [{k: v for k, v in one.items() if k != "sectionId"} for one in copy["parameters"]]
    own = copy | {"name": "My own", "description": "mine", "collection_id": None}
    cards = [ask("POST", "/api/card", copy)["id"], ask("POST", "/api/card", own)["id"]]
    other = ask("POST", "/api/dashboard", {"name": "Theirs", "collection_id": number})["id"]
    ours = find(ask, "dashboard", "fraud")
    kept = ("id", "card_id", "dashboard_tab_id", "row", "col", "size_x", "size_y", "parameter_mappings")
    place = {"row": 60, "col": 0, "size_x": 4, "size_y": 4}
    written = {"text": "# note", "virtual_card": {"display": "text"}}
    dashcards = [{name: one[name] for name in kept} for one in ours["dashcards"]] + [
        place | {"id": -1, "card_id": cards[1], "dashboard_tab_id": ours["tabs"][0]["id"]},
        place | {"id": -2, "card_id": None, "dashboard_tab_id": -1, "visualization_settings": written},
    ]
    tabs = [{"id": tab["id"], "name": tab["name"]} for tab in ours["tabs"]] + [
        {"id": -1, "name": "Their tab"}
    ]
    ask("PUT", f"/api/dashboard/{ours['id']}", {"dashcards": dashcards, "tabs": tabs})
    return {"card": cards, "dashboard": [other], "fraud": [ours["id"]]}


def test_what_others_made_is_never_touched(double: Any) -> None:
    applied(double)
    ask = double.person()
    theirs = made_by_a_person(ask)
    assert planned(double) == []
    before = {
        model: [ask("GET", f"/api/{model}/{one}") for one in theirs[model]] for model in ("card", "dashboard")
    }
    on_ours = [one for one in find(ask, "dashboard", "fraud")["dashcards"] if one["row"] == 60]
    fewer = tuple(card for card in CARDS if card.id != "fraud_by_hour")
    applied(double, cards=fewer)
    applied(double)
    after = {
        model: [ask("GET", f"/api/{model}/{one}") for one in theirs[model]] for model in ("card", "dashboard")
    }
    assert after == before
    assert len(on_ours) == 2
    assert [one for one in find(ask, "dashboard", "fraud")["dashcards"] if one["row"] == 60] == on_ours
    assert "Their tab" in [tab["name"] for tab in find(ask, "dashboard", "fraud")["tabs"]]


def test_a_name_in_the_way_is_told_and_nothing_is_changed(double: Any) -> None:
    list(islice(double.provisioner().apply(), 1))
    ask = double.person()
    ask("POST", "/api/collection", {"name": "txwatch", "description": "someone's"})
    with pytest.raises(
        UsageError, match="a collection named 'txwatch' that txwatch did not make is in the way"
    ):
        applied(double)
    assert ask("GET", "/api/database")["total"] == 0


class Dying(Metabase):
    """A client whose connection breaks for good after some calls, before or after the server has acted."""

    def __init__(self, url: str, calls: int, *, answered: bool) -> None:
        super().__init__(url)
        self.left, self.answered = calls, answered

    def call(self, name: str, body: Any = None, **rest: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise UnavailableError("cut off")
        answer = super().call(name, body, **rest)
        if self.left == 0 and self.answered:
            raise UnavailableError("cut off before the answer came")
        return answer


@pytest.mark.parametrize("answered", [False, True])
def test_an_apply_cut_off_at_any_call_is_finished_by_the_next(double: Any, answered: bool) -> None:
    few = tuple(card for card in CARDS if card.id in ("ops_scored", "fraud_alerts", "fraud_by_rule"))
    finished = cut = 0
    while not finished:
        double.forget()
        client = Dying(double.url, cut, answered=answered)
        try:
            applied(double, cards=few, metabase=client, wait_seconds=0)
            finished = client.left >= 0
        except UnavailableError:
            applied(double, cards=few)
        assert planned(double, cards=few) == [], f"after {cut} calls"
        ask = double.person()
        names = [item["name"] for item in ask("GET", f"/api/collection/{collection_id(ask)}/items")["data"]]
        assert sorted(names) == sorted([card.title for card in few] + [board.title for board in DASHBOARDS])
        cut += 1
    assert cut > 20


def test_a_warehouse_that_does_not_open_is_told_and_finished_once_it_does(double: Any) -> None:
    with pytest.raises(
        UnavailableError, match=r"cannot open the warehouse dashboard_reader@warehouse:5432/warehouse"
    ):
        applied(double, warehouse_password="old")  # noqa: S106
    assert applied(double)[0] == "create database txwatch"


def test_a_changed_warehouse_password_is_seen_and_set(double: Any) -> None:
    applied(double)
    double.accepted.write_text("reader 2")
    assert planned(double) == ["update database txwatch"]
    assert applied(double, warehouse_password="reader 2") == ["update database txwatch"]  # noqa: S106
    assert planned(double) == []
