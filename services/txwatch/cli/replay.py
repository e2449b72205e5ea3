"""`txwatch replay`: transactions of a file to Kafka, their customers and merchants to the warehouse."""

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from txwatch.cli.sending import (
    FreshOption,
    JsonOption,
    OutputOption,
    RateOption,
    send_to_kafka,
    write_to_file,
)
from txwatch.settings import Settings, load_settings

if TYPE_CHECKING:
    from txwatch.generator.replay import Replay

log = structlog.get_logger()


def replay(
    file: Annotated[Path, typer.Argument(help="Gzipped CSV with the handbook's columns.")],
    *,
    rate: RateOption = 0.0,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many rows.")] = None,
    shift_to_now: Annotated[
        bool,
        typer.Option("--shift-to-now", help="Move all times by whole days, the last to within a day of now."),
    ] = False,
    dimensions: Annotated[bool, typer.Option(help="Fill the warehouse's dimensions from the file.")] = True,
    run: Annotated[str, typer.Option(help="Name under which progress is kept.")] = "replay",
    fresh: FreshOption = False,
    output: OutputOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a file's transactions to Kafka; the same command goes on where it stopped."""
    from txwatch.generator.handbook import read_handbook
    from txwatch.generator.progress import ProgressFile
    from txwatch.generator.replay import Replay, shift_to_now_ms
    from txwatch.generator.run import Limits

    settings = load_settings()
    rows = read_handbook(file)
    begun = None if fresh else ProgressFile(settings.state_dir, run).load()
    shift_ms = shift_to_now_ms(rows, int(time.time() * 1000)) if shift_to_now else 0
    if begun is not None and shift_to_now:
        shift_ms = int(begun.parameters.get("shift_ms", 0))  # the day may have changed since it began
    source = Replay(rows, file.name, shift_ms)
    limits = Limits(count=limit)
    if output is not None:
        write_to_file(source, limits, output, as_json=as_json)
        return
    if dimensions:
        _seed(settings, source)
    send_to_kafka(settings, source, limits, run=run, rate=rate, fresh=fresh, as_json=as_json, digest_all=True)


def _seed(settings: Settings, source: "Replay") -> None:
    from txwatch.postgres import connect
    from txwatch.warehouse.seeding import seed

    with closing(connect(settings.postgres("warehouse_owner"))) as connection:
        counts = seed(connection, source.customer_dimension(), source.merchant_dimension())
    log.info("dimensions filled", customers=counts.customers, merchants=counts.merchants)
