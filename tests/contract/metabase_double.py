"""A stand-in for Metabase 0.65: a process of its own that speaks just the calls that txwatch makes.

It keeps state, and refuses what Metabase's sources say is wrong (the file stands beside each check) and some
of what it lets pass but a careful client never sends: unknown fields, stale numbers, mappings to nowhere.

    python metabase_double.py --port 0 --accept PASSWORD_FILE [--version v0.65.2] [--starting 2]

It prints its port as one line. The warehouse "opens" with the password that PASSWORD_FILE holds just then.
"""

import argparse
import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import metabase_cards as cards
import metabase_dashboards as dashboards
import metabase_instance as instance
import metabase_schemas as schemas
from metabase_state import RefusalError, State

ROUTES: dict[str, tuple[Callable[..., Any], schemas.Shape | None]] = {
    "GET /api/health": (instance.health, None),
    "GET /api/session/properties": (instance.properties, None),
    "POST /api/setup": (instance.set_up, schemas.SET_UP),
    "POST /api/session": (instance.log_in, schemas.LOG_IN),
    "DELETE /api/session": (instance.log_out, None),
    "GET /api/database": (instance.databases, None),
    "POST /api/database": (instance.create_database, schemas.CREATE_DATABASE),
    "PUT /api/database/{id}": (instance.update_database, schemas.UPDATE_DATABASE),
    "GET /api/database/{id}/healthcheck": (instance.database_health, None),
    "GET /api/collection": (instance.collections, None),
    "GET /api/collection/trash": (instance.trash, None),
    "POST /api/collection": (instance.create_collection, schemas.CREATE_COLLECTION),
    "PUT /api/collection/{id}": (instance.update_collection, schemas.UPDATE_COLLECTION),
    "GET /api/collection/{id}/items": (instance.items, None),
    "GET /api/card/{id}": (cards.show_card, None),
    "POST /api/card": (cards.create_card, schemas.CREATE_CARD),
    "PUT /api/card/{id}": (cards.update_card, schemas.UPDATE_CARD),
    "GET /api/dashboard/{id}": (dashboards.show_dashboard, None),
    "POST /api/dashboard": (dashboards.create_dashboard, schemas.CREATE_DASHBOARD),
    "PUT /api/dashboard/{id}": (dashboards.update_dashboard, schemas.UPDATE_DASHBOARD),
}
OPEN = {"GET /api/health", "GET /api/session/properties", "POST /api/setup", "POST /api/session"}
"""The rest answers 401 without a session: src/metabase/api_routes/routes.clj, `+auth`."""


def openapi() -> Any:
    """What GET /api/docs/openapi.json says of these routes, in Metabase's manner (closed object schemas)."""
    paths: dict[str, Any] = {}
    for route, (_, body) in ROUTES.items():
        method, path = route.split()
        operation: dict[str, Any] = {"tags": [path]}
        if body:
            fields: dict[str, Any] = {name: {} for name in {**body.required, **body.optional}}
            content = {"schema": {"type": "object", "properties": fields, "required": sorted(body.required)}}
            operation["requestBody"] = {"content": {"application/json": content}}
        paths.setdefault(path, {})[method.lower()] = operation
    return {"openapi": "3.1.0", "info": {"title": "Metabase API"}, "paths": paths}


class Handler(BaseHTTPRequestHandler):
    """One request: find the route, check session and body, answer as JSON."""

    state: State
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # one packet per answer: two of them would wait for each other (Nagle, delayed ACK)

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        try:
            status, payload = 200, self._dispatch(raw)
        except RefusalError as refusal:
            status, payload = refusal.status, refusal.payload
        if payload is None:
            status = 204
        text = payload if isinstance(payload, str) else json.dumps(payload)
        encoded = b"" if payload is None else text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(payload, str) else "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - names of http.server

    def _dispatch(self, raw: bytes) -> Any:
        address = urlsplit(self.path)
        if address.path == "/api/docs/openapi.json":
            return openapi()
        if address.path == "/double/forget":  # not Metabase's: a fresh one, quicker than a new process
            return self.state.forget()
        number = re.search(r"/(\d+)(?=/|$)", address.path)
        route = f"{self.command} {re.sub(r'/[0-9]+(?=/|$)', '/{id}', address.path)}"
        if route not in ROUTES:
            raise RefusalError(404, "API endpoint does not exist.")
        session = self.headers.get("X-Metabase-Session", "")
        if route not in OPEN and session not in self.state.sessions:
            raise RefusalError(401, "Unauthenticated")
        act, shape = ROUTES[route]
        body = json.loads(raw) if raw else None
        if (shape is None) != (body is None):
            raise RefusalError(400, "a body where none is read, or none where one is")
        if shape and (errors := shape.errors(body)):
            raise RefusalError(400, errors=errors)
        arguments = {"number": int(number[1])} if number else {}
        return act(self.state, body=body, query=parse_qs(address.query), session=session, **arguments)

    def log_message(self, *_: Any) -> None:
        """Say nothing of each request."""


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--accept", type=Path, required=True)
    arguments.add_argument("--version", default="v0.65.2")
    arguments.add_argument("--starting", type=int, default=0)
    given = arguments.parse_args()
    Handler.state = State(given.version, given.accept, given.starting)
    server = ThreadingHTTPServer(("127.0.0.1", given.port), Handler)
    print(server.server_port, flush=True)  # noqa: T201 - how a test learns the port
    server.serve_forever()


if __name__ == "__main__":
    main()
