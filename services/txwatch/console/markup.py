"""HTML pieces of the pages. Every value is escaped here: what merchants and senders wrote is never markup."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal
from urllib.parse import urlencode

Tone = Literal["plain", "good", "warn", "bad"]


class Html(str):
    """Markup made by this module from escaped values; any other text is escaped where it is put in."""

    __slots__ = ()


Row = Sequence[str | Html | None]
"""The cells of one line of a table."""


@dataclass(frozen=True)
class Card:
    """One headline number; `name` is what tests and bookmarks know it by."""

    name: str
    label: str
    value: str
    note: str = ""
    tone: Tone = "plain"


def text(value: str | Html | None) -> Html:
    """Escape a value, unless it is markup of ours; nothing is written as a dash."""
    if isinstance(value, Html):
        return value
    return Html(escape(value)) if value else Html("&ndash;")


def cards(items: Iterable[Card]) -> Html:
    """Lay headline numbers out in a row that wraps on narrow screens."""
    drawn = "".join(
        f'<div class="tx-card tx-{card.tone}" data-name="{escape(card.name)}">'
        f'<div class="tx-label">{text(card.label)}</div><div class="tx-value">{text(card.value)}</div>'
        f'<div class="tx-note">{text(card.note)}</div></div>'
        for card in items
    )
    return Html(f'<div class="tx-cards">{drawn}</div>')


def table(
    name: str,
    headers: Sequence[str],
    rows: Iterable[Row],
    numeric: Sequence[int] = (),
) -> Html:
    """Draw a table that scrolls sideways on a phone; columns in `numeric`, from 0, are set flush right."""

    def tag(kind: str, column: int, value: str | Html | None) -> str:
        style = ' class="tx-number"' if column in numeric else ""
        return f"<{kind}{style}>{text(value)}</{kind}>"

    head = "".join(tag("th", column, header) for column, header in enumerate(headers))
    head = f"<thead><tr>{head}</tr></thead>" if headers else ""
    body = "".join(
        f"<tr>{''.join(tag('td', column, value) for column, value in enumerate(row))}</tr>" for row in rows
    )
    return Html(
        f'<div class="tx-scroll" data-name="{escape(name)}"><table class="tx-table">'
        f"{head}<tbody>{body}</tbody></table></div>"
    )


def badge(value: str) -> Html:
    """Draw a severity or a state as a coloured word."""
    kind = "".join(letter for letter in value if letter.isalnum())
    return Html(f'<span class="tx-badge tx-badge-{kind}">{escape(value)}</span>')


def link(label: str, page: str, **parameters: str) -> Html:
    """Draw a link to one of the console's own pages."""
    return Html(
        f'<a href="{escape(page)}?{escape(urlencode(parameters))}" target="_self">{escape(label)}</a>'
    )


def asked_for(way_back: Html) -> Html:
    """Say that what follows was asked for by its address, which puts it first on a phone."""
    return Html(f'<div class="tx-note" data-name="asked-for">{way_back}</div>')


def read_at(value: str) -> Html:
    """Say of which moment a page is."""
    return Html(f'<div class="tx-note" data-name="read-at">{escape(value)}</div>')


def strong(value: str) -> Html:
    """Set a value in bold."""
    return Html(f"<b>{escape(value)}</b>")


def code_block(value: str, note: str = "") -> Html:
    """Draw raw text as it is, in a fixed-width font, with a note beneath."""
    return Html(f'<pre class="tx-raw">{escape(value)}</pre><div class="tx-note">{text(note)}</div>')


def notice(name: str, title: str, sentence: str, tone: Tone = "plain") -> Html:
    """Draw a state of the page: what is the matter, and what to do. Words in backticks are set as code."""
    parts = escape(sentence).split("`")
    said = "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
    head = f'<div class="tx-notice tx-{tone}" data-name="{escape(name)}"><b>{escape(title)}</b>'
    return Html(f"{head}<div>{said}</div></div>")


def title(name: str, note: str) -> Html:
    """Draw a page's title."""
    return Html(f'<div class="tx-title">{escape(name)} <span class="tx-note">{escape(note)}</span></div>')


def heading(title: str, note: str = "") -> Html:
    """Draw a figure's title with its unit or scope beside it."""
    return Html(f'<div class="tx-heading">{escape(title)} <span class="tx-note">{escape(note)}</span></div>')
