"""Airflow for real on the session's servers, spoken to over its REST API, and a webhook that listens."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

import requests

from oracle.deadline import until
from txwatch.embedded.airflow import USER, Airflow
from txwatch.settings import SERVICES_DIR

DEADLINE_SECONDS = 900.0
ENDED = {"success", "failed"}


class Webhook:
    """Takes what is posted to it, after refusing the first `refusals` times."""

    def __init__(self, refusals: int = 0) -> None:
        self.taken: list[dict[str, Any]] = []
        self.refusals = refusals
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if webhook.refusals:
                    webhook.refusals -= 1
                    self.send_response(503)
                else:
                    webhook.taken.append(json.loads(body))
                    self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/incidents"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Api:
    """Airflow's REST API, logged in."""

    airflow: Airflow

    def __post_init__(self) -> None:
        login = {"username": USER, "password": self.airflow.password}
        answer = requests.post(f"{self.airflow.url}/auth/token", json=login, timeout=60)
        answer.raise_for_status()
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        url = f"{self.airflow.url}/api/v2/{path}"
        answer = requests.request(method, url, json=body, headers=self._headers, timeout=60)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def trigger(self, dag: str) -> str:
        """Start a run, once Airflow has read the DAG's file."""
        until(lambda: dag in {one["dag_id"] for one in self.call("GET", "dags")["dags"]}, DEADLINE_SECONDS)
        return str(self.call("POST", f"dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"])

    def wait(self, dag: str, run: str) -> str:
        """Return the state that a run ended in."""
        path = f"dags/{dag}/dagRuns/{run}"
        until(lambda: self.call("GET", path)["state"] in ENDED, DEADLINE_SECONDS)
        return str(self.call("GET", path)["state"])

    def tasks(self, dag: str, run: str) -> dict[str, dict[str, Any]]:
        """Return what became of each task of a run."""
        found = self.call("GET", f"dags/{dag}/dagRuns/{run}/taskInstances?limit=200")["task_instances"]
        return {one["task_id"]: one for one in found}

    def clear_failed(self, dag: str, run: str) -> None:
        """Have what failed, and what waited for it, done again."""
        body = {"dry_run": False, "only_failed": True, "dag_run_id": run, "reset_dag_runs": True}
        self.call("POST", f"dags/{dag}/clearTaskInstances", body)

    def log(self, dag: str, run: str, task: str, attempt: int) -> str:
        """Return a task's log."""
        path = f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}"
        return json.dumps(self.call("GET", path))


def copy_of_code(folder: Path) -> Path:
    """Copy what Airflow runs, so that a test may break it."""
    for name in ("dags", "dbt", "services"):
        ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
        shutil.copytree(SERVICES_DIR.parent / name, folder / name, ignore=ignored)
    return folder


@contextmanager
def running(airflow: Airflow) -> Iterator[Api]:
    """Start Airflow and end it."""
    try:
        airflow.up()
        yield Api(airflow)
    finally:
        airflow.down()
