"""What all pages share: the header, the choice of a window, refreshing by itself, and the broken states."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import altair as alt
import streamlit as st

from txwatch.console import formats, markup
from txwatch.console.database import snapshot
from txwatch.console.markup import notice, read_at
from txwatch.console.queries import ledger
from txwatch.console.windows import WINDOWS, Window
from txwatch.errors import TxwatchError
from txwatch.postgres import Connection
from txwatch.settings import Settings, load_settings

REFRESH_SECONDS = 2

Content = TypeVar("Content")


def put(*pieces: str) -> None:
    """Show pieces of markup.py beneath each other."""
    st.html("".join(pieces))


def plot(chart: alt.Chart | alt.LayerChart) -> None:
    """Show a chart of figures.py as wide as its place, in its own look."""
    st.altair_chart(chart, theme=None)


def header(title: str, note: str) -> None:
    """Write the page's title and what it shows."""
    st.html(markup.title(title, note))


def header_with_window(title: str, note: str) -> Window:
    """Write the page's title, and let the reader choose how far back to look, for the whole session."""
    labels = [window.label for window in WINDOWS]
    kept = st.session_state.get("kept_window", labels[0])
    # Streamlit forgets a control that a page does not draw, so the choice is kept beside it.
    st.session_state.setdefault("window", kept)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        header(title, note)
        chosen = st.segmented_control("Look back", labels, key="window", label_visibility="collapsed") or kept
    st.session_state["kept_window"] = chosen
    return WINDOWS[labels.index(chosen)]


def live(
    read: Callable[[Connection, Settings], Content],
    draw: Callable[[Content], None],
    refresh_seconds: int = REFRESH_SECONDS,
) -> None:
    """Read in one snapshot and draw, again every `refresh_seconds`, as long as the page is open.

    Everything is read before anything is drawn, so a failure leaves one sentence and never half a page;
    the next refresh tries again.
    """

    @st.fragment(run_every=refresh_seconds)
    def refresh() -> None:
        try:
            settings = load_settings()
            with snapshot(settings) as connection:
                is_empty = ledger.last_commit(connection) is None
                content = read(connection, settings)
        except TxwatchError as error:
            again = f"This page tries again every {refresh_seconds} s."
            put(notice("broken", "The warehouse cannot be read", f"{error}. {again}", "bad"))
            return
        if is_empty:
            put(notice("empty", "No transaction has been scored yet", EMPTY))
        else:
            draw(content)
        put(read_at(f"Read at {formats.clock(datetime.now(UTC))} UTC, again every {refresh_seconds} s"))

    refresh()


EMPTY = (
    "Start the stream with `txwatch stream` and send it transactions with `txwatch generate`, or run "
    "`make demo` for both. This page fills by itself."
)
