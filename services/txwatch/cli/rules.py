"""`txwatch rules`: what is suspicious, checked before it runs."""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from txwatch.settings import load_settings

rules = typer.Typer(no_args_is_help=True, help="Check and show rulesets.")


@rules.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="Ruleset file; the one in use where none is named.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Check a ruleset; exit code 2 and one sentence, naming file and rule, when it cannot be used."""
    from txwatch.stream.rules import load_ruleset

    ruleset = load_ruleset(file or load_settings().stream_ruleset)
    if json:
        print(jsonlib.dumps({**ruleset.model_dump(), "hash": ruleset.hash}, indent=2))  # noqa: T201
        return
    table = Table(title=f"{ruleset.ruleset} version {ruleset.version}, sha256 {ruleset.hash[:12]}")
    for heading in ("rule", "severity", "looks at", "meaning"):
        table.add_column(heading)
    for rule in ruleset.rules:
        table.add_row(rule.id, rule.severity, ", ".join(rule.columns), rule.description)
    Console(markup=False).print(table)
