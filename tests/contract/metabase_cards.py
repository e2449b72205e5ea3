"""The double's cards."""

import re
from typing import Any

from metabase_schemas import ALLOWED_FOR
from metabase_state import RefusalError, State, lies_in, update_item


def show_card(state: State, number: int, query: Any, **_: Any) -> Any:
    """GET "/:id": as of v57 the query comes as MBQL 5, with `?legacy-mbql=true` as MBQL 4."""
    row = state.get("card", number)
    legacy = query.get("legacy-mbql") == ["true"]
    return shown_card(state, row) | ({"dataset_query": row["dataset_query"]} if legacy else {})


def shown_card(state: State, row: Any) -> Any:
    extra = {
        "collection_id": lies_in(state, row),
        "query_type": "native",
        "result_metadata": [],
        "can_write": True,
    }
    parameters = [one | {"sectionId": one.get("sectionId", "filter")} for one in row["parameters"]]
    return row | extra | {"dataset_query": mbql5(row["dataset_query"]), "parameters": parameters}


def create_card(state: State, body: Any, **_: Any) -> Any:
    refuse_card(state, body)
    defaults: dict[str, Any] = {
        "description": None,
        "type": "question",
        "parameters": [],
        "archived_directly": False,
    }
    return shown_card(
        state, state.get("card", state.insert("card", defaults | {"collection_id": None} | body))
    )


def update_card(state: State, number: int, body: Any, **_: Any) -> Any:
    row = state.get("card", number)
    refuse_card(state, row | body)
    update_item(row, body)
    return shown_card(state, row)


def mbql5(query: Any) -> Any:
    """The shape in which a native query comes back: src/metabase/lib/convert.cljc, legacy -> MBQL 5."""
    stage = {"lib/type": "mbql.stage/native", "native": query["native"]["query"]}
    if tags := query["native"].get("template-tags"):
        stage["template-tags"] = tags
    return {"lib/type": "mbql/query", "database": query["database"], "stages": [stage]}


def refuse_card(state: State, card: Any) -> None:
    """Check what a card refers to."""
    state.get("database", card["dataset_query"]["database"])
    if card.get("collection_id"):
        collection = state.get("collection", card["collection_id"])
        if collection["archived"] and not card.get("archived"):
            raise RefusalError(400, "cannot put a card into an archived collection")
    native = card["dataset_query"]["native"]
    tags = native.get("template-tags", {})
    # src/metabase/lib/schema/template_tag.cljc, `::template-tag-map`
    if any(name != tag["name"] for name, tag in tags.items()):
        raise RefusalError(
            400, errors={"dataset_query": "keys in template tag map must match the :name of their values"}
        )
    # src/metabase/lib/native.cljc, `extract-template-tags`: what the editor derives from the query's text
    used = set(re.findall(r"\{\{\s*([A-Za-z0-9_.\-]+)\s*\}\}", native["query"]))
    if used != set(tags):
        raise RefusalError(
            400, errors={"dataset_query": f"template tags {sorted(tags)} but the query uses {sorted(used)}"}
        )
    # docs/questions/native-editor/optional-variables.md: `[[` and `]]` stand around at least one variable
    for clause in re.findall(r"\[\[(.*?)\]\]", native["query"], re.DOTALL):
        if "{{" not in clause:
            raise RefusalError(400, errors={"dataset_query": "optional clause without a variable"})
    for parameter in card.get("parameters") or []:
        refuse_target(parameter["type"], parameter["target"], tags)


def refuse_target(kind: str, target: Any, tags: Any) -> None:
    """src/metabase/lib/schema/parameter.cljc, `types`: a parameter reaches variables that allow its type."""
    tag = tags.get(target[1][1])
    if tag is None:
        raise RefusalError(400, errors={"target": f"no template tag {target[1][1]!r}"})
    if tag["type"] not in ALLOWED_FOR.get(kind, set()):
        raise RefusalError(400, errors={"type": f"{kind} is not allowed for a {tag['type']} variable"})
