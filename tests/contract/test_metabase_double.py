"""The double is as strict as it claims, and what comes back from it has Metabase's shape."""

from typing import Any

import pytest
import requests
from metabase_process import ADMINISTRATOR, Double

from txwatch.dashboards.conformance import differences
from txwatch.dashboards.metabase import CALLS, Call, Metabase

QUERY = {
    "type": "native",
    "database": 1,
    "native": {
        "query": "select 1 where true [[and 1 = {{day}}]]",
        "template-tags": {"day": {"id": "a", "name": "day", "display-name": "Day", "type": "date"}},
    },
}
CARD = {
    "name": "card",
    "dataset_query": QUERY,
    "display": "table",
    "visualization_settings": {},
    "collection_id": 2,
}


@pytest.fixture
def session(double: Double) -> dict[str, str]:
    """Set the double up: database 1, collection 2 (1 is the trash), card 1, dashboard 1."""
    token = requests.get(f"{double.url}/api/session/properties", timeout=5).json()["setup-token"]
    user = {"email": ADMINISTRATOR.email, "password": ADMINISTRATOR.password}
    set_up = {"token": token, "user": user, "prefs": {"site_name": "x"}}
    answer = requests.post(f"{double.url}/api/setup", json=set_up, timeout=5).json()
    session = {"X-Metabase-Session": answer["id"]}
    details = {"host": "h", "port": 1, "dbname": "d", "user": "u", "password": "reader 1"}
    for path, body in {
        "database": {"name": "db", "engine": "postgres", "details": details},
        "collection": {"name": "c"},
        "card": CARD,
        "dashboard": {"name": "d", "parameters": [{"id": "day", "type": "date/single"}]},
    }.items():
        requests.post(f"{double.url}/api/{path}", json=body, headers=session, timeout=5).raise_for_status()
    return session


def edited(path: str, value: Any, body: Any = CARD) -> Any:
    """Copy a body with one value replaced; `path` is dotted."""
    first, _, rest = path.partition(".")
    return body | {first: edited(rest, value, body[first]) if rest else value}


TAGS = "dataset_query.native.template-tags"
MAPPING = {"parameter_id": "day", "card_id": 1, "target": ["variable", ["template-tag", "day"]]}
DASHCARD = {
    "id": -1,
    "card_id": 1,
    "row": 0,
    "col": 0,
    "size_x": 4,
    "size_y": 4,
    "parameter_mappings": [MAPPING],
}


def dashcard(**changes: Any) -> Any:
    """Ask for a dashboard with one place that differs from a good one."""
    return {"dashcards": [DASHCARD | changes]}


def mapping(**changes: Any) -> Any:
    """Ask for a dashboard with one filter that reaches a card otherwise than well."""
    return dashcard(parameter_mappings=[MAPPING | changes])


def parameter(kind: str) -> Any:
    return CARD | {"parameters": [{"id": "a", "type": kind, "target": MAPPING["target"]}]}


REFUSED_CARDS = {
    "unknown field": (CARD | {"dataset": False}, 400),
    "missing field": ({"name": "card"}, 400),
    "wrong type": (edited("name", 7), 400),
    "blank name": (edited("name", " "), 400),
    "query in MBQL 5": (edited("dataset_query", {"lib/type": "mbql/query", "stages": []}), 400),
    "database that is not there": (edited("dataset_query.database", 9), 404),
    "collection that is not there": (edited("collection_id", 9), 404),
    "variable without tag": (edited(TAGS, {}), 400),
    "tag under another name": (edited(f"{TAGS}.day.name", "x"), 400),
    "tag of unknown type": (edited(f"{TAGS}.day.type", "datetime"), 400),
    "clause without variable": (edited("dataset_query.native.query", "select {{day}} [[x]]"), 400),
    "parameter that the tag does not allow": (parameter("string/="), 400),
}
REFUSED_LAYOUTS = {
    "place of a stale card": (dashcard(card_id=9), 404),
    "stale place": (dashcard(id=9), 400),
    "two places of one id": ({"dashcards": [DASHCARD, DASHCARD]}, 400),
    "place as it is read": (dashcard(card={}), 400),
    "place beyond the grid": (dashcard(col=22), 400),
    "place without tab": (dashcard() | {"tabs": [{"id": -1, "name": "t"}, {"id": -2, "name": "u"}]}, 400),
    "stale tab": (dashcard(dashboard_tab_id=9) | {"tabs": [{"id": 9, "name": "t"}]}, 400),
    "mapping of an unknown parameter": (mapping(parameter_id="x"), 400),
    "mapping to an unknown tag": (mapping(target=["variable", ["template-tag", "x"]]), 400),
}
SECOND_SET_UP = {
    "token": "t",
    "user": {"email": "a@b.c", "password": "abcdef1"},
    "prefs": {"site_name": "x"},
}
WRONG_PASSWORD = {"host": "h", "port": 1, "dbname": "d", "user": "u", "password": "wrong"}
REFUSED = {
    "stale card": ("PUT", "card/9", {"name": "x"}, 404),
    "stale dashboard": ("PUT", "dashboard/9", {"name": "x"}, 404),
    "second set-up": ("POST", "setup", SECOND_SET_UP, 403),
    "warehouse that does not open": (
        "POST",
        "database",
        {"name": "n", "engine": "postgres", "details": WRONG_PASSWORD},
        400,
    ),
    "endpoint that is gone": ("POST", "dashboard/1/cards", {}, 404),
    **{case: ("POST", "card", *refused) for case, refused in REFUSED_CARDS.items()},
    **{case: ("PUT", "dashboard/1", *refused) for case, refused in REFUSED_LAYOUTS.items()},
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(double: Double, session: dict[str, str], case: str) -> None:
    method, path, body, status = REFUSED[case]
    answer = requests.request(method, f"{double.url}/api/{path}", json=body, headers=session, timeout=5)
    assert answer.status_code == status, answer.text


def test_takes_what_the_refused_ones_were_made_from(double: Double, session: dict[str, str]) -> None:
    body = {"dashcards": [DASHCARD]}
    answer = requests.put(f"{double.url}/api/dashboard/1", json=body, headers=session, timeout=5)
    assert answer.ok, answer.text


def test_a_call_without_a_session_is_unauthenticated(double: Double) -> None:
    assert requests.get(f"{double.url}/api/card/1", timeout=5).status_code == 401


def test_a_card_comes_back_in_mbql_5_unless_the_old_form_is_asked_for(
    double: Double, session: dict[str, str]
) -> None:
    card = requests.get(f"{double.url}/api/card/1", headers=session, timeout=5).json()["dataset_query"]
    assert card["lib/type"] == "mbql/query"
    assert card["stages"][0]["native"] == QUERY["native"]["query"]  # type: ignore[index]
    old = requests.get(f"{double.url}/api/card/1?legacy-mbql=true", headers=session, timeout=5).json()
    assert old["dataset_query"] == QUERY


def test_our_calls_fit_what_the_double_describes_of_itself(double: Double) -> None:
    assert differences(Metabase(double.url).openapi()) == []


def test_a_call_that_does_not_fit_is_named(double: Double) -> None:
    calls = {
        "gone": Call("GET", "/api/pulse"),
        "renamed": Call("POST", "/api/collection", frozenset({"title"})),
    }
    assert differences(Metabase(double.url).openapi(), calls) == [
        "GET /api/pulse: not there",
        "POST /api/collection: does not take title",
        "POST /api/collection: needs name",
    ]


def test_references_and_parts_of_a_schema_are_followed() -> None:
    body = {"allOf": [{"$ref": "#/components/schemas/card"}, {"properties": {"display": {}}}]}
    operation = {"requestBody": {"content": {"application/json": {"schema": body}}}}
    spec = {
        "components": {"schemas": {"card": {"properties": {"name": {}}, "required": ["name"]}}},
        "paths": {"/api/card/": {"post": operation}},
    }
    assert differences(spec, {"card": Call("POST", "/api/card", frozenset({"name", "display"}))}) == []
    first, *_ = differences(spec, {"card": CALLS["create_card"]})
    assert first == "POST /api/card: does not take collection_id"
