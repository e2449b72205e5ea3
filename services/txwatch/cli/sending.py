"""What `generate` and `replay` share: sending a run until its end or a signal, and showing how it goes."""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from txwatch.errors import UsageError, legible
from txwatch.events import format_time
from txwatch.settings import Settings

if TYPE_CHECKING:
    from txwatch.generator.run import Limits, Run, Standing
    from txwatch.generator.source import Source

INTERVAL_SECONDS = 5.0
STANDARD_OUTPUT = Path("-")

RateOption = Annotated[float, typer.Option(min=0, help="Records per second; 0: as fast as it goes.")]
FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Begin the run again: the same records once more.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Progress and summary as JSON, one line each.")]
OutputOption = Annotated[
    Path | None,
    typer.Option(help="Write the values here (`-`: standard output), at full speed, and not to Kafka."),
]

Watch = Callable[["Standing"], None]


def send_to_kafka(
    settings: Settings,
    source: "Source",
    limits: "Limits",
    *,
    run: str,
    rate: float,
    fresh: bool,
    as_json: bool,
    digest_all: bool,
) -> "Standing":
    """Begin the named run, or go on with it, and show how it goes.

    With `digest_all` the digest covers earlier sessions of the run too, which makes their records once more.
    """
    from txwatch.generator.progress import ProgressFile
    from txwatch.generator.session import kafka_run

    file = ProgressFile(settings.state_dir, run)
    if fresh:
        file.forget()
    with _watching(limits.count if digest_all else None, as_json) as watch:
        prepared = kafka_run(settings, source, file, rate, watch)
        if digest_all:
            prepared.digest_earlier()
        standing = prepared.go(limits, _stop_on_signals())
    _summarise(prepared, standing, run=run, covers_all=digest_all, as_json=as_json)
    return standing


def write_to_file(source: "Source", limits: "Limits", output: Path, *, as_json: bool) -> None:
    """Write the records' lines to a file from the first on, as fast as it goes."""
    from txwatch.generator.pacing import Pacing
    from txwatch.generator.progress import Progress as RunProgress
    from txwatch.generator.run import Run
    from txwatch.generator.target import FileTarget

    with _watching(limits.count, as_json) as watch, _opened(output) as file:
        run = Run(
            source,
            FileTarget(file),
            RunProgress(source.parameters),
            Pacing(0.0),
            save=lambda _: None,
            watch=watch,
        )
        standing = replace(run.go(limits, _stop_on_signals()), labels=0)  # a file holds no labels
    _summarise(
        run,
        standing,
        run=legible(str(output)),
        covers_all=True,
        as_json=as_json,
        to_stderr=output == STANDARD_OUTPUT,
    )


@contextmanager
def _opened(output: Path) -> Iterator[Any]:
    if output == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        return
    try:
        file = output.open("wb")
    except OSError as error:
        raise UsageError(
            f"--output {output} cannot be written ({error.strerror}): name another file"
        ) from None
    with file:
        yield file


def _stop_on_signals() -> Event:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


@contextmanager
def _watching(total: int | None, as_json: bool) -> Iterator[Watch]:
    """Yield what shows the standing: a bar on a terminal, elsewhere a JSON line per interval."""
    if as_json or not sys.stderr.isatty():
        yield _interval_lines()
        return
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[pace]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total, pace="")
        yield lambda standing: bar.update(
            task,
            completed=standing.next_sequence,
            pace=f"{standing.rate:,.0f}/s, {standing.lag_seconds:.1f} s behind, at {_day(standing)}",
        )


def _interval_lines() -> Watch:
    shown_at = time.monotonic()

    def watch(standing: "Standing") -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= INTERVAL_SECONDS:
            shown_at = time.monotonic()
            typer.echo(json.dumps(_figures(standing)), err=True)

    return watch


def _figures(standing: "Standing") -> dict[str, Any]:
    figures = {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in asdict(standing).items()
    }
    moment = datetime.fromtimestamp(figures.pop("event_time_ms") / 1000, UTC)
    return {"produced": standing.produced, **figures, "event_time": format_time(moment)}


def _day(standing: "Standing") -> str:
    return f"{datetime.fromtimestamp(standing.event_time_ms / 1000, UTC):%Y-%m-%d}"


def _summarise(
    prepared: "Run",
    standing: "Standing",
    *,
    run: str,
    covers_all: bool,
    as_json: bool,
    to_stderr: bool = False,
) -> None:
    covered_from = 0 if covers_all else standing.first_sequence
    summary = {"run": run, **_figures(standing), "sha256": prepared.digest(), "sha256_from": covered_from}
    if as_json:
        typer.echo(json.dumps(summary), err=to_stderr)
        return
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in summary.items():
        table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, int | float) else value)
    Console(stderr=to_stderr, markup=False).print(table)
