"""What `txwatch demo` shows: a live table on a terminal, elsewhere a JSON line per interval."""

import json
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from txwatch.cli.status import pipeline_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from txwatch.warehouse.pipeline_status import Alert, PipelineStatus

LINE_SECONDS = 5.0
ALERTS_SHOWN = 6


class DemoView:
    """Shows one status after the other."""

    def __init__(self, console_url: str) -> None:
        self._console = Console()
        self._console_url = console_url
        self._live: Live | None = None
        self._line_at = 0.0
        self._began_at = time.monotonic()
        self._said = f"console: {console_url}   Ctrl-C ends the demo"

    def __enter__(self) -> Self:
        """Begin a live display, where there is a terminal."""
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last display standing."""
        if self._live is not None:
            self._live.stop()

    def say(self, sentence: str) -> None:
        """Tell what happens next."""
        self._said = sentence
        if not self._console.is_terminal:
            typer.echo(json.dumps({"phase": sentence}))

    def show(
        self, status: "PipelineStatus", newest_alerts: "Callable[[int], list[Alert]]", *, is_last: bool
    ) -> None:
        """Show a status, and on a terminal the newest alerts beside it."""
        if self._live is not None:
            alerts = newest_alerts(ALERTS_SHOWN)
            sentences = [self._said] if self._has_begun(status) else ["Spark is starting ...", self._said]
            self._live.update(Group(pipeline_table(status), _alert_table(alerts), *sentences), refresh=True)
        elif is_last or time.monotonic() - self._line_at >= LINE_SECONDS:
            self._line_at = time.monotonic()
            typer.echo(json.dumps(status.as_json() | {"console": self._console_url}))

    def _has_begun(self, status: "PipelineStatus") -> bool:
        """Tell whether a batch was committed since this view began."""
        elapsed = time.monotonic() - self._began_at
        return status.seconds_since_commit is not None and status.seconds_since_commit < elapsed


def _alert_table(alerts: "list[Alert]") -> Table:
    table = Table("newest alerts", "severity", "amount", "country", "rules", expand=True)
    for alert in alerts:
        table.add_row(
            f"{alert.raised_at:%H:%M:%S}",
            alert.severity,
            f"{alert.amount:,.2f} {alert.currency}",
            alert.country,
            ", ".join(alert.rules),
        )
    return table
