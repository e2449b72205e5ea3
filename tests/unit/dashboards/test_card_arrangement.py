import pytest

from txwatch.dashboards.arrangement import Group, arrange
from txwatch.dashboards.definitions import DASHBOARDS, Card, Chart, Place, cards_of, load_cards


def card(name: str, col: int, row: int, width: int, height: int) -> Card:
    return Card(
        id=name,
        title=name,
        question="?",
        dashboard="fraud",
        tab="Rules",
        place=Place(col=col, row=row, width=width, height=height),
        chart=Chart(kind="number", y=("n",)),
        sql="select 1 as n",
    )


def test_numbers_in_a_column_beside_a_chart_above_a_table() -> None:
    first, second = card("first", 0, 0, 6, 4), card("second", 0, 4, 6, 4)
    chart, table = card("chart", 6, 0, 18, 8), card("table", 0, 8, 24, 9)
    numbers = Group("rows", (first, second), (6, 6))
    upper = Group("columns", (numbers, chart), (6, 18))
    assert arrange([table, chart, second, first]) == Group("rows", (upper, table), (24, 24))


def test_one_card_stands_alone() -> None:
    alone = card("alone", 3, 3, 4, 4)
    assert arrange([alone]) == alone


def test_a_pinwheel_is_refused() -> None:
    pinwheel = [card("a", 0, 0, 4, 2), card("b", 4, 0, 2, 4), card("c", 2, 4, 4, 2), card("d", 0, 2, 2, 4)]
    with pytest.raises(ValueError, match="cannot be shown as rows and columns"):
        arrange([*pinwheel, card("e", 2, 2, 2, 2)])


@pytest.mark.parametrize(
    ("board", "tab"),
    [(board, tab) for board in DASHBOARDS for tab in board.tabs],
    ids=lambda part: str(part)[:12],
)
def test_every_tab_can_be_shown(board: object, tab: str) -> None:
    assert arrange(cards_of(board, load_cards(), tab))  # type: ignore[arg-type]
