"""The console's charts: pure functions from rows to Altair charts. Times are in UTC, nothing is fetched."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from txwatch.console import formats
from txwatch.console.queries.alerts import Alert, Payment, RuleBin
from txwatch.console.queries.ledger import Bin
from txwatch.console.queries.quarantine import ReasonCount
from txwatch.console.windows import Window

Figure = alt.Chart | alt.LayerChart

LAND: dict[str, Any] = json.loads((Path(__file__).parent / "land.json").read_text())
"""Natural Earth's coasts (public domain); made by scripts/make_land.py."""

INK, QUIET, GRID = "#1b2733", "#5a6b7b", "#e8edf1"
ACCENT, ACCENT_SOFT, FLAGGED = "#1f5f8b", "#8fb8d6", "#c0392b"
RULE_COLOURS = ["#1f5f8b", "#e08e2b", "#6b4c9a", "#2e8b57", "#b03a5b", "#5a6b7b", "#c8a415", "#3aa6b9"]
SEVERITY_COLOURS = {"low": "#8296a8", "medium": "#d98e04", "high": "#d9622b", "critical": "#b3261e"}
LATENCY_TICKS = [step * 10**power for power in range(7) for step in (1, 3)]
HOURS_AND_MINUTES = "%H:%M"


def throughput(bins: Sequence[Bin], height: int = 150) -> Figure:
    """Rows committed per second over time."""
    frame = pd.DataFrame(
        {"at": [row.starts_at for row in bins], "rows": [row.rows_per_second for row in bins]}
    )
    chart = (
        alt.Chart(frame)
        .mark_area(
            color=ACCENT_SOFT,
            opacity=0.55,
            line={"color": ACCENT, "strokeWidth": 1.6},
            interpolate="monotone",
        )
        .encode(
            x=_time("at"),
            y=_amount("rows", "rows/s"),
            tooltip=[_time_tip("at"), alt.Tooltip("rows:Q", title="rows/s", format=",.1f")],
        )
    )
    return _finish(chart, height)


def latency(bins: Sequence[Bin], height: int = 150) -> Figure:
    """Median and 95th percentile of append to commit over time; bins without a batch are gaps.

    The scale is logarithmic: catching up after a start takes minutes, the usual batch milliseconds.
    """
    frame = pd.DataFrame(
        [(row.starts_at, "p50", row.latency_p50_ms) for row in bins]
        + [(row.starts_at, "p95", row.latency_p95_ms) for row in bins],
        columns=["at", "percentile", "ms"],
    )
    chart = (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.6, point=alt.OverlayMarkDef(size=10))
        .encode(
            x=_time("at"),
            y=alt.Y(
                "ms:Q",
                title="ms, log scale",
                axis=alt.Axis(format="~s", values=LATENCY_TICKS),
                scale=alt.Scale(type="log", nice=False),
            ),
            color=alt.Color(
                "percentile:N", scale=alt.Scale(domain=["p50", "p95"], range=[ACCENT, "#e08e2b"])
            ),
            tooltip=[_time_tip("at"), "percentile:N", alt.Tooltip("ms:Q", format=",.0f")],
        )
    )
    return _finish(chart, height)


def alerts_by_rule(
    bins: Sequence[RuleBin], rules: Iterable[str], window: Window, now: datetime, height: int = 150
) -> Figure:
    """Alerts per bin, stacked by rule; the axis spans the whole window, so that silence shows.

    Every one of `rules` keeps its colour, whether it fired or not.
    """
    known = sorted({*rules, *(row.rule for row in bins)})
    end = pd.Timestamp(now).floor(f"{window.step.total_seconds():.0f}s")
    chart = (
        alt.Chart(_stacked(bins, window))
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(
            x=_time("starts_at", domain=(end - window.span, end)),
            x2="ends_at:T",
            y=_amount("from", f"alerts per {formats.age(window.step.total_seconds())}"),
            y2="to:Q",
            color=alt.Color(
                "rule:N",
                scale=alt.Scale(domain=known, range=RULE_COLOURS),
                legend=alt.Legend(columns=2, labelExpr="replace(datum.label, /_/g, ' ')"),
            ),
            tooltip=[_time_tip("starts_at"), "rule:N", alt.Tooltip("alerts:Q", format=",")],
        )
    )
    return _finish(chart, height)


def _stacked(bins: Iterable[RuleBin], window: Window) -> pd.DataFrame:
    """Lay each bin's counts on each other: from and to are in alerts, the ends of a bar's height."""
    heights: Counter[datetime] = Counter()
    rows = []
    for row in bins:
        start = heights[row.starts_at]
        heights[row.starts_at] += row.alerts
        rows.append(
            (row.starts_at, row.starts_at + window.step, row.rule, row.alerts, start, start + row.alerts)
        )
    return pd.DataFrame(rows, columns=["starts_at", "ends_at", "rule", "alerts", "from", "to"])


def world_map(alerts: Sequence[Alert], height: int = 300) -> Figure:
    """Placeable alerts on the outline of the world, the newest on top; list the others beside it."""
    frame = pd.DataFrame(
        [
            (alert.longitude, alert.latitude, alert.severity, ", ".join(alert.rules),
             formats.money(alert.amount, alert.currency), alert.country, formats.moment(alert.occurred_at))
            for alert in reversed(alerts)
            if alert.is_placeable
        ],
        columns=["longitude", "latitude", "severity", "rules", "amount", "country", "occurred (UTC)"],
    )  # fmt: skip
    sea = alt.Chart(alt.sphere()).mark_geoshape(fill="#f4f7fa", stroke="#d5dee6")
    grid = alt.Chart(alt.graticule(step=[30, 30])).mark_geoshape(
        stroke="#e3eaf0", strokeWidth=0.6, filled=False
    )
    land = alt.Chart(
        alt.InlineData(values=[{"type": "Feature", "geometry": LAND, "properties": {}}])
    ).mark_geoshape(fill="#dde4ea", stroke="#c3ced8", strokeWidth=0.5)
    points = (
        alt.Chart(frame)
        .mark_circle(size=46, opacity=0.75, stroke="white", strokeWidth=0.6)
        .encode(
            longitude="longitude:Q",
            latitude="latitude:Q",
            color=_severity(),
            tooltip=["occurred (UTC):N", "amount:N", "country:N", "severity:N", "rules:N"],
        )
    )
    layers = alt.layer(sea, grid, land, points).project("naturalEarth1")
    return _finish(layers, height)


def held_by_reason(counts: Sequence[ReasonCount]) -> Figure:
    """Records held in quarantine, one bar per reason."""
    frame = pd.DataFrame(
        [(formats.words(row.reason), row.records) for row in counts], columns=["reason", "records"]
    )
    bars = alt.Chart(frame).encode(
        x=alt.X("records:Q", title="records held", axis=alt.Axis(tickMinStep=1, format="~s", tickCount=5)),
        y=alt.Y("reason:N", sort=None, title=None),
        tooltip=["reason:N", alt.Tooltip("records:Q", format=",")],
    )
    labels = bars.mark_text(align="left", dx=4, color=QUIET).encode(text=alt.Text("records:Q", format=","))
    return _finish(
        bars.mark_bar(color=ACCENT, height={"band": 0.65}) + labels, max(22 * len(counts) + 40, 110)
    )


def timeline(payments: Sequence[Payment], chosen: Alert, height: int = 210) -> Figure:
    """One customer's amounts over time; flagged ones are red, the chosen alert is ringed."""
    frame = pd.DataFrame(
        [
            (payment.occurred_at, float(payment.amount), formats.money(payment.amount, payment.currency),
             payment.country, "flagged" if payment.is_fraud else "not flagged", ", ".join(payment.rules),
             payment.transaction_id == chosen.transaction_id)
            for payment in payments
        ],
        columns=["at", "value", "amount", "country", "verdict", "rules", "is_chosen"],
    )  # fmt: skip
    axis = _time("at", title="occurred, UTC", pattern=time_pattern(payments))
    base = alt.Chart(frame).encode(x=axis, y=_amount("value", "amount"))
    stems = base.mark_rule(color=GRID, strokeWidth=1.5).encode(y2=alt.datum(0))
    points = base.mark_circle(size=70, opacity=0.95).encode(
        color=alt.Color(
            "verdict:N", scale=alt.Scale(domain=["flagged", "not flagged"], range=[FLAGGED, ACCENT_SOFT])
        ),
        tooltip=[_time_tip("at"), "amount:N", "country:N", "verdict:N", "rules:N"],
    )
    ring = base.transform_filter("datum.is_chosen").mark_point(size=230, color=INK, strokeWidth=1.8)
    return _finish(stems + points + ring, height)


def time_pattern(payments: Sequence[Payment]) -> str:
    """Choose what an axis must say to tell its ticks apart: seconds, minutes, or days."""
    span = (payments[-1].occurred_at - payments[0].occurred_at) if payments else timedelta()
    if span < timedelta(minutes=8):
        return "%H:%M:%S"
    return HOURS_AND_MINUTES if span < timedelta(days=1) else "%d %b, %H:%M"


def _time(
    name: str,
    domain: tuple[datetime, datetime] | None = None,
    title: str = "UTC",
    pattern: str = HOURS_AND_MINUTES,
) -> alt.X:
    edges = alt.Undefined if domain is None else [_milliseconds(edge) for edge in domain]
    axis = alt.Axis(title=title, format=pattern, labelOverlap=True, tickCount=5, grid=False)
    return alt.X(f"{name}:T", scale=alt.Scale(type="utc", domain=edges), axis=axis)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _time_tip(name: str) -> alt.Tooltip:
    return alt.Tooltip(
        f"{name}:T", title="UTC", format="%Y-%m-%d %H:%M:%S", timeUnit="utcyearmonthdatehoursminutesseconds"
    )


def _amount(name: str, unit: str) -> alt.Y:
    return alt.Y(f"{name}:Q", title=unit, axis=alt.Axis(format="~s", tickCount=4), scale=alt.Scale(zero=True))


def _severity() -> alt.Color:
    scale = alt.Scale(domain=list(SEVERITY_COLOURS), range=list(SEVERITY_COLOURS.values()))
    return alt.Color("severity:N", scale=scale)


def _finish(chart: Any, height: int) -> Figure:
    """Give a chart its height and the console's quiet look."""
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
