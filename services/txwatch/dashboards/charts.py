"""From a card's definition and its answer to what is shown: a chart or a number. Pure, no page."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import altair as alt
import pandas as pd

from txwatch.dashboards.answers import Answer
from txwatch.dashboards.definitions import Chart

Figure = alt.Chart | alt.LayerChart

INK, QUIET, GRID = "#1b2733", "#5a6b7b", "#e8edf1"
COLOURS = ["#1f5f8b", "#e08e2b", "#6b4c9a", "#2e8b57", "#b03a5b", "#5a6b7b", "#c8a415", "#3aa6b9"]
CELL_PIXELS = 36
"""Height of one cell of a dashboard's grid."""
TITLE_CELLS = 1.4
"""What a card's title and its margins take of its height."""


def figure(chart: Chart, answer: Answer, height_cells: int) -> Figure:
    """Draw an answer as its card says.

    Args:
        chart: any kind but `number` and `table`.
        answer: what the card's SQL returned.
        height_cells: the card's height on the grid.
    """
    frame = tidy(chart, answer)
    draw = _bars_across if chart.kind == "row" else _over_x
    height = round(CELL_PIXELS * (height_cells - TITLE_CELLS))
    return _finish(draw(chart, frame, answer), height)


def tidy(chart: Chart, answer: Answer) -> pd.DataFrame:
    """Lay the drawn columns out as one row per mark: `x`, `value`, `series`.

    `series` is the value of the chart's series column, or the name of the drawn column.
    """
    at = {name: number for number, name in enumerate(answer.columns)}
    rows = [
        (_drawable(row[at[str(chart.x)]]), _drawable(row[at[y]]), _series(chart, row, at, y))
        for row in answer.rows
        for y in chart.y
    ]
    return pd.DataFrame(rows, columns=["x", "value", "series"])


def _series(chart: Chart, row: tuple[Any, ...], at: Mapping[str, int], y: str) -> Any:
    return row[at[chart.series]] if chart.series else words(y)


def headline(chart: Chart, answer: Answer) -> str:
    """Write the one number of a `number` card; a dash where there is none."""
    value = answer.rows[0][answer.columns.index(chart.y[0])] if answer.rows else None
    return "–" if value is None else f"{written(value)} {chart.unit}".rstrip()  # noqa: RUF001 - a dash is meant


def written(value: Any) -> str:
    """Write a value for people: grouped digits, times without their zone (they are in UTC)."""
    if value is None:
        return ""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int | float | Decimal):
        return f"{value:,}"
    return str(value)


def words(name: str) -> str:
    """Write a column's name as words."""
    return name.replace("_", " ")


def _drawable(value: Any) -> Any:
    """Turn exact numbers into those that a chart can draw; what is exact stays so in tables and headlines."""
    return float(value) if isinstance(value, Decimal) else value


def _over_x(chart: Chart, frame: pd.DataFrame, answer: Answer) -> Any:
    marks = {"line": "mark_line", "area": "mark_area", "bar": "mark_bar"}
    style = (
        {"strokeWidth": 1.8} if chart.kind == "line" else {"opacity": 0.85} if chart.kind == "area" else {}
    )
    series = list(dict.fromkeys(frame["series"])) if chart.series else [words(name) for name in chart.y]
    encoded = alt.Chart(frame).encode(
        x=_x(chart, answer),
        y=alt.Y(
            "value:Q", title=chart.unit or None, axis=alt.Axis(format="~s", tickCount=5), stack=chart.stacked
        ),
        tooltip=[_tip(chart, answer), alt.Tooltip("series:N"), alt.Tooltip("value:Q", format=",")],
    )
    if chart.kind != "bar" and len(set(frame["x"])) == 1:
        mark = encoded.mark_bar(size=40)  # a line or an area of one point cannot be seen
    else:
        mark = getattr(encoded, marks[chart.kind])(**style)
    if len(series) == 1:
        return mark.encode(color=alt.value(COLOURS[0]))
    scale = alt.Scale(domain=series, range=COLOURS)
    return mark.encode(color=alt.Color("series:N", scale=scale))


def _x(chart: Chart, answer: Answer) -> alt.X:
    moments = _column(chart.x, answer)
    if not is_temporal(moments):
        return alt.X(
            "x:O", title=words(str(chart.x)), axis=alt.Axis(labelAngle=0, labelOverlap=True), sort=None
        )
    axis = alt.Axis(title="UTC", grid=False, labelOverlap=True, tickCount=6)
    if chart.kind == "bar":
        return alt.X("x:T", timeUnit="yearmonthdate", axis=axis)
    return alt.X("x:T", axis=axis)


def _tip(chart: Chart, answer: Answer) -> alt.Tooltip:
    moments = _column(chart.x, answer)
    if not is_temporal(moments):
        return alt.Tooltip("x:N", title=words(str(chart.x)))
    pattern = "%Y-%m-%d %H:%M" if isinstance(moments[0], datetime) else "%Y-%m-%d"
    return alt.Tooltip("x:T", title="UTC", format=pattern)


def is_temporal(values: Sequence[Any]) -> bool:
    """Say whether a column holds days or times."""
    return bool(values) and all(isinstance(value, date) for value in values)


def is_numeric(values: Sequence[Any]) -> bool:
    """Say whether a column holds numbers (and perhaps gaps)."""
    return all(isinstance(value, int | float | Decimal) for value in values if value is not None)


def _column(name: str | None, answer: Answer) -> list[Any]:
    number = answer.columns.index(str(name))
    return [row[number] for row in answer.rows]


def _bars_across(chart: Chart, frame: pd.DataFrame, _: Answer) -> Any:
    """Bars from left to right, in the order of the rows, each with its number."""
    bars = alt.Chart(frame).encode(
        x=alt.X("value:Q", title=chart.unit or None, axis=alt.Axis(format="~s", tickCount=5)),
        y=alt.Y("x:N", sort=None, title=None),
        tooltip=[alt.Tooltip("x:N", title=words(str(chart.x))), alt.Tooltip("value:Q", format=",")],
    )
    labels = bars.mark_text(align="left", dx=4, color=QUIET).encode(text=alt.Text("value:Q", format=",.4~r"))
    return bars.mark_bar(color=COLOURS[0], height={"band": 0.65}) + labels


def _finish(chart: Any, height: int) -> Figure:
    """Give a chart its height and a quiet look."""
    finished: Figure = (
        chart.properties(height=height, width="container")
        .configure(font="Source Sans, sans-serif", background="transparent", padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=QUIET, titleColor=QUIET, titleFontWeight="normal", titleFontSize=11, labelFontSize=11,
            gridColor=GRID, domain=False, ticks=False, labelPadding=4,
        )
        .configure_legend(
            orient="top", title=None, labelColor=QUIET, labelFontSize=11, symbolSize=60, offset=4, padding=0
        )
    )  # fmt: skip
    return finished
