import pytest

from txwatch.dashboards.template import bind, required, variables

SQL = (
    "select '5%' from t where true "
    "[[and day >= {{day_from}} and day < {{ day_to }}]] [[and c = {{currency}}]]"
)


def test_variables_are_named_once_in_order() -> None:
    assert variables(SQL + " [[and d = {{currency}}]]") == ("day_from", "day_to", "currency")


def test_required_are_those_outside_every_optional_clause() -> None:
    assert required("select {{currency}} [[where {{rule}}]]") == ("currency",)


@pytest.mark.parametrize(
    ("values", "statement"),
    [
        ({}, "select '5%%' from t where true  "),
        ({"currency": "EUR"}, "select '5%%' from t where true  and c = %(currency)s"),
        (
            {"currency": "EUR", "day_from": "2026-01-01"},
            "select '5%%' from t where true  and c = %(currency)s",
        ),
        (
            {"day_from": "2026-01-01", "day_to": "2026-01-02", "currency": None},
            "select '5%%' from t where true and day >= %(day_from)s and day < %(day_to)s ",
        ),
    ],
)
def test_a_clause_stands_only_when_all_its_filters_have_values(
    values: dict[str, object], statement: str
) -> None:
    bound, parameters = bind(SQL, values)
    assert bound == statement
    assert parameters.keys() == {name for name in values if f"%({name})s" in statement}


def test_a_value_never_becomes_part_of_the_statement() -> None:
    hostile = "' or 1 = 1; drop table x; -- {{rule}} %(rule)s"
    statement, parameters = bind("select 1 [[where c = {{currency}}]]", {"currency": hostile})
    assert statement == "select 1 where c = %(currency)s"
    assert parameters == {"currency": hostile}
