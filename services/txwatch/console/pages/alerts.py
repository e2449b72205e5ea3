"""Alerts: by rule over time, the newest ones, and one alert's evidence with its customer's timeline."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import streamlit as st

from txwatch.console import figures, formats
from txwatch.console.markup import Html, Row, asked_for, badge, heading, link, notice, strong, table
from txwatch.console.pages import frame
from txwatch.console.pages.frame import plot, put
from txwatch.console.queries import alerts
from txwatch.console.windows import Window
from txwatch.postgres import Connection

LISTED_ALERTS = 20
TIMELINE_EACH_WAY = 10
ALL_RULES = "all rules"


@dataclass(frozen=True)
class AlertsView:
    """All that the page shows, of one moment; `chosen` is `None` when there is no such alert."""

    window: Window
    by_rule: list[alerts.RuleBin]
    newest: list[alerts.Alert]
    chosen: alerts.Alert | None
    timeline: list[alerts.Payment]
    sentences: dict[str, str]


def page() -> None:
    """Draw the page; `?alert=<transaction_id>` chooses an alert."""
    window = frame.header_with_window("Alerts", "flagged transactions, and why")
    frame.live(lambda connection, _: _read(connection, window), _draw, window.refresh_seconds)


def _read(connection: Connection, window: Window) -> AlertsView:
    newest = alerts.newest(connection, window.span, LISTED_ALERTS, _chosen_rule())
    chosen = _find_chosen(connection, newest)
    return AlertsView(
        window=window,
        by_rule=alerts.by_rule(connection, window),
        newest=newest,
        chosen=chosen,
        timeline=alerts.timeline(connection, chosen, TIMELINE_EACH_WAY) if chosen else [],
        sentences=alerts.rule_sentences(connection),
    )


def _chosen_rule() -> str | None:
    rule: str = st.session_state.get("rule", ALL_RULES)
    return None if rule == ALL_RULES else rule


def _find_chosen(connection: Connection, newest: list[alerts.Alert]) -> alerts.Alert | None:
    """Return the alert of the address bar; without one, keep to the first that this session saw."""
    wanted = st.query_params.get("alert") or st.session_state.get("first_alert")
    if wanted is None and newest:
        wanted = st.session_state["first_alert"] = newest[0].transaction_id
    transaction_id = _as_uuid(wanted or "")
    return alerts.find(connection, transaction_id) if transaction_id else None


def _as_uuid(text: str) -> str | None:
    """Return an id as Postgres writes it, or nothing: an address bar can hold anything."""
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _draw(view: AlertsView) -> None:
    put(heading("Alerts by rule", "by time raised; an alert of two rules counts for both"))
    plot(figures.alerts_by_rule(view.by_rule, view.sentences, view.window, datetime.now(UTC)))
    listed, chosen = st.columns(2, gap="medium")
    with listed:
        _draw_newest(view)
    with chosen:
        if view.chosen is None:
            put(notice("no-choice", "No alert to show", "Choose one by its time in the list."))
        else:
            _draw_chosen(view.chosen, view)


def _draw_newest(view: AlertsView) -> None:
    put(heading("Newest alerts", "choose one by its time"))
    st.selectbox("Rule", [ALL_RULES, *sorted(view.sentences)], key="rule", label_visibility="collapsed")
    if view.newest:
        headers = ["Raised, UTC", "Severity", "Amount", "Rules", "Country", "Merchant"]
        put(table("newest-alerts", headers, map(newest_row, view.newest), numeric=[2]))
    else:
        put(notice("no-alerts", "No alert in this window", "Choose a longer one above, or another rule."))


def _draw_chosen(alert: alerts.Alert, view: AlertsView) -> None:
    way_back = asked_for(link("Back to the newest", "alerts")) if st.query_params.get("alert") else ""
    put(heading("Chosen alert", alert.transaction_id), way_back, table("alert", [], alert_facts(alert)))
    put(
        heading("Evidence", "what each rule looked at"),
        table("evidence", ["Rule", "Why", "Column", "Value"], evidence_rows(alert, view.sentences)),
    )
    put(heading("Customer's timeline", f"{alert.customer or 'customer'}; flagged in red, this alert ringed"))
    plot(figures.timeline(view.timeline, alert))
    headers = ["Occurred, UTC", "Amount", "Country", "Verdict"]
    rows = [timeline_row(payment, alert) for payment in reversed(view.timeline)]
    put(table("timeline", headers, rows, numeric=[1]))


def newest_row(alert: alerts.Alert) -> Row:
    """Write an alert in one line."""
    return [
        link(formats.clock(alert.raised_at), "alerts", alert=alert.transaction_id),
        badge(alert.severity),
        formats.money(alert.amount, alert.currency),
        ", ".join(formats.words(rule) for rule in alert.rules),
        alert.country,
        alert.merchant or "not known yet",
    ]


def alert_facts(alert: alerts.Alert) -> list[Row]:
    """List who paid whom, how much, where and when."""
    place = f"{alert.country} ({alert.latitude:.2f}, {alert.longitude:.2f})"
    home = f", at home in {alert.home_country}" if alert.home_country else ""
    return [
        ["Occurred", f"{formats.moment(alert.occurred_at)} UTC"],
        ["Raised", f"{formats.moment(alert.raised_at)} UTC"],
        ["Amount", strong(formats.money(alert.amount, alert.currency))],
        ["Customer", f"{alert.customer or alert.customer_id}{home}"],
        ["Merchant", f"{alert.merchant or 'not known yet'} ({alert.category or 'no category'})"],
        ["Where and how", f"{place}, {alert.payment_method}, {alert.device_id}"],
    ]


def evidence_rows(alert: alerts.Alert, sentences: dict[str, str]) -> list[Row]:
    """One row per column that a fired rule looked at; the rule and its sentence stand on its first row."""
    rows: list[Row] = []
    for rule in alert.rules:
        named: Row = [formats.words(rule), sentences.get(rule)]
        for column, value in alert.evidence.get(rule, {None: None}).items():
            rows.append([*named, column, value if value is None else strong(formats.value(value))])
            named = [Html(), Html()]
    return rows


def timeline_row(payment: alerts.Payment, chosen: alerts.Alert) -> Row:
    """Write one of the customer's transactions in one line; the chosen one in bold."""
    amount = formats.money(payment.amount, payment.currency)
    return [
        formats.moment(payment.occurred_at),
        strong(amount) if payment.transaction_id == chosen.transaction_id else amount,
        payment.country,
        badge("flagged") if payment.is_fraud else "ok",
    ]
