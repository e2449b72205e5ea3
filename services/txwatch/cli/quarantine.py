"""`txwatch quarantine`: records that are no transactions, and why."""

import json as jsonlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from txwatch.errors import UsageError
from txwatch.events import QuarantineReason
from txwatch.settings import load_settings

if TYPE_CHECKING:
    from txwatch.warehouse.quarantine_reading import QuarantineReader

_LARGEST_PARTITION, _LARGEST_OFFSET = 2**31 - 1, 2**63 - 1

quarantine = typer.Typer(no_args_is_help=True, help="List, show and replay quarantined records.")


@quarantine.command(name="list")
def list_records(
    reason: Annotated[str | None, typer.Option(help="Only records of this reason.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many records are shown, the newest first.")] = 20,
    replayed: Annotated[bool, typer.Option(help="Show records that a replay has resolved, too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Count what is in quarantine by reason, and show the newest records."""
    from dataclasses import asdict

    from rich.console import Console

    from txwatch.warehouse.quarantine_report import as_tables

    _check_reason(reason)
    reader = _reader()
    counts, records = reader.counts(reason), reader.newest(limit, reason, with_resolved=replayed)
    if json:
        page = {"reasons": [asdict(count) for count in counts], "records": [one.as_json() for one in records]}
        typer.echo(jsonlib.dumps(page))
    else:
        Console().print(as_tables(counts, records), highlight=False)


@quarantine.command()
def show(
    record: Annotated[str, typer.Argument(metavar="PARTITION:OFFSET", help="Which record.")],
    raw: Annotated[bool, typer.Option("--raw", help="Write its bytes as they came, nothing else.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show one quarantined record: why it is no transaction, and its raw bytes."""
    from rich.console import Console

    from txwatch.warehouse.quarantine_report import as_page

    partition, colon, offset = record.partition(":")
    is_place = colon and partition.isdecimal() and offset.isdecimal()
    if not is_place or int(partition) > _LARGEST_PARTITION or int(offset) > _LARGEST_OFFSET:
        raise UsageError(f"{record!r} is not PARTITION:OFFSET, for example 3:1042")
    held = _reader().one(int(partition), int(offset))
    if raw:
        sys.stdout.buffer.write(held.raw or b"")
    elif json:
        typer.echo(jsonlib.dumps(held.as_json()))
    else:
        Console().print(as_page(held), highlight=False)


def _check_reason(reason: str | None) -> None:
    if reason is not None and reason not in set(QuarantineReason):
        raise UsageError(f"there is no reason {reason!r}; there are {', '.join(QuarantineReason)}")


def _reader() -> "QuarantineReader":
    from txwatch.warehouse.quarantine_reading import QuarantineReader

    settings = load_settings()
    return QuarantineReader(settings.postgres("analyst"), settings.kafka_transactions_topic)


@quarantine.command()
def replay(
    reason: Annotated[str | None, typer.Option(help="Only records held for this reason.")] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Move what has become valid into the facts, exactly once; the rest stays."""
    from dataclasses import asdict

    from txwatch.cli.sparking import spark_session
    from txwatch.stream.replay import QuarantineReplay
    from txwatch.stream.rules import load_ruleset

    _check_reason(reason)
    settings = load_settings()
    replaying = QuarantineReplay(
        settings, load_ruleset(settings.stream_ruleset), lambda: spark_session(settings)
    )
    result = replaying.run(reason)
    if json:
        print(jsonlib.dumps(asdict(result)))  # noqa: T201
        return
    typer.echo(
        f"{result.looked_at} records looked at: {result.facts} became facts, "
        f"{result.duplicates} were duplicates, {result.held} stay"
    )
