"""The cards as they are shipped, and what a wrong one is told."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from txwatch.dashboards.definitions import DASHBOARDS, FILTERS, Card, cards_of, load_cards, read_card
from txwatch.dashboards.template import bind
from txwatch.errors import UsageError

CARDS = load_cards()
SAMPLE: dict[str, object] = dict.fromkeys([choice.id for choice in FILTERS], "x")
READABLE = {"core", "ops", "marts"}


def parsed(card: Card, values: dict[str, object]) -> exp.Query:
    statement, parameters = bind(card.sql, values)
    text = (statement % dict.fromkeys(parameters, "'2026-01-01'")).strip()
    (tree,) = sqlglot.parse(text, dialect="postgres")
    assert isinstance(tree, exp.Query), f"{card.id} is not a select"
    return tree


def test_there_are_as_many_cards_as_an_analyst_can_use() -> None:
    assert 18 <= len(CARDS) <= 24


def test_every_tab_of_every_dashboard_has_cards() -> None:
    assert all(cards_of(board, CARDS, tab) for board in DASHBOARDS for tab in board.tabs)


def test_titles_are_unique_on_a_dashboard() -> None:
    titles = [(card.dashboard, card.title) for card in CARDS]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("values", [{}, SAMPLE], ids=["no filter", "every filter"])
@pytest.mark.parametrize("card", CARDS, ids=[card.id for card in CARDS])
def test_a_card_is_one_select_of_readable_tables(card: Card, values: dict[str, object]) -> None:
    tree = parsed(card, values)
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    tables = [table for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]
    assert {table.db for table in tables if table.db or table.name not in own} <= READABLE
    assert not list(tree.find_all(exp.Star)) or not tree.is_star, f"{card.id} leaves its columns open"


@pytest.mark.parametrize("card", CARDS, ids=[card.id for card in CARDS])
def test_a_chart_draws_columns_that_its_sql_returns(card: Card) -> None:
    returned = set(parsed(card, {}).named_selects)
    drawn = {*card.chart.y, card.chart.x, card.chart.series} - {None}
    assert drawn <= returned


HEAD = """title: Anything
question: Is it?
dashboard: fraud
tab: Rules
place: {col: 0, row: 0, width: 4, height: 4}
chart: {kind: number, y: [n]}"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(head: str = HEAD, sql: str = "select 1 as n", name: str = "one") -> Path:
        path = tmp_path / f"{name}.sql"
        path.write_text(f"/*\n{head}\n*/\n{sql}\n")
        return path

    return write


def test_a_card_is_read_with_the_name_of_its_file_as_id(written: Callable[..., Path]) -> None:
    card = read_card(written())
    assert (card.id, card.title, card.sql) == ("one", "Anything", "select 1 as n")


@pytest.mark.parametrize(
    ("head", "sql", "sentence"),
    [
        (HEAD + "\ncolour: red", "select 1 as n", "one.sql: colour: Extra inputs are not permitted"),
        (
            HEAD.replace("tab: Rules", "tab: Rulez"),
            "select 1 as n",
            "no tab fraud/Rulez; there are operations/",
        ),
        (HEAD.replace("width: 4", "width: 25"), "select 1 as n", "place.width"),
        (HEAD.replace("col: 0", "col: 22"), "select 1 as n", r"col \+ width may be at most 24"),
        (HEAD.replace("y: [n]", "x: n"), "select 1 as n", "a number shows exactly one y"),
        (HEAD.replace("kind: number", "kind: line"), "select 1 as n", "a line chart needs x and y"),
        (HEAD.replace("Is it?", "It is."), "select 1 as n", "question"),
        (HEAD, "select {{colour}}", r"no filter \{\{colour\}\}; there are day_from"),
        (HEAD, "select {{rule}} as n", r"\{\{rule\}\} must stand inside \[\[ \]\]"),
        ("title: [", "select 1", "not a YAML mapping"),
        ("just words", "select 1", "not a YAML mapping"),
    ],
)
def test_a_wrong_card_is_told_in_one_sentence(
    written: Callable[..., Path], head: str, sql: str, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        read_card(written(head, sql))


def test_a_file_without_a_head_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bare.sql"
    path.write_text("select 1\n")
    with pytest.raises(UsageError, match=r"bare\.sql: a card starts with"):
        read_card(path)


def test_two_cards_on_the_same_cells_are_told(written: Callable[..., Path], tmp_path: Path) -> None:
    written(name="one")
    written(name="two", head=HEAD.replace("row: 0", "row: 3"))
    with pytest.raises(UsageError, match=r"one.sql and two.sql cover the same cells of fraud/Rules"):
        load_cards(tmp_path)


def test_cards_side_by_side_and_one_below_the_other_do_not_overlap(
    written: Callable[..., Path], tmp_path: Path
) -> None:
    written(name="one")
    written(name="two", head=HEAD.replace("row: 0", "row: 4"))
    written(name="three", head=HEAD.replace("col: 0", "col: 4"))
    assert [card.id for card in load_cards(tmp_path)] == ["one", "three", "two"]
