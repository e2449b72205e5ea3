"""The `txwatch` command: one verb per module, errors as one sentence."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from txwatch.cli.airflow import airflow
from txwatch.cli.archive import archive
from txwatch.cli.console import console
from txwatch.cli.dashboards import dashboards
from txwatch.cli.demo import demo
from txwatch.cli.generate import generate
from txwatch.cli.incidents import incidents
from txwatch.cli.jars import jars
from txwatch.cli.maintain import maintain
from txwatch.cli.prepare import migrate, seed
from txwatch.cli.quality import quality
from txwatch.cli.quarantine import quarantine
from txwatch.cli.replay import replay
from txwatch.cli.rules import rules
from txwatch.cli.status import status
from txwatch.cli.stream import stream
from txwatch.cli.transform import transform
from txwatch.cli.up import down, up
from txwatch.cli.verify import verify
from txwatch.errors import TxwatchError
from txwatch.logs import configure_logs
from txwatch.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Real-time transaction monitoring: generator -> Kafka -> Spark -> Postgres.",
)
_debug = False


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and debug logs.")] = False,
) -> None:
    global _debug  # noqa: PLW0603 - the entry point needs it after typer has returned
    _debug = debug
    settings = load_settings()
    configure_logs("debug" if debug else settings.log_level, settings.log_format)


for verb in (
    up,
    down,
    status,
    demo,
    migrate,
    seed,
    generate,
    replay,
    stream,
    archive,
    verify,
    transform,
    airflow,
    console,
    jars,
):
    app.command()(verb)
app.add_typer(dashboards, name="dashboards")
app.add_typer(quarantine, name="quarantine")
app.add_typer(incidents, name="incidents")
app.add_typer(maintain, name="maintain")
rules.command()(quality)
app.add_typer(rules, name="rules")


def run() -> None:
    """Run the command line; exit code 2 for wrong use, 1 for failure."""
    try:
        app()
    except TxwatchError as error:
        if _debug:
            raise
        Console(stderr=True).print(f"[bold red]error:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    run()
