"""Decide what must change so that what is there becomes what should be there. Pure: no Metabase in sight."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from txwatch.dashboards.desired import Body, Key
from txwatch.errors import UsageError

Action = Literal["create", "update", "restore", "archive"]

_EXACT = frozenset({"visualization_settings", "dashcards"})
"""Fields in which an addition is a change too; elsewhere Metabase itself adds fields to what it was given."""


@dataclass(frozen=True)
class Change:
    """One thing to do to one object of ours."""

    action: Action
    key: Key
    title: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in one line, for people."""
        differing = f": {', '.join(self.fields)}" if self.fields else ""
        return f"{self.action} {self.key[0]} {self.key[1]} ({self.title}){differing}"


def plan(
    desired: Mapping[Key, Body], actual: Mapping[Key, Body], foreign: Iterable[Key] = ()
) -> list[Change]:
    """List the changes, in an order in which they can be made.

    Args:
        desired: every body that should be there, in an order in which they can be made.
        actual: the bodies of ours that are there; `archived` is true for one in the trash.
        foreign: kind and name of what others made where ours would stand.

    Raises:
        UsageError: someone else's object bears a name that is needed.
    """
    _refuse_names_in_the_way(desired, actual, set(foreign))
    changes = [change for key, body in desired.items() if (change := _change(key, body, actual.get(key)))]
    leftover = [key for key, body in actual.items() if key not in desired and not body["archived"]]
    leftover.sort(key=lambda key: (key[0] != "dashboard", key))  # a dashboard lets go of its cards first
    return changes + [Change("archive", key, actual[key]["name"]) for key in leftover]


def _refuse_names_in_the_way(
    desired: Mapping[Key, Body], actual: Mapping[Key, Body], foreign: set[Key]
) -> None:
    for key, body in desired.items():
        if key not in actual and (key[0], body["name"]) in foreign:
            raise UsageError(
                f"a {key[0]} named {body['name']!r} that txwatch did not make is in the way: "
                "rename or move it in Metabase"
            )


def _change(key: Key, desired: Body, actual: Body | None) -> Change | None:
    if actual is None:
        return Change("create", key, desired["name"])
    if actual["archived"]:
        return Change("restore", key, desired["name"])
    fields = tuple(name for name, value in desired.items() if not _holds(name, value, actual.get(name)))
    return Change("update", key, desired["name"], fields) if fields else None


def _holds(field: str, desired: Any, actual: Any) -> bool:
    return bool(desired == (actual or {})) if field in _EXACT else covers(actual, desired)


def covers(actual: Any, desired: Any) -> bool:
    """Say whether all that is desired is there; objects may hold more than that, lists may not."""
    if isinstance(desired, dict):
        return isinstance(actual, dict) and all(
            name in actual and covers(actual[name], value) for name, value in desired.items()
        )
    if isinstance(desired, list):
        return isinstance(actual, list) and len(actual) == len(desired) and all(map(covers, actual, desired))
    return bool(actual == desired)
