"""`txwatch up`, `down` and `status`: the embedded runtime on the command line."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import structlog
import typer
from rich.console import Console
from rich.table import Table

from txwatch.cli.prepare import fill_dimensions
from txwatch.settings import Settings, load_settings

if TYPE_CHECKING:
    from txwatch.embedded.runtime import Runtime

log = structlog.get_logger()

JSON_OPTION = Annotated[bool, typer.Option("--json", help="One JSON document for programs.")]


def up(as_json: JSON_OPTION = False) -> None:
    """Start Kafka, Postgres and S3 here, without Docker, and fill the dimensions; what runs is left alone."""
    from txwatch.embedded.runtime import Runtime

    runtime = Runtime(load_settings())
    parts = runtime.up()
    provide_warehouse(runtime)
    if as_json:
        typer.echo(_json([vars(part) for part in parts]))
        return
    table = Table("part", "address", "pid", "")
    for part in parts:
        note = "already running" if part.was_running else "started"
        table.add_row(part.name, f"127.0.0.1:{part.port}", str(part.pid), note)
    Console().print(table)


def down(
    remove_data: Annotated[bool, typer.Option(help="Delete data, logs and passwords as well.")] = False,
) -> None:
    """End every process that was started here; data stays unless told otherwise."""
    from txwatch.embedded.runtime import Runtime

    runtime = Runtime(load_settings())
    stopped = runtime.down()
    if remove_data:
        runtime.remove_data()
    typer.echo(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


def provide_warehouse(runtime: "Runtime") -> Settings:
    """Migrate the schema and seed the dimensions of a runtime that is up; return the settings of all that."""
    from txwatch.warehouse.migrations import migrate

    settings = runtime.settings()
    applied = migrate(settings, runtime.superuser())
    counts = fill_dimensions(settings)
    log.info(
        "warehouse ready", migrations=len(applied), customers=counts.customers, merchants=counts.merchants
    )
    return settings


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, default=str)
