"""`txwatch rules quality`: what the rules were worth, once the truth is known."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from txwatch.settings import load_settings

if TYPE_CHECKING:
    from txwatch.warehouse.verdict_quality import RuleQuality


def quality(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for programs.")] = False,
) -> None:
    """Show each rule's alerts, precision and recall against the labels entered so far."""
    from txwatch.warehouse.verdict_reading import read_rule_quality

    rules = read_rule_quality(load_settings())
    if as_json:
        typer.echo(json.dumps([quality_document(rule) for rule in rules], indent=2))
    else:
        Console().print(quality_table(rules))


def quality_document(rule: "RuleQuality") -> dict[str, object]:
    """Return one rule's figures for programs."""
    return vars(rule) | {"precision": rule.precision, "recall": rule.recall}


def quality_table(rules: "list[RuleQuality]") -> Table:
    """Lay the figures out for people."""
    frauds = rules[0].frauds
    table = Table(
        "rule", "alerts", "of them fraud", "precision", "recall", title=f"against {frauds:,} known frauds"
    )
    for rule in rules:
        table.add_row(
            rule.rule, f"{rule.alerts:,}", f"{rule.caught:,}", _share(rule.precision), _share(rule.recall)
        )
    return table


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
