"""What merchants and senders wrote must never become markup, wherever it is put in."""

from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from txwatch.console import markup

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&`"


class Tags(HTMLParser):
    """Collects what a browser would take for elements, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def pieces() -> Iterator[markup.Html]:
    yield markup.text(HOSTILE)
    yield markup.cards([markup.Card(HOSTILE, HOSTILE, HOSTILE, HOSTILE)])
    yield markup.table(HOSTILE, [HOSTILE], [[HOSTILE, markup.strong(HOSTILE), markup.badge(HOSTILE)]])
    yield markup.link(HOSTILE, "alerts", alert=HOSTILE)
    yield markup.code_block(HOSTILE, HOSTILE)
    yield markup.notice(HOSTILE, HOSTILE, HOSTILE)
    yield markup.heading(HOSTILE, HOSTILE)
    yield markup.title(HOSTILE, HOSTILE)


@pytest.mark.parametrize("piece", list(pieces()))
def test_no_value_becomes_an_element_or_an_attribute(piece: markup.Html) -> None:
    tags = Tags(piece)
    assert not {"script", "img"} & set(tags.names)
    assert {name for name, _ in tags.attributes} <= {"class", "data-name", "href", "target"}
    assert "alert(1)" in tags.text


def test_text_is_escaped_once() -> None:
    assert markup.text("a & b") == "a &amp; b"
    assert markup.text(markup.text("a & b")) == "a &amp; b"


def test_nothing_is_a_dash_and_our_own_empty_markup_is_empty() -> None:
    assert markup.text(None) == markup.text("") == "&ndash;"
    assert markup.text(markup.Html()) == ""


def test_a_notice_sets_commands_as_code() -> None:
    assert "run <code>txwatch up</code> now" in markup.notice("n", "t", "run `txwatch up` now")


def test_a_tables_numbers_are_flush_right() -> None:
    drawn = markup.table("t", ["name", "count"], [["a", "1"]], numeric=[1])
    assert '<td>a</td><td class="tx-number">1</td>' in drawn
