"""Read what Metabase holds of ours, and bring it into the shape that `plan` compares."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from txwatch.dashboards.desired import COLLECTION, DATABASE, DATABASE_NAME, Body, Key, marker_of
from txwatch.dashboards.metabase import Metabase

READER = "dashboard_reader"


@dataclass
class Actual:
    """What is there: bodies and Metabase's numbers of ours, names of others', dashboards as they came."""

    bodies: dict[Key, Body] = field(default_factory=dict)
    numbers: dict[Key, int] = field(default_factory=dict)
    foreign: set[Key] = field(default_factory=set)
    dashboards: dict[str, Any] = field(default_factory=dict)

    def add(self, key: Key, number: int, body: Body) -> None:
        """Take note of an object of ours."""
        self.bodies[key], self.numbers[key] = body, number


def read_actual(metabase: Metabase) -> Actual:
    """Read everything of ours, the trash included.

    Of several objects with one marker the oldest is ours: a copy made in Metabase carries its original's
    description, and belongs to who made it.
    """
    actual = Actual()
    _read_database(metabase, actual)
    _read_collection(metabase, actual)
    for item in _items(metabase, actual):
        key = marker_of(item.get("description"))
        if key is None or key[0] != item["model"]:
            actual.foreign.add((item["model"], item["name"]))
        elif key not in actual.numbers:
            read = _read_card if key[0] == "card" else _read_dashboard
            read(metabase, actual, key, item["id"])
    return actual


def _read_database(metabase: Metabase, actual: Actual) -> None:
    for database in metabase.call("databases")["data"]:
        if database["name"] != DATABASE_NAME:
            continue
        details = database.get("details") or {}
        if database["engine"] != "postgres" or details.get("user") != READER:
            actual.foreign.add(("database", DATABASE_NAME))
            continue
        connects = metabase.call("database_health", number=database["id"])["status"] == "ok"
        actual.add(DATABASE, database["id"], database | {"connects": connects, "archived": False})


def _read_collection(metabase: Metabase, actual: Actual) -> None:
    present = metabase.call("collections") + metabase.call("collections", query={"archived": "true"})
    numbered = (collection for collection in present if isinstance(collection["id"], int))
    for collection in sorted(numbered, key=lambda collection: collection["id"]):
        if marker_of(collection.get("description")) == COLLECTION and COLLECTION not in actual.numbers:
            actual.add(
                COLLECTION, collection["id"], collection | {"archived": bool(collection.get("archived"))}
            )
        elif collection.get("location") == "/" and not collection.get("archived"):
            actual.foreign.add(("collection", collection["name"]))


def _items(metabase: Metabase, actual: Actual) -> Iterable[Any]:
    """List our collection and what of ours was thrown away: cards before dashboards, each oldest first."""
    listed: list[Any] = []
    if COLLECTION in actual.numbers:
        listed += _contents(metabase, actual.numbers[COLLECTION])
    trashed = _contents(metabase, metabase.call("trash")["id"])
    listed += [item for item in trashed if marker_of(item.get("description"))]
    return sorted(listed, key=lambda item: (item["model"], item["id"]))


def _contents(metabase: Metabase, collection: int) -> list[Any]:
    contents = metabase.call("items", number=collection, query={"models": ["card", "dashboard"]})
    return list(contents["data"])


def _read_card(metabase: Metabase, actual: Actual, key: Key, number: int) -> None:
    # Since 0.57 Metabase answers in MBQL 5, to be treated as opaque, unless it is asked for the form before.
    found = metabase.call("card", number=number, query={"legacy-mbql": "true"})
    query = found["dataset_query"]
    database = DATABASE[1] if query.get("database") == actual.numbers.get(DATABASE) else query.get("database")
    archived = bool(found.get("archived"))
    actual.add(
        key, number, found | {"native": query.get("native"), "database": database, "archived": archived}
    )


def _read_dashboard(metabase: Metabase, actual: Actual, key: Key, number: int) -> None:
    found = metabase.call("dashboard", number=number)
    actual.dashboards[key[1]] = found
    held = dashcards_of(found, actual.numbers)
    foreign = {one["dashboard_tab_id"] for one in found["dashcards"]} - {
        one["dashboard_tab_id"] for one in held.values()
    }
    shape = {
        "tabs": [tab["name"] for tab in found["tabs"] if tab["id"] not in foreign],
        "dashcards": {card: _dashcard(dashcard, found["tabs"]) for card, dashcard in held.items()},
        "archived": bool(found.get("archived")),
    }
    actual.add(key, number, found | shape)


def dashcards_of(dashboard: Any, numbers: Mapping[Key, int]) -> dict[str, Any]:
    """Pick a dashboard's places that show our cards, by card; the oldest where a card stands twice."""
    cards = {number: key[1] for key, number in numbers.items() if key[0] == "card"}
    held: dict[str, Any] = {}
    for dashcard in sorted(dashboard["dashcards"], key=lambda one: one["id"]):
        if dashcard["card_id"] in cards:
            held.setdefault(cards[dashcard["card_id"]], dashcard)
    return held


def _dashcard(dashcard: Any, tabs: list[Any]) -> Body:
    names = {tab["id"]: tab["name"] for tab in tabs}
    return {
        "tab": names.get(dashcard["dashboard_tab_id"]),
        **{name: dashcard[name] for name in ("row", "col", "size_x", "size_y")},
        "targets": {one["parameter_id"]: one["target"] for one in dashcard.get("parameter_mappings") or []},
    }
