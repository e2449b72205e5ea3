"""The double's first run, sessions, databases and collections."""

import uuid
from typing import Any

from metabase_state import RefusalError, State, lies_in

PROTECTED = "**MetabasePass**"
"""What stands for a secret in an answer: src/metabase/secrets/models/secret.clj, `protected-password`."""


def health(state: State, **_: Any) -> Any:
    """src/metabase/server/routes.clj, `/api/health`: 503 and `initializing` until it has started."""
    if state.starting > 0:
        state.starting -= 1
        raise RefusalError(503, {"status": "initializing", "progress": 0.3})
    return {"status": "ok"}


def properties(state: State, **_: Any) -> Any:
    return {
        "has-user-setup": bool(state.users),
        "setup-token": state.setup_token,
        "version": {"tag": state.version, "branch": "release", "hash": "0000000", "date": "2026-01-01"},
        "site-name": "Metabase",
        "available-locales": [["en", "English"]],
    }


def set_up(state: State, body: Any, **_: Any) -> Any:
    """src/metabase/setup_rest/api.clj: 403 when a user exists; the token is cleared once it has been used."""
    if state.users:
        raise RefusalError(
            403,
            "The /api/setup route can only be used to create the first user",
        )
    if body["token"] != state.setup_token:
        raise RefusalError(400, errors={"token": "Token does not match the setup token."})
    state.users[body["user"]["email"].lower()] = body["user"]["password"]
    state.setup_token = None
    return _new_session(state)


def log_in(state: State, body: Any, **_: Any) -> Any:
    """src/metabase/session/api.clj: 401, and not a word on which of the two was wrong."""
    if state.users.get(body["username"].lower()) != body["password"]:
        raise RefusalError(401, errors={"password": "did not match stored password"})
    return _new_session(state)


def _new_session(state: State) -> Any:
    session = str(uuid.uuid4())
    state.sessions.add(session)
    return {"id": session}


def log_out(state: State, session: str, **_: Any) -> None:
    state.sessions.remove(session)


def databases(state: State, **_: Any) -> Any:
    shown = [_shown_database(row) for row in state.rows["database"].values()]
    return {"data": shown, "total": len(shown)}


def _shown_database(row: Any) -> Any:
    return row | {"details": row["details"] | {"password": PROTECTED}, "features": ["basic-aggregations"]}


def create_database(state: State, body: Any, **_: Any) -> Any:
    """src/metabase/warehouses_rest/api.clj, POST: the connection is tried first."""
    _refuse_connection(state, body["details"])
    return _shown_database(state.get("database", state.insert("database", {"description": None} | body)))


def update_database(state: State, number: int, body: Any, **_: Any) -> Any:
    row = state.get("database", number)
    if "details" in body:
        if body["details"]["password"] == PROTECTED:  # `upsert-sensitive-fields`
            body["details"]["password"] = row["details"]["password"]
        _refuse_connection(state, body["details"])
    row.update(body)
    return _shown_database(row)


def _refuse_connection(state: State, details: Any) -> None:
    if not state.opens(details):
        words = f'FATAL: password authentication failed for user "{details["user"]}"'
        raise RefusalError(
            400,
            {"message": words, "errors": {"user": "check your username", "password": "check your password"}},
        )


def database_health(state: State, number: int, **_: Any) -> Any:
    ok = state.opens(state.get("database", number)["details"])
    return {"status": "ok"} if ok else {"status": "error", "message": "password authentication failed"}


def collections(state: State, query: Any, **_: Any) -> Any:
    """src/metabase/collections_rest/api.clj, GET "/": the root stands first and has no number."""
    archived = query.get("archived") == ["true"]
    root = [] if archived else [{"id": "root", "name": "Our analytics", "archived": False}]
    rows = state.rows["collection"].values()
    return root + [row for row in rows if row["archived"] == archived and row.get("type") != "trash"]


def create_collection(state: State, body: Any, **_: Any) -> Any:
    location = f"/{body['parent_id']}/" if body.get("parent_id") else "/"
    return state.get(
        "collection", state.insert("collection", {"location": location, "description": None} | body)
    )


def update_collection(state: State, number: int, body: Any, **_: Any) -> Any:
    """`archived` is false where it is not sent, so that any update takes a collection out of the trash."""
    row = state.get("collection", number)
    archived = bool(body.get("archived", False))
    if archived != row["archived"]:
        for model in ("card", "dashboard"):
            for item in state.rows[model].values():
                if item["collection_id"] == number and not item["archived_directly"]:
                    item["archived"] = archived
    row.update(body | {"archived": archived})
    return row


def trash(state: State, **_: Any) -> Any:
    return state.get("collection", state.trash)


def items(state: State, number: int, query: Any, **_: Any) -> Any:
    """Contents of a collection; what was thrown away itself lies in the trash, not where it was."""
    collection = state.get("collection", number)
    archived = query.get("archived") == ["true"] or collection["archived"] or number == state.trash
    data = [
        {name: row[name] for name in ("id", "name", "description", "archived", "entity_id")}
        | {"model": model, "collection_id": number, "collection_position": None, "can_write": True}
        for model in query.get("models", ["card", "dashboard"])
        for row in state.rows[model].values()
        if row["archived"] == archived and lies_in(state, row) == number
    ]
    return {"total": len(data), "data": data, "models": ["card", "dashboard"], "limit": None, "offset": None}
