"""`txwatch transform`: brings the business figures up to date."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from txwatch.settings import SERVICES_DIR, Settings, load_settings

if TYPE_CHECKING:
    from txwatch.transform.outcome import Outcome


def transform(
    *,
    select: Annotated[list[str] | None, typer.Option(help="Only these nodes, as dbt selects them.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Not these nodes.")] = None,
    full_refresh: Annotated[
        bool, typer.Option(help="Rebuild from all facts instead of what arrived.")
    ] = False,
    freshness: Annotated[bool, typer.Option(help="First check that the sources are fresh.")] = False,
    docs: Annotated[bool, typer.Option(help="Write the documentation page too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Build and test the marts with dbt from what has arrived; exit 1 when anything fails."""
    from txwatch.transform.environment import dbt_variables, other_python

    settings = load_settings()
    variables = dbt_variables(settings)
    if python := other_python(settings):
        environment = {**os.environ, "PYTHONPATH": str(SERVICES_DIR)}
        os.execve(python, [str(python), "-m", "txwatch.cli.main", *sys.argv[1:]], environment)  # noqa: S606

    build = ["build", *_each("--select", select), *_each("--exclude", exclude)]
    commands = [
        *([["source", "freshness"]] if freshness else []),
        [*build, *(["--full-refresh"] if full_refresh else [])],
        *([["docs", "generate", "--static"]] if docs else []),
    ]
    outcomes = _run(settings, variables, commands)
    if as_json:
        typer.echo(json.dumps([outcome.as_json() for outcome in outcomes], indent=2))
    else:
        _print(outcomes)
    if not all(outcome.succeeded for outcome in outcomes):
        raise typer.Exit(1)
    if docs and not as_json:
        typer.echo(f"documentation: {_work_dir(settings) / 'target' / 'static_index.html'}")


def _run(settings: Settings, variables: dict[str, str], commands: list[list[str]]) -> "list[Outcome]":
    """Run the commands until one fails."""
    from txwatch.transform.dbt import Dbt
    from txwatch.transform.lock import only_transformation

    dbt = Dbt(variables, _work_dir(settings))
    outcomes: list[Outcome] = []
    with only_transformation(settings.postgres("transformer")):
        for command in commands:
            outcomes.append(dbt.invoke(*command))
            if not outcomes[-1].succeeded:
                break
    return outcomes


def _print(outcomes: "list[Outcome]") -> None:
    from txwatch.transform.outcome import complaint, sentence

    console = Console()
    for node in (node for outcome in outcomes for node in outcome.failed):
        line = Text.assemble(("failed:", "bold red"), " ", complaint(node))  # dbt quotes what it was given
        console.print(line, soft_wrap=True)
    console.print(sentence(outcomes), highlight=False, markup=False)


def _work_dir(settings: Settings) -> Path:
    return settings.state_dir.absolute() / "dbt"


def _each(option: str, values: list[str] | None) -> list[str]:
    return [part for value in values or [] for part in (option, value)]
