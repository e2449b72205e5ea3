"""The live page: how fast, how late, what was flagged and where."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import streamlit as st

from txwatch.console import figures, formats
from txwatch.console.markup import Card, Row, badge, cards, heading, link, table
from txwatch.console.pages import frame
from txwatch.console.pages.frame import plot, put
from txwatch.console.queries import alerts, ledger
from txwatch.console.windows import Window
from txwatch.postgres import Connection

LAST_MINUTE = timedelta(minutes=1)
MAPPED_ALERTS = 500
LISTED_NEWEST = 5
LISTED_OFF_MAP = 4


@dataclass(frozen=True)
class Overview:
    """All that the page shows, of one moment."""

    window: Window
    minute: ledger.Totals
    totals: ledger.Totals
    bins: list[ledger.Bin]
    last_commit: ledger.LastCommit | None
    by_rule: list[alerts.RuleBin]
    newest: list[alerts.Alert]
    sentences: dict[str, str]


def page() -> None:
    """Draw the page."""
    window = frame.header_with_window("Overview", "what the stream does now")
    frame.live(lambda connection, _: _read(connection, window), _draw, window.refresh_seconds)


def _read(connection: Connection, window: Window) -> Overview:
    return Overview(
        window=window,
        minute=ledger.totals(connection, LAST_MINUTE),
        totals=ledger.totals(connection, window.span),
        bins=ledger.bins(connection, window),
        last_commit=ledger.last_commit(connection),
        by_rule=alerts.by_rule(connection, window),
        newest=alerts.newest(connection, window.span, MAPPED_ALERTS),
        sentences=alerts.rule_sentences(connection),
    )


def _draw(overview: Overview) -> None:
    put(cards(headline_cards(overview)))
    rate, latency, rules = st.columns(3)
    with rate:
        put(heading("Throughput", "rows committed per second"))
        plot(figures.throughput(overview.bins))
    with latency:
        put(heading("Latency", "Kafka append to commit, ms"))
        plot(figures.latency(overview.bins))
    with rules:
        put(heading("Alerts by rule", "by time raised"))
        plot(figures.alerts_by_rule(overview.by_rule, overview.sentences, overview.window, datetime.now(UTC)))
    world, beside = st.columns([5, 3], gap="medium")
    with world:
        _draw_map(overview.newest)
    with beside:
        _draw_lists(overview.newest)


def _draw_map(newest: list[alerts.Alert]) -> None:
    placed = sum(alert.is_placeable for alert in newest)
    put(heading("Where", f"the newest {placed:,} flagged transactions that have a place"))
    plot(figures.world_map(newest))


def _draw_lists(newest: list[alerts.Alert]) -> None:
    off_map = [alert for alert in newest if not alert.is_placeable]
    put(
        heading("Newest alerts", "by time raised, UTC; choose one to see why"),
        table("newest-alerts", [], map(newest_row, newest[:LISTED_NEWEST]), numeric=[2]),
    )
    put(
        heading("Off the map", f"{len(off_map):,} flagged at latitudes and longitudes that are not on Earth"),
        table("off-map", [], map(off_map_row, off_map[:LISTED_OFF_MAP]), numeric=[1, 2]),
    )


def newest_row(alert: alerts.Alert) -> Row:
    """Write an alert in one line."""
    return [
        link(formats.clock(alert.raised_at), "alerts", alert=alert.transaction_id),
        badge(alert.severity),
        formats.money(alert.amount, alert.currency),
        ", ".join(formats.words(rule) for rule in alert.rules),
    ]


def off_map_row(alert: alerts.Alert) -> Row:
    """Write an alert that no map can show in one line."""
    return [
        link(formats.clock(alert.raised_at), "alerts", alert=alert.transaction_id),
        f"{alert.latitude:.2f}, {alert.longitude:.2f}",
        formats.money(alert.amount, alert.currency),
    ]


def headline_cards(overview: Overview) -> list[Card]:
    """Put the page's numbers into words; `rows` are records taken from Kafka, transactions or not."""
    minute, totals, label = overview.minute, overview.totals, overview.window.label
    commit = overview.last_commit
    return [
        Card(
            "throughput", "Throughput", f"{formats.rate(minute.rows_in / 60)} rows/s", "over the last minute"
        ),
        Card(
            "latency",
            "Latency p50 / p95",
            f"{formats.duration_ms(totals.latency_p50_ms)} / {formats.duration_ms(totals.latency_p95_ms)}",
            f"most {formats.duration_ms(totals.latency_max_ms)}, last {label}",
        ),
        Card("scored", "Scored", formats.count(totals.facts), f"transactions, last {label}"),
        Card(
            "alerts",
            "Alerts",
            formats.count(totals.alerts),
            f"{formats.share(totals.alerts, totals.facts)} of transactions",
        ),
        Card(
            "quarantined",
            "Quarantined",
            formats.count(totals.quarantined),
            f"{formats.share(totals.quarantined, totals.rows_in)} of rows; {totals.duplicates:,} duplicates",
        ),
        Card(
            "last-commit",
            "Last commit",
            f"{formats.age(commit.age_seconds)} ago" if commit else "",
            f"{formats.moment(commit.committed_at)} UTC" if commit else "",
        ),
    ]
