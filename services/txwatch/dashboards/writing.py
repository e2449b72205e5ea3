"""Carry out planned changes: bodies in our ids become requests in Metabase's numbers."""

from collections.abc import Mapping
from itertools import count
from typing import Any

from txwatch.dashboards.desired import COLLECTION, DATABASE, Body, Key
from txwatch.dashboards.metabase import Metabase, RefusedError
from txwatch.dashboards.planning import Change
from txwatch.dashboards.reading import Actual, dashcards_of
from txwatch.errors import UnavailableError

_PASSED_ON = (
    "id size_x size_y row col card_id action_id dashboard_tab_id parameter_mappings visualization_settings"
).split()
"""What a dashboard's update takes of a place that someone else made; the rest of what was read is refused."""


class Writer:
    """Makes changes in one Metabase, keeping the numbers of what it creates."""

    def __init__(
        self, metabase: Metabase, desired: Mapping[Key, Body], actual: Actual, password: str
    ) -> None:
        self._metabase = metabase
        self._desired = desired
        self._actual = actual
        self._numbers = actual.numbers
        self._password = password

    def carry_out(self, change: Change) -> None:
        """Make one change. A change that was half made is made whole by planning and writing again."""
        if change.action == "archive":
            self._metabase.call(
                f"update_{change.key[0]}", {"archived": True}, number=self._numbers[change.key]
            )
            return
        write = getattr(self, f"_write_{change.key[0]}")
        write(change.key, self._desired[change.key])

    def _save(self, key: Key, request: Body, *, with_archived: bool = True) -> None:
        if key in self._numbers:
            restored = {"archived": False} if with_archived else {}
            self._metabase.call(f"update_{key[0]}", request | restored, number=self._numbers[key])
        else:
            self._numbers[key] = self._metabase.call(f"create_{key[0]}", request)["id"]

    def _write_collection(self, key: Key, body: Body) -> None:
        self._save(key, body)

    def _write_database(self, key: Key, body: Body) -> None:
        details = body["details"] | {"password": self._password, "ssl": False}
        request = {"name": body["name"], "engine": body["engine"], "details": details}
        try:
            self._save(key, request, with_archived=False)
        except RefusedError as error:
            where = f"{details['user']}@{details['host']}:{details['port']}/{details['dbname']}"
            raise UnavailableError(f"Metabase cannot open the warehouse {where}: {error}") from None

    def _write_card(self, key: Key, body: Body) -> None:
        request = {name: value for name, value in body.items() if name not in ("native", "database")}
        request["dataset_query"] = {
            "type": "native",
            "database": self._numbers[DATABASE],
            "native": body["native"],
        }
        self._save(key, request | {"collection_id": self._numbers[COLLECTION]})

    def _write_dashboard(self, key: Key, body: Body) -> None:
        request = {name: body[name] for name in ("name", "description", "parameters")}
        request["collection_id"] = self._numbers[COLLECTION]
        self._save(key, request)
        present = self._actual.dashboards.get(key[1], {"tabs": [], "dashcards": []})
        layout = arrange(body, present, self._numbers)
        self._metabase.call("update_dashboard", layout, number=self._numbers[key])


def arrange(body: Body, present: Any, numbers: Mapping[Key, int]) -> Body:
    """Lay a dashboard out: our tabs and cards as they should be, others' places as they are.

    What is new bears a negative number until Metabase gives it its own; what is not sent is deleted.

    Args:
        body: the dashboard as it should be, in our ids.
        present: the dashboard as Metabase gave it.
        numbers: Metabase's number of each card.
    """
    new = count(-1, -1)
    held = dashcards_of(present, numbers)
    others = _others(present, numbers, held)
    tab_numbers = {tab["name"]: tab["id"] for tab in reversed(present["tabs"])}
    tabs = [{"id": tab_numbers.get(name) or next(new), "name": name} for name in body["tabs"]]
    sent = {tab["name"]: tab["id"] for tab in tabs}
    occupied = {one["dashboard_tab_id"] for one in others} - set(sent.values())
    tabs += [{"id": tab["id"], "name": tab["name"]} for tab in present["tabs"] if tab["id"] in occupied]
    # A tab that goes takes its places with it: they cannot be moved, only made anew.
    movable = {tab["id"] for tab in tabs} | {None}
    kept = {card: one["id"] for card, one in held.items() if one["dashboard_tab_id"] in movable}
    dashcards = [
        {
            "id": kept.get(card) or next(new),
            "card_id": numbers["card", card],
            "dashboard_tab_id": sent[place["tab"]],
            **{name: place[name] for name in ("row", "col", "size_x", "size_y")},
            "parameter_mappings": [
                {"parameter_id": parameter, "card_id": numbers["card", card], "target": target}
                for parameter, target in place["targets"].items()
            ],
            "visualization_settings": {},
        }
        for card, place in body["dashcards"].items()
    ]
    first = {"dashboard_tab_id": tabs[0]["id"]}
    return {
        "tabs": tabs,
        "dashcards": dashcards + [one | first if one["dashboard_tab_id"] is None else one for one in others],
    }


def _others(present: Any, numbers: Mapping[Key, int], held: Mapping[str, Any]) -> list[Body]:
    """Pick the places that someone else made, as an update takes them."""
    ours = {one["id"] for one in held.values()}
    leftover = {number for key, number in numbers.items() if key[0] == "card"}
    return [
        {name: dashcard[name] for name in _PASSED_ON if name in dashcard}
        | {"series": [{"id": one["id"]} for one in dashcard.get("series") or []]}
        for dashcard in present["dashcards"]
        if dashcard["id"] not in ours and dashcard["card_id"] not in leftover
    ]
