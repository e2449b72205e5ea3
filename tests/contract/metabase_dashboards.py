"""The double's dashboards."""

from typing import Any

from metabase_cards import refuse_target, shown_card
from metabase_state import RefusalError, State, lies_in, update_item

GRID_WIDTH = 24
"""frontend/src/metabase/utils/dashboard_grid.js, `GRID_WIDTH`."""


def show_dashboard(state: State, number: int, **_: Any) -> Any:
    """Places of archived cards are left out: src/metabase/dashboards/models/dashboard_card.clj."""
    row = state.get("dashboard", number)
    shown = []
    for dashcard in row["dashcards"]:
        card = state.rows["card"].get(dashcard["card_id"])
        if card is None or not card["archived"]:
            shown.append(
                dashcard | {"card": card and shown_card(state, card), "dashboard_id": number, "series": []}
            )
    return row | {
        "dashcards": shown,
        "collection_id": lies_in(state, row),
        "can_write": True,
        "last-edit-info": {},
    }


def create_dashboard(state: State, body: Any, **_: Any) -> Any:
    if body.get("collection_id"):
        state.get("collection", body["collection_id"])
    defaults: dict[str, Any] = {
        "description": None,
        "parameters": [],
        "dashcards": [],
        "tabs": [],
        "archived_directly": False,
    }
    return show_dashboard(state, state.insert("dashboard", defaults | {"collection_id": None} | body))


def update_dashboard(state: State, number: int, body: Any, **_: Any) -> Any:
    row = state.get("dashboard", number)
    layout = {name: body.pop(name) for name in ("dashcards", "tabs") if name in body}
    update_item(row, body)
    if "dashcards" in layout:
        refuse_layout(state, row, layout)
        tabs = {
            tab["id"]: tab["id"] if tab["id"] > 0 else state.next_part() for tab in layout.get("tabs", [])
        }
        row["tabs"] = [
            tab | {"id": tabs[tab["id"]], "dashboard_id": number} for tab in layout.get("tabs", [])
        ]
        row["dashcards"] = [
            {"visualization_settings": {}, "parameter_mappings": []}
            | one
            | {"id": one["id"] if one["id"] > 0 else state.next_part()}
            | {"dashboard_tab_id": tabs.get(one.get("dashboard_tab_id"))}
            for one in layout["dashcards"]
        ]
    return show_dashboard(state, number)


def refuse_layout(state: State, dashboard: Any, layout: Any) -> None:
    """Check new tabs and places as src/metabase/dashboards_rest/api.clj, `update-dashboard!`, does."""
    if dashboard["archived"]:
        raise RefusalError(404, "The object has been archived.")
    tabs = layout.get("tabs") or []
    _refuse_numbers("tabs", tabs, {tab["id"] for tab in dashboard["tabs"]})
    gone = {tab["id"] for tab in dashboard["tabs"]} - {tab["id"] for tab in tabs}
    # a tab that goes takes its places with it: dashboards/models/dashboard_tab.clj, `delete-tabs!`
    present = {one["id"] for one in dashboard["dashcards"] if one["dashboard_tab_id"] not in gone}
    _refuse_numbers("dashcards", layout["dashcards"], present)
    for dashcard in layout["dashcards"]:
        if tabs and dashcard.get("dashboard_tab_id") not in {tab["id"] for tab in tabs}:
            raise RefusalError(400, "This dashboard has tab, makes sure every card has a tab")
        _refuse_dashcard(state, dashboard, dashcard)


def _refuse_numbers(field: str, rows: Any, present: set[int]) -> None:
    """`ms/maps-with-unique-key`; and a number that is not there any more, which Metabase would make anew."""
    numbers = [row["id"] for row in rows]
    if len(set(numbers)) != len(numbers):
        raise RefusalError(400, errors={field: "value must be seq of maps in which ids are unique"})
    if stale := {number for number in numbers if number >= 0} - present:
        raise RefusalError(400, errors={field: f"stale ids {sorted(stale)}"})


def _refuse_dashcard(state: State, dashboard: Any, dashcard: Any) -> None:
    if dashcard["col"] + dashcard["size_x"] > GRID_WIDTH:
        raise RefusalError(400, errors={"dashcards": "beyond the grid"})
    if dashcard.get("card_id") is None:
        return
    card = state.get("card", dashcard["card_id"])
    if card["archived"]:  # `create-dashcards!`, `api/check-not-archived`
        raise RefusalError(404, "The object has been archived.")
    kinds = {parameter["id"]: parameter["type"] for parameter in dashboard["parameters"]}
    tags = card["dataset_query"]["native"].get("template-tags", {})
    for mapping in dashcard.get("parameter_mappings") or []:
        if mapping["parameter_id"] not in kinds:
            raise RefusalError(
                400, errors={"parameter_mappings": f"no parameter {mapping['parameter_id']!r}"}
            )
        if mapping.get("card_id") not in (None, dashcard["card_id"]):
            raise RefusalError(400, errors={"parameter_mappings": "another card's mapping"})
        refuse_target(kinds[mapping["parameter_id"]], mapping["target"], tags)
