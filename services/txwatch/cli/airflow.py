"""`txwatch airflow`: the batch side here, without Docker, until it is stopped."""

import json
import signal
import sys
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from txwatch.cli.up import provide_warehouse
from txwatch.settings import Settings, load_settings

if TYPE_CHECKING:
    from txwatch.embedded.airflow import Airflow


def airflow(
    as_json: Annotated[bool, typer.Option("--json", help="Print address and login as JSON.")] = False,
) -> None:
    """Run Airflow with its DAGs until Ctrl-C; Kafka, Postgres and S3 are started where they do not run."""
    from txwatch.embedded.airflow import USER, wait_for_end
    from txwatch.embedded.runtime import Runtime

    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    runtime = Runtime(load_settings())
    started = not any(part.was_running for part in runtime.up())
    served = build_airflow(provide_warehouse(runtime))
    was_running = False
    try:
        was_running = served.up()
        login = {"url": served.url, "user": USER, "password": served.password}
        if as_json:
            typer.echo(json.dumps(login))
        else:
            hint = "it runs already" if was_running else "Ctrl-C stops it"
            typer.echo(f"airflow: {login['url']}  user: {USER}  password: {login['password']}  ({hint})")
        if not was_running:
            wait_for_end(served, stop.wait)
    finally:
        # What another command started, it also ends.
        if not was_running:
            served.down()
            if started:
                runtime.down()


def build_airflow(settings: Settings) -> "Airflow":
    """Wire Airflow to the running parts and to dbt."""
    from txwatch.embedded.airflow import Airflow
    from txwatch.transform.environment import dbt_variables, other_python

    python = other_python(settings) or Path(sys.executable)
    return Airflow(settings, dbt_variables(settings), python)
