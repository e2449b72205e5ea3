"""`txwatch quarantine`: records that are no transactions, and why."""

import json as jsonlib
from typing import Annotated

import typer

from txwatch.settings import load_settings

quarantine = typer.Typer(no_args_is_help=True, help="List, show and replay quarantined records.")


@quarantine.command()
def replay(
    reason: Annotated[str | None, typer.Option(help="Only records held for this reason.")] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Move what has become valid into the facts, exactly once; the rest stays."""
    from dataclasses import asdict

    from txwatch.cli.sparking import spark_session
    from txwatch.errors import UsageError
    from txwatch.events import QuarantineReason
    from txwatch.stream.replay import QuarantineReplay
    from txwatch.stream.rules import load_ruleset

    if reason is not None and reason not in set(QuarantineReason):
        raise UsageError(f"there is no reason {reason!r}; there are {', '.join(QuarantineReason)}")
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
