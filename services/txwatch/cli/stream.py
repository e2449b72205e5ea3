"""`txwatch stream`: score transactions as they arrive."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from txwatch.settings import Settings, load_settings

if TYPE_CHECKING:
    from txwatch.stream.query import TransactionStream


def stream(
    ruleset: Annotated[Path | None, typer.Option(help="Ruleset to score with.")] = None,
    until_drained: Annotated[
        bool, typer.Option("--until-drained", help="End when Kafka holds nothing new.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON line per interval, also on a terminal.")
    ] = False,
) -> None:
    """Read transactions from Kafka, score them, write facts, alerts and quarantine to Postgres."""
    from txwatch.stream.progress import StreamProgress

    settings = load_settings(stream_ruleset=ruleset)
    with StreamProgress(as_json=json) as progress:
        running = _build(settings, until_drained)
        running.on_commit = progress.add
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: running.stop())
        running.run()


def _build(settings: Settings, until_drained: bool) -> "TransactionStream":
    from txwatch.cli.sparking import spark_session
    from txwatch.stream.query import TransactionStream
    from txwatch.stream.rules import load_ruleset

    rules = load_ruleset(settings.stream_ruleset)  # before Spark: a faulty rule should show at once
    return TransactionStream(settings, rules, spark_session(settings), until_drained=until_drained)
