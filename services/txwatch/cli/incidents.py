"""`txwatch incidents`: failed and late runs of the daily pipelines."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from txwatch.settings import Settings, load_settings

if TYPE_CHECKING:
    from txwatch.incidents.record import IncidentRecord

incidents = typer.Typer(no_args_is_help=True, help="Failed and late runs of the daily pipelines.")


@incidents.command(name="list")
def list_incidents(
    limit: Annotated[int, typer.Option(min=1, help="How many, open ones first, then the newest.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show incidents; exit 1 while one is open."""
    record, _ = _record()
    found = record.newest(limit)
    if as_json:
        typer.echo(json.dumps([incident.as_json() for incident in found], indent=2))
    else:
        for incident in found:
            since = f"{incident.opened_at:%Y-%m-%d %H:%M}"
            until = f"resolved {incident.resolved_at:%Y-%m-%d %H:%M}" if incident.resolved_at else "open"
            typer.echo(f"{since}  {until}  {incident.occurrences}x  {incident.sentence}")
        if not found:
            typer.echo("none")
    if any(incident.resolved_at is None for incident in found):
        raise typer.Exit(1)


@incidents.command()
def resolve(
    pipeline: Annotated[str, typer.Argument(help="Its DAG's name.")],
    run: Annotated[str, typer.Option(help="The run that has succeeded.")],
) -> None:
    """Record that a run has succeeded, which resolves the open incidents of its pipeline."""
    from txwatch.incidents.report import tell

    record, settings = _record()
    resolved = record.succeed(pipeline, run, timedelta(hours=settings.incident_late_hours))
    tell(record, settings)
    typer.echo(f"{pipeline} succeeded; {resolved} incidents resolved")


@incidents.command()
def watch(
    pipelines: Annotated[list[str], typer.Argument(help="Daily pipelines that must keep succeeding.")],
) -> None:
    """Record the pipelines that are late, and send what the webhook has not taken yet."""
    from txwatch.incidents.report import tell

    record, settings = _record()
    late = record.open_late(pipelines, timedelta(hours=settings.incident_late_hours))
    told = tell(record, settings)
    typer.echo(f"{late} pipelines late; {told} messages sent")


def _record() -> "tuple[IncidentRecord, Settings]":
    from txwatch.incidents.record import IncidentRecord

    settings = load_settings()
    return IncidentRecord(settings.postgres("operator")), settings
