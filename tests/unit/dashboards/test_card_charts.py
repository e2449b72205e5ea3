from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from txwatch.dashboards.answers import Answer
from txwatch.dashboards.charts import figure, headline, tidy, written
from txwatch.dashboards.definitions import Chart, load_cards

DAYS = [date(2026, 3, 2), date(2026, 3, 3)]


def drawn(kind: str, answer: Answer, **rest: Any) -> dict[str, Any]:
    return figure(Chart.model_validate({"kind": kind, **rest}), answer, height_cells=8).to_dict()


def test_one_row_per_mark_for_several_columns() -> None:
    chart = Chart(kind="area", x="day", y=("net", "not_net"))
    frame = tidy(chart, Answer(("day", "other", "net", "not_net"), [(DAYS[0], 0, Decimal("1.50"), 2)]))
    assert frame.to_dict("split")["data"] == [[DAYS[0], 1.5, "net"], [DAYS[0], 2.0, "not net"]]


def test_one_row_per_mark_for_a_series() -> None:
    chart = Chart(kind="bar", x="day", y=("alerts",), series="rule")
    frame = tidy(
        chart, Answer(("day", "rule", "alerts"), [(DAYS[0], "a", 1), (DAYS[0], "b", 2), (DAYS[1], "a", 3)])
    )
    assert list(frame["series"]) == ["a", "b", "a"]
    assert list(frame["value"]) == [1, 2, 3]


def test_a_stacked_area_over_time_has_a_colour_per_column() -> None:
    answer = Answer(("minute", "a", "b"), [(datetime(2026, 3, 2, 1, tzinfo=UTC), 1, 2)])
    chart = drawn("area", answer, x="minute", y=("a", "b"), stacked=True, unit="rows")
    assert chart["encoding"]["x"]["type"] == "temporal"
    assert chart["encoding"]["y"]["stack"] is True
    assert chart["encoding"]["y"]["title"] == "rows"
    assert chart["encoding"]["color"]["scale"]["domain"] == ["a", "b"]


def test_lines_are_not_stacked_unless_it_is_said() -> None:
    answer = Answer(("minute", "a", "b"), [(datetime(2026, 3, 2, 1, tzinfo=UTC), 1, 2)])
    assert drawn("line", answer, x="minute", y=("a", "b"))["encoding"]["y"]["stack"] is False


def test_bars_over_days_stand_for_a_whole_day_and_over_names_keep_their_order() -> None:
    by_day = drawn("bar", Answer(("day", "n"), [(DAYS[0], 1)]), x="day", y=("n",))
    assert by_day["encoding"]["x"]["timeUnit"] == "yearmonthdate"
    by_name = drawn("bar", Answer(("name", "n"), [("z", 1), ("a", 2)]), x="name", y=("n",))
    assert by_name["encoding"]["x"] | {"axis": None} == {
        "axis": None, "field": "x", "sort": None, "title": "name", "type": "ordinal"
    }  # fmt: skip


def test_bars_across_carry_their_numbers() -> None:
    chart = drawn("row", Answer(("reason", "held"), [("b", 9), ("a", 2)]), x="reason", y=("held",))
    assert [layer["mark"]["type"] for layer in chart["layer"]] == ["bar", "text"]


@pytest.mark.parametrize(
    "card", [card for card in load_cards() if card.chart.kind not in ("number", "table")]
)
def test_every_chart_is_drawn_from_no_rows_too(card: Any) -> None:
    columns = tuple({name for name in (card.chart.x, card.chart.series, *card.chart.y) if name})
    assert figure(card.chart, Answer(columns, []), card.place.height).to_dict()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234567, "", "1,234,567"),
        (Decimal("98765.40"), "", "98,765.40"),
        (Decimal("1.250"), "%", "1.250 %"),
        (0, "s", "0 s"),
        (None, "s", "–"),  # noqa: RUF001 - a dash is meant
    ],
)
def test_a_number_is_written_exactly(value: Any, unit: str, text: str) -> None:
    chart = Chart(kind="number", y=("n",), unit=unit)
    assert headline(chart, Answer(("other", "n"), [("x", value)])) == text


def test_a_number_without_a_row_is_a_dash() -> None:
    assert headline(Chart(kind="number", y=("n",)), Answer(("n",), [])) == "–"  # noqa: RUF001


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), ("a", "a"), (True, "True"), (12345, "12,345"), (DAYS[0], "2026-03-02")],
)
def test_a_cell_is_written_for_people(value: Any, text: str) -> None:
    assert written(value) == text
