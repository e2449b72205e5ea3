"""Bring a Metabase to what the definitions say: wait for it, set it up or log in, plan, carry out."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from txwatch.dashboards.desired import Body, Key
from txwatch.dashboards.metabase import Metabase, RefusedError, session
from txwatch.dashboards.planning import Change, plan
from txwatch.dashboards.reading import read_actual
from txwatch.dashboards.writing import Writer
from txwatch.errors import TxwatchError, UnavailableError, UsageError

OLDEST_VERSION = 57
"""The first release that answers in MBQL 5 and can be asked for the form before it: its API changelog."""
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Administrator:
    """Who logs in; made on the first run."""

    email: str
    password: str


class Provisioner:
    """The desired state and one Metabase that should have it."""

    def __init__(
        self,
        metabase: Metabase,
        administrator: Administrator,
        desired: Mapping[Key, Body],
        warehouse_password: str,
        wait_seconds: float = 180,
    ) -> None:
        self._metabase = metabase
        self._administrator = administrator
        self._desired = desired
        self._warehouse_password = warehouse_password
        self._wait_seconds = wait_seconds

    def plan(self) -> list[Change]:
        """Say what `apply` would change, and change nothing.

        Raises:
            TxwatchError: Metabase is absent, too old, or refuses; a name is in the way.
        """
        properties = self._ready()
        if not properties["has-user-setup"]:
            first = Change("create", ("administrator", "txwatch"), self._administrator.email)
            return [first, *plan(self._desired, {})]
        with self._logged_in() as metabase:
            actual = read_actual(metabase)
            return plan(self._desired, actual.bodies, actual.foreign)

    def apply(self) -> Iterator[Change]:
        """Make every change, yielding each when it is made; stopped half way, it is finished by the next run.

        Raises:
            TxwatchError: as `plan`, or the warehouse cannot be reached from Metabase.
        """
        properties = self._ready()
        if not properties["has-user-setup"]:
            self._set_up(properties["setup-token"])
            yield Change("create", ("administrator", "txwatch"), self._administrator.email)
        with self._logged_in() as metabase:
            actual = read_actual(metabase)
            changes = plan(self._desired, actual.bodies, actual.foreign)
            writer = Writer(metabase, self._desired, actual, self._warehouse_password)
            for change in changes:
                writer.carry_out(change)
                yield change

    def _ready(self) -> Any:
        _wait_until_healthy(self._metabase, self._wait_seconds)
        properties = self._metabase.call("properties")
        _refuse_old_version(properties["version"]["tag"])
        return properties

    def _set_up(self, token: str) -> None:
        who = self._administrator
        user = {
            "email": who.email,
            "password": who.password,
            "first_name": "txwatch",
            "last_name": "administrator",
        }
        preferences = {"site_name": "txwatch", "allow_tracking": False}
        try:
            answer = self._metabase.call("set_up", {"token": token, "user": user, "prefs": preferences})
        except RefusedError as error:
            raise UsageError(
                f"Metabase refused the first administrator: {error}; "
                "check TXWATCH_METABASE_ADMIN_EMAIL and TXWATCH_METABASE_ADMIN_PASSWORD"
            ) from None
        with session(self._metabase, answer["id"]):
            pass

    @contextmanager
    def _logged_in(self) -> Iterator[Metabase]:
        who = self._administrator
        try:
            answer = self._metabase.call("log_in", {"username": who.email, "password": who.password})
        except RefusedError as error:
            if error.status not in (400, 401):
                raise
            raise UsageError(
                f"Metabase does not know {who.email} with this password: "
                "set TXWATCH_METABASE_ADMIN_EMAIL and TXWATCH_METABASE_ADMIN_PASSWORD to an administrator's"
            ) from None
        with session(self._metabase, answer["id"]) as metabase:
            yield metabase


def _wait_until_healthy(metabase: Metabase, seconds: float) -> None:
    """Wait until Metabase has started: it answers 503 while it migrates its own database."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            metabase.call("health")
        except (RefusedError, UnavailableError) as error:
            if time.monotonic() >= deadline:
                raise _not_healthy(error, seconds) from None
            time.sleep(POLL_SECONDS)
        else:
            return


def _not_healthy(error: TxwatchError, seconds: float) -> UnavailableError:
    waited = f" (waited {seconds:g} s)" if seconds else ""
    return UnavailableError(f"{error}{waited}")


def _refuse_old_version(tag: str) -> None:
    found = re.match(r"v[01]\.(\d+)", tag)  # v0: free edition, v1: paid; a development build has no number
    if found and int(found[1]) < OLDEST_VERSION:
        raise UsageError(
            f"Metabase {tag} is too old: version 0.{OLDEST_VERSION} or later is needed (tried with 0.65)"
        )
