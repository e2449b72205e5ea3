"""The dashboards as a page of the console: the same cards and filters as in Metabase."""

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from txwatch.dashboards.answers import Answer, CardError, NotBuiltError, answer
from txwatch.dashboards.arrangement import Group, arrange
from txwatch.dashboards.charts import CELL_PIXELS, TITLE_CELLS, figure, headline, is_numeric, words, written
from txwatch.dashboards.definitions import (
    DASHBOARDS,
    Card,
    Dashboard,
    Filter,
    cards_of,
    filters_of,
    load_cards,
)
from txwatch.errors import TxwatchError
from txwatch.postgres import Connection, connect
from txwatch.settings import load_settings

STATEMENT_TIMEOUT_MS = 15_000
REFRESH_SECONDS = 30
"""Metabase's shortest interval is a minute; a card may read months."""

NOT_BUILT = (
    "Some of these cards read the marts, which have not been built here yet. Run `make dbt` (or "
    "`txwatch transform`): it builds and tests them from what has arrived. This page fills by itself."
)

Values = Mapping[str, object]


def page() -> None:
    """Draw the page: a dashboard, its filters, its tabs."""
    titles = {board.title: board for board in DASHBOARDS}
    first = DASHBOARDS[0].title
    shown = st.segmented_control(
        "Dashboard", list(titles), default=first, required=True, label_visibility="collapsed"
    )
    board = titles[shown]
    st.caption(board.description)
    values = _filters(board)
    for tab, place in zip(board.tabs, st.tabs(list(board.tabs)), strict=True):
        with place:
            _tab(board, tab, values)


def _filters(board: Dashboard) -> Values:
    choices = filters_of(cards_of(board, load_cards()))
    columns = st.columns(len(choices))
    return {choice.id: _ask(choice, column) for choice, column in zip(choices, columns, strict=True)}


def _ask(choice: Filter, place: Any) -> object:
    """Let the reader choose a value; `None` while nothing is chosen."""
    if choice.kind == "date":
        return place.date_input(choice.title, value=None, key=choice.id)
    if choice.choices:
        return place.selectbox(choice.title, choice.choices, index=None, key=choice.id, placeholder="all")
    return place.text_input(choice.title, key=choice.id, placeholder="all").strip() or None


def _tab(board: Dashboard, tab: str, values: Values) -> None:
    cards = cards_of(board, load_cards(), tab)

    @st.fragment(run_every=REFRESH_SECONDS)
    def refresh() -> None:
        try:
            options = load_settings().postgres("dashboard_reader")
            limits = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC"
            with closing(connect(options | {"options": limits})) as connection:
                answers = {card.id: _answered(connection, card, values) for card in cards}
        except TxwatchError as error:
            st.error(f"The warehouse cannot be read: {error}")
            return
        if any(isinstance(given, NotBuiltError) for given in answers.values()):
            st.info(NOT_BUILT)
        _show(arrange(cards), answers)
        now = datetime.now(UTC)
        st.html(
            f'<div class="tx-note" data-name="read-at">Read at {now:%H:%M:%S} UTC, '
            f"again every {REFRESH_SECONDS} s. Days are days in UTC.</div>"
        )

    refresh()


def _answered(connection: Connection, card: Card, values: Values) -> Answer | CardError:
    """Keep a card's failure to itself: the others are shown all the same."""
    try:
        return answer(connection, card, values)
    except CardError as error:
        return error


def _show(part: Card | Group, answers: Mapping[str, Answer | CardError]) -> None:
    if isinstance(part, Card):
        _show_card(part, answers[part.id])
    elif part.direction == "rows":
        for member in part.members:
            _show(member, answers)
    else:
        for place, member in zip(st.columns(list(part.widths)), part.members, strict=True):
            with place:
                _show(member, answers)


def _show_card(card: Card, given: Answer | CardError) -> None:
    with st.container(border=True, key=f"card-{card.id}"):
        if card.chart.kind == "number" and isinstance(given, Answer):
            st.metric(card.title, headline(card.chart, given), help=card.question)
            return
        st.markdown(f"**{card.title}**", help=card.question)
        if isinstance(given, NotBuiltError):
            st.caption("Not built yet.")
        elif isinstance(given, CardError):
            st.warning(str(given))
        elif not given.rows:
            st.caption("Nothing to show for these filters.")
        elif card.chart.kind == "table":
            _show_table(card, given)
        else:
            st.altair_chart(figure(card.chart, given, card.place.height), theme=None)


def _show_table(card: Card, given: Answer) -> None:
    columns = [words(name) for name in given.columns]
    rows = [dict(zip(columns, map(written, row), strict=True)) for row in given.rows]
    numeric = [
        name
        for name, values in zip(columns, zip(*given.rows, strict=True), strict=True)
        if is_numeric(values)
    ]
    right = {name: st.column_config.TextColumn(alignment="right") for name in numeric}
    st.dataframe(
        rows,
        hide_index=True,
        height=round(CELL_PIXELS * (card.place.height - TITLE_CELLS)),
        column_config=right,
    )
