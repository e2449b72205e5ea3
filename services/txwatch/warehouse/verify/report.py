"""The balance sheet for people and for programs."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from txwatch.warehouse.verify.check import Check, Figure

NAMED_FINDINGS = 10
"""How many findings of one check a person is shown."""


def as_table(checks: Sequence[Check]) -> RenderableType:
    """Lay the checks out as a table, followed by what differs and what can be done."""
    table = Table(title="txwatch verify", title_justify="left")
    table.add_column("check")
    for column in ("expected", "actual", "difference"):
        table.add_column(column, justify="right")
    table.add_column("")
    for check in checks:
        table.add_row(
            escape(check.name),
            f"{check.expected:,}",
            f"{check.actual:,}",
            f"{check.difference:+,}" if check.difference else "",
            _mark(check),
        )
    notes = [f"[bold]{escape(check.name)}[/]: {escape(check.note)}" for check in checks if check.note]
    return Group(table, *notes, *[_explanation(check) for check in checks if not check.ok])


def as_json(checks: Sequence[Check]) -> dict[str, Any]:
    """Return the checks as JSON values; money is text, because it is exact."""
    return {
        "ok": all(check.ok for check in checks),
        "checks": [
            {
                "name": check.name,
                "ok": check.ok,
                "expected": _plain(check.expected),
                "actual": _plain(check.actual),
                "difference": _plain(check.difference),
                "findings": list(check.findings),
                "way_out": "" if check.ok else check.way_out,
                "note": check.note,
            }
            for check in checks
        ],
    }


def _mark(check: Check) -> str:
    if not check.ok:
        return "[bold red]differs[/]"
    return "[yellow]ok, see below[/]" if check.note else "[green]ok[/]"


def _explanation(check: Check) -> str:
    named = [f"  {escape(finding)}" for finding in check.findings[:NAMED_FINDINGS]]
    if len(check.findings) > NAMED_FINDINGS:
        named.append(f"  and {len(check.findings) - NAMED_FINDINGS} more")
    amount = f" by {check.difference:+,}" if check.difference else ""
    return "\n".join(
        [f"[bold]{escape(check.name)}[/] differs{amount}", *named, f"  [dim]->[/] {escape(check.way_out)}"]
    )


def _plain(figure: Figure) -> int | str:
    return str(figure) if isinstance(figure, Decimal) else figure
