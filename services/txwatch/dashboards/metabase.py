"""The few calls of Metabase's REST API that the provisioner makes, and nothing that decides.

Facts on the API are from Metabase's own sources (0.65): src/metabase/{setup_rest,session,collections_rest,
warehouses_rest,queries_rest,dashboards_rest}. Fields that an endpoint does not declare are dropped without a
word (src/metabase/api/macros.clj), so every field that is sent stands in `CALLS`, where `check` can find it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import requests

from txwatch.errors import TxwatchError, UnavailableError

TIMEOUT_SECONDS = 60
"""Making a database connection tests it first, and that may take Metabase a while."""


class RefusedError(TxwatchError):
    """Metabase answered, and said no."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Call:
    """One operation: method, path with `{id}` where one goes, the body fields that are sent."""

    method: str
    path: str
    fields: frozenset[str] = frozenset()


def _call(operation: str, fields: str = "") -> Call:
    method, path = operation.split()
    return Call(method, path, frozenset(fields.split()))


CALLS: Mapping[str, Call] = {
    "health": _call("GET /api/health"),
    "properties": _call("GET /api/session/properties"),
    "set_up": _call("POST /api/setup", "token user prefs"),
    "log_in": _call("POST /api/session", "username password"),
    "log_out": _call("DELETE /api/session"),
    "databases": _call("GET /api/database"),
    "create_database": _call("POST /api/database", "name engine details"),
    "update_database": _call("PUT /api/database/{id}", "name engine details"),
    "database_health": _call("GET /api/database/{id}/healthcheck"),
    "collections": _call("GET /api/collection"),
    "create_collection": _call("POST /api/collection", "name description"),
    "update_collection": _call("PUT /api/collection/{id}", "name description archived"),
    "trash": _call("GET /api/collection/trash"),
    "items": _call("GET /api/collection/{id}/items"),
    "card": _call("GET /api/card/{id}"),
    "create_card": _call(
        "POST /api/card",
        "name description type display visualization_settings parameters dataset_query collection_id",
    ),
    "update_card": _call(
        "PUT /api/card/{id}",
        "name description type display visualization_settings parameters dataset_query collection_id "
        "archived",
    ),
    "dashboard": _call("GET /api/dashboard/{id}"),
    "create_dashboard": _call("POST /api/dashboard", "name description parameters collection_id"),
    "update_dashboard": _call(
        "PUT /api/dashboard/{id}", "name description parameters collection_id archived dashcards tabs"
    ),
}


class Metabase:
    """One Metabase, spoken to over HTTP; logged in after `authorize`."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = requests.Session()

    def authorize(self, session_id: str) -> None:
        """Send this session with every call from now on."""
        self._http.headers["X-Metabase-Session"] = session_id

    def call(
        self,
        name: str,
        body: Mapping[str, Any] | None = None,
        *,
        number: int | None = None,
        query: Mapping[str, str | list[str]] | None = None,
    ) -> Any:
        """Make one of `CALLS` and return the decoded answer.

        Raises:
            UnavailableError: nothing answers, or not as Metabase does.
            RefusedError: Metabase answered with an error.
        """
        operation = CALLS[name]
        if undeclared := set(body or ()) - operation.fields:
            raise ValueError(f"{name}: {sorted(undeclared)} not in CALLS")
        return self._exchange(operation.method, operation.path.format(id=number), body, query)

    def openapi(self) -> Any:
        """Fetch the description that a running Metabase gives of its own API."""
        return self._exchange("GET", "/api/docs/openapi.json", None, None)

    def _exchange(
        self, method: str, path: str, body: Mapping[str, Any] | None, query: Mapping[str, Any] | None
    ) -> Any:
        try:
            answer = self._http.request(
                method,
                self.url + path,
                json=body,
                params=query,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
            if not answer.ok:
                raise RefusedError(
                    answer.status_code, f"{method} {path}: {answer.status_code} {_reason(answer)}"
                )
            return answer.json() if answer.content else None
        except requests.JSONDecodeError:
            raise UnavailableError(
                f"{self.url} does not answer as Metabase does ({method} {path}): check TXWATCH_METABASE_URL"
            ) from None
        except requests.RequestException as error:
            raise UnavailableError(
                f"Metabase at {self.url} does not answer ({type(error).__name__}): "
                "start it, or set TXWATCH_METABASE_URL"
            ) from None


def _reason(answer: requests.Response) -> str:
    """Find the words in an error's body, which is text, `{"message"}` or `{"errors": {field: words}}`."""
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        return answer.text[:200]
    if not isinstance(body, dict):
        return str(body)[:200]
    errors = body.get("errors") or {}
    told = (
        [str(body["message"])]
        if body.get("message")
        else [f"{field}: {words}" for field, words in errors.items()]
    )
    return "; ".join(told)[:300] or "no reason given"


@contextmanager
def session(metabase: Metabase, session_id: str) -> Iterator[Metabase]:
    """Use a session and end it, so that none is left behind on the server."""
    metabase.authorize(session_id)
    try:
        yield metabase
    finally:
        with suppress(TxwatchError):  # one that cannot be ended now expires by itself
            metabase.call("log_out")
