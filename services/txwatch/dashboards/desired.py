"""What Metabase should hold, as bodies in our own ids: no number that only one Metabase knows.

A body is what `plan` compares. What is ours carries a marker as the last word of its description; whatever
has none was made by someone else and is never touched.
"""

import re
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from txwatch.dashboards.definitions import (
    DASHBOARDS,
    FILTERS,
    Card,
    Chart,
    Dashboard,
    Filter,
    cards_of,
    filters_of,
)

Key = tuple[str, str]
"""Kind (`collection`, `database`, `card`, `dashboard`) and our id."""
Body = dict[str, Any]

COLLECTION: Key = ("collection", "txwatch")
DATABASE: Key = ("database", "txwatch")
DATABASE_NAME = "txwatch warehouse"

_MARKER = re.compile(r"txwatch:(card|collection|dashboard)/([a-z][a-z0-9_]*)\s*\Z")
_DISPLAYS = {"number": "scalar"}


def marker_of(description: str | None) -> Key | None:
    """Read whose an object is from its description; `None`: not ours."""
    found = _MARKER.search(description or "")
    return (found[1], found[2]) if found else None


def _marked(key: Key, sentence: str) -> str:
    return f"{sentence}\n\ntxwatch:{key[0]}/{key[1]}"


def desired_state(cards: tuple[Card, ...], connection: Mapping[str, Any]) -> dict[Key, Body]:
    """Build every body, in an order in which they can be made.

    The connection's password is in none: Metabase never tells it, so whether it `connects` is compared.

    Args:
        cards: all cards of all dashboards.
        connection: the warehouse as `Settings.postgres("dashboard_reader")` gives it.
    """
    state: dict[Key, Body] = {
        COLLECTION: {
            "name": "txwatch",
            "description": _marked(COLLECTION, "Made from code: edits are undone."),
        },
        DATABASE: {
            "name": DATABASE_NAME,
            "engine": "postgres",
            "details": {name: connection[name] for name in ("host", "port", "dbname", "user")},
            "connects": True,
        },
    }
    state |= {("card", card.id): card_body(card) for card in cards}
    state |= {("dashboard", board.id): dashboard_body(board, cards_of(board, cards)) for board in DASHBOARDS}
    return state


def card_body(card: Card) -> Body:
    """Describe a card; `database` and `native` become its `dataset_query` once the numbers are known."""
    choices = [choice for choice in FILTERS if choice.id in card.filters]
    return {
        "name": card.title,
        "description": _marked(("card", card.id), card.question),
        "type": "question",
        "display": _DISPLAYS.get(card.chart.kind, card.chart.kind),
        "visualization_settings": visualization(card.chart),
        "parameters": [_card_parameter(choice) for choice in choices],
        "database": DATABASE[1],
        "native": {
            "query": card.sql,
            "template-tags": {choice.id: _template_tag(choice) for choice in choices},
        },
    }


def visualization(chart: Chart) -> Body:
    """Say in Metabase's words how a chart is drawn."""
    if chart.kind == "table":
        return {}
    if chart.kind == "number":
        suffix = {"suffix": f" {chart.unit}"} if chart.unit else {}
        return {"scalar.field": chart.y[0]} | (
            {"column_settings": {f'["name","{chart.y[0]}"]': suffix}} if suffix else {}
        )
    drawn: Body = {
        "graph.dimensions": [chart.x, chart.series] if chart.series else [chart.x],
        "graph.metrics": list(chart.y),
    }
    if chart.stacked:
        drawn["stackable.stack_type"] = "stacked"
    if chart.unit:
        drawn["graph.y_axis.title_text"] = chart.unit
    return drawn


def _target(choice: Filter) -> list[Any]:
    return ["variable", ["template-tag", choice.id]]


def _tag_id(choice: Filter) -> str:
    return str(uuid5(NAMESPACE_URL, f"txwatch:filter/{choice.id}"))


def _template_tag(choice: Filter) -> Body:
    return {"id": _tag_id(choice), "name": choice.id, "display-name": choice.title, "type": choice.kind}


def _card_parameter(choice: Filter) -> Body:
    return {
        "id": _tag_id(choice),
        "type": "date/single" if choice.kind == "date" else "category",
        "target": _target(choice),
        "name": choice.title,
        "slug": choice.id,
    }


def dashboard_body(dashboard: Dashboard, cards: tuple[Card, ...]) -> Body:
    """Describe a dashboard: filters, tabs by name, and where each card stands and which filters reach it."""
    choices = filters_of(cards)
    return {
        "name": dashboard.title,
        "description": _marked(("dashboard", dashboard.id), dashboard.description),
        "parameters": [_dashboard_parameter(choice) for choice in choices],
        "tabs": list(dashboard.tabs),
        "dashcards": {card.id: _dashcard(card) for card in cards},
    }


def _dashboard_parameter(choice: Filter) -> Body:
    # Only these two types may reach a plain variable: src/metabase/lib/schema/parameter.cljc.
    kind, section = ("date/single", "date") if choice.kind == "date" else ("string/=", "string")
    widget: Body = {
        "id": choice.id,
        "name": choice.title,
        "slug": choice.id,
        "type": kind,
        "sectionId": section,
    }
    if choice.choices:
        widget |= {
            "values_source_type": "static-list",
            "values_source_config": {"values": list(choice.choices)},
        }
    return widget


def _dashcard(card: Card) -> Body:
    return {
        "tab": card.tab,
        "row": card.place.row,
        "col": card.place.col,
        "size_x": card.place.width,
        "size_y": card.place.height,
        "targets": {choice.id: _target(choice) for choice in FILTERS if choice.id in card.filters},
    }
