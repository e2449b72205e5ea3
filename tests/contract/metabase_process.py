"""The double of Metabase as a process, and what tests apply to it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from txwatch.dashboards.definitions import Card, load_cards
from txwatch.dashboards.desired import desired_state
from txwatch.dashboards.metabase import Metabase
from txwatch.dashboards.provisioner import Administrator, Provisioner

ADMINISTRATOR = Administrator("admin@example.org", "correct horse 7")
WAREHOUSE = {"host": "warehouse", "port": 5432, "dbname": "warehouse", "user": "dashboard_reader"}
DOUBLE = Path(__file__).with_name("metabase_double.py")


@dataclass
class Double:
    """A running double: its address, and the password with which its warehouse opens."""

    url: str
    accepted: Path

    def provisioner(
        self,
        cards: tuple[Card, ...] | None = None,
        administrator: Administrator = ADMINISTRATOR,
        warehouse_password: str = "reader 1",  # noqa: S107 - the double's
        metabase: Metabase | None = None,
        wait_seconds: float = 20,
    ) -> Provisioner:
        desired = desired_state(load_cards() if cards is None else cards, WAREHOUSE)
        return Provisioner(
            metabase or Metabase(self.url), administrator, desired, warehouse_password, wait_seconds
        )

    def forget(self) -> None:
        """Be as on the first day."""
        requests.get(f"{self.url}/double/forget", timeout=10).raise_for_status()

    def person(self) -> Callable[..., Any]:
        """Log in as a person would, by other means than the client under test."""
        who = {"username": ADMINISTRATOR.email, "password": ADMINISTRATOR.password}
        session = requests.post(f"{self.url}/api/session", json=who, timeout=10).json()["id"]

        def ask(method: str, path: str, body: Any = None) -> Any:
            answer = requests.request(
                method, self.url + path, json=body, headers={"X-Metabase-Session": session}, timeout=10
            )
            assert answer.ok, answer.text
            return answer.json() if answer.content else None

        return ask


@contextmanager
def running_double(folder: Path, *options: str) -> Iterator[Double]:
    accepted = folder / "accepted"
    accepted.write_text("reader 1")
    command = [sys.executable, str(DOUBLE), "--accept", str(accepted), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield Double(f"http://127.0.0.1:{int(process.stdout.readline())}", accepted)
        finally:
            process.terminate()
