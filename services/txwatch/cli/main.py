"""The `txwatch` command: one verb per module, errors as one sentence."""

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from txwatch.cli.airflow import airflow
from txwatch.cli.archive import archive
from txwatch.cli.console import console
from txwatch.cli.dashboards import dashboards
from txwatch.cli.demo import demo
from txwatch.cli.generate import generate
from txwatch.cli.incidents import incidents
from txwatch.cli.jars import jars
from txwatch.cli.labels import labels
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
from txwatch.errors import TxwatchError, legible
from txwatch.logs import configure_logs
from txwatch.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Real-time transaction monitoring: generator -> Kafka -> Spark -> Postgres.",
)
_debug = False
_LOG_LAYOUT = "\n\t"
"""What the lines of a log that a sentence ends with consist of."""


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
    labels,
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
        _say(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:  # whoever read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # the last resort: even a fault of ours is told in one sentence
        if _debug:
            raise
        what = " ".join(str(error).split())
        _say(f"unexpected {type(error).__name__} {_place(error)}: {what} (--debug shows the traceback)")
        sys.exit(1)


def _say(sentence: str) -> None:
    text = f"[bold red]error:[/] {escape(legible(sentence, keep=_LOG_LAYOUT))}"
    Console(stderr=True).print(text, highlight=False, soft_wrap=True, emoji=False)


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"at {Path(last.filename).name}:{last.lineno}"


if __name__ == "__main__":
    run()
