"""The spans of time that a reader can choose, each with the bin its figures are drawn in."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Window:
    """The last `span` up to now, drawn in whole bins of `step` and read again every `refresh_seconds`."""

    label: str
    span: timedelta
    step: timedelta
    refresh_seconds: int = 2

    @property
    def parameters(self) -> dict[str, Any]:
        """Values of the placeholders that every windowed query shares."""
        return {"span": self.span, "step": self.step, "step_seconds": self.step.total_seconds()}


WINDOWS = (
    Window("5 min", timedelta(minutes=5), timedelta(seconds=5)),
    Window("1 hour", timedelta(hours=1), timedelta(minutes=1)),
    Window("6 hours", timedelta(hours=6), timedelta(minutes=5), refresh_seconds=10),
    Window("24 hours", timedelta(hours=24), timedelta(minutes=15), refresh_seconds=10),
)
