"""`txwatch generate`: made-up transactions to Kafka."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from txwatch.cli.sending import (
    FreshOption,
    JsonOption,
    OutputOption,
    RateOption,
    send_to_kafka,
    write_to_file,
)
from txwatch.errors import UsageError
from txwatch.events import OCCURRED_AT_MIN, SENDABLE_BEFORE
from txwatch.settings import Settings, load_settings

if TYPE_CHECKING:
    from txwatch.generator.synthesis import Recipe, Synthesis

DEFAULT_START = "2025-01-01T00:00:00Z"
"""Fixed, so that the same seed gives the same bytes; long ago, so that made-up time stays in the past."""


def generate(
    *,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many records of the run.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="End after so much time.")] = None,
    rate: RateOption = 1000.0,
    malformed: Annotated[float, typer.Option(min=0, max=1, help="Share of malformed records.")] = 0.0,
    duplicates: Annotated[float, typer.Option(min=0, max=1, help="Share of repeated records.")] = 0.0,
    fraud: Annotated[float, typer.Option(min=0, max=1, help="Share of fraudulent transactions.")] = 0.008,
    start: Annotated[
        str, typer.Option(help="Event time of the first transaction, RFC 3339.")
    ] = DEFAULT_START,
    per_customer_day: Annotated[
        float, typer.Option(min=0.001, max=100_000, help="Transactions per customer and day of event time.")
    ] = 4.0,
    run: Annotated[str, typer.Option(help="Name under which progress is kept.")] = "generate",
    fresh: FreshOption = False,
    output: OutputOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send made-up transactions to Kafka, fraud among them; the same command goes on where it stopped.

    The world is made from settings: TXWATCH_WORLD_SEED, TXWATCH_WORLD_CUSTOMERS, TXWATCH_WORLD_MERCHANTS.
    """
    from txwatch.generator.horizon import check_count, reached_by_now
    from txwatch.generator.run import Limits
    from txwatch.generator.synthesis import Recipe

    settings = load_settings()
    source = _synthesis(settings, Recipe(_start_ms(start), per_customer_day, fraud, malformed, duplicates))
    if output is not None:
        _require_end(count, seconds)
        write_to_file(source, Limits(count, seconds), output, as_json=as_json)
        return
    if count is not None:
        check_count(source, count)
    send_to_kafka(
        settings,
        source,
        Limits(count, seconds, reached=lambda: reached_by_now(source)),
        run=run,
        rate=rate,
        fresh=fresh,
        as_json=as_json,
        digest_all=count is not None,
    )


def _synthesis(settings: Settings, recipe: "Recipe") -> "Synthesis":
    from txwatch.generator.synthesis import Synthesis
    from txwatch.world import build_world

    world = build_world(settings.world_seed, settings.world_customers, settings.world_merchants)
    return Synthesis(world, recipe)


def _require_end(count: int | None, seconds: float | None) -> None:
    if count is None and seconds is None:
        raise UsageError("a file needs an end: give --count or --seconds")


def _start_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--start {text!r} is no time: write it as {DEFAULT_START}") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not OCCURRED_AT_MIN <= aware < SENDABLE_BEFORE:
        raise UsageError(
            f"--start {text!r} is not from {OCCURRED_AT_MIN:%Y} on and before {SENDABLE_BEFORE:%Y}: "
            f"write it as {DEFAULT_START}"
        )
    return int(aware.timestamp() * 1000)
