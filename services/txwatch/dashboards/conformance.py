"""Compare the calls that we make with what a running Metabase says of its own API (OpenAPI 3.1)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from txwatch.dashboards.metabase import CALLS, Call

UNDOCUMENTED = frozenset({"/api/health"})
"""Served beside the documented routes: src/metabase/server/routes.clj."""


def differences(spec: Mapping[str, Any], calls: Mapping[str, Call] = CALLS) -> list[str]:
    """List what we rely on and this Metabase does not declare; empty: all is there.

    Args:
        spec: its `/api/docs/openapi.json`.
        calls: the calls that are made.
    """
    operations = {_anonymous(path): methods for path, methods in spec["paths"].items()}
    found: list[str] = []
    for call in calls.values():
        if call.path not in UNDOCUMENTED:
            found += _differences(spec, operations.get(_anonymous(call.path), {}), call)
    return found


def _anonymous(path: str) -> str:
    """Write a path without its parameters' names and the slash that may end it."""
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip("/")


def _differences(spec: Mapping[str, Any], methods: Mapping[str, Any], call: Call) -> list[str]:
    name = f"{call.method} {call.path}"
    operation = methods.get(call.method.lower())
    if operation is None:
        return [f"{name}: not there"]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    objects = list(_objects(spec, content.get("schema", {})))
    declared = {field for one in objects for field in one.get("properties", {})}
    required = {field for one in objects for field in one.get("required", [])}
    unknown = [f"{name}: does not take {field}" for field in sorted(call.fields - declared)]
    return unknown + [f"{name}: needs {field}" for field in sorted(required - call.fields)]


def _objects(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Walk the object schemas that together make up a body: references and `allOf`."""
    if reference := schema.get("$ref"):
        target: Any = spec
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        yield from _objects(spec, target)
    for part in schema.get("allOf", []):
        yield from _objects(spec, part)
    if "properties" in schema:
        yield schema
