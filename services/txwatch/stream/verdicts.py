"""Rules on columns of Arrow: comparisons and what joins them, with the meaning that Spark SQL gives them.

What a rule may do beyond that (arithmetic, texts' functions, rounding) has its types and corner cases in
Spark alone: a ruleset with such a rule is left to `scoring`, all of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, reduce
from typing import Any, Literal, NoReturn, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from txwatch.stream.decoding import EVENT_SCHEMA
from txwatch.stream.rules import Rule, Ruleset

RULE_SEPARATOR = ","

Kind = Literal["truth", "exact", "float", "text"]
Values: TypeAlias = Any
"""A column, or one value for all rows."""
Compute = Callable[[pa.Table], Values]

_KINDS: dict[pa.DataType, Kind] = {pa.bool_(): "truth", pa.float64(): "float", pa.string(): "text"}
_WHOLE = pa.decimal128(19, 0)
"""Holds every whole number of 64 bits."""
_EXACT_DIGITS = 15
"""So many a number in a rule may have: more than any amount, and as many as a float holds."""


class NotInArrowError(Exception):
    """An expression is for Spark; the text says which part of it."""


@dataclass(frozen=True)
class _Operand:
    """A part of a rule: what it computes, and what it is without any event, where it is the same for all."""

    kind: Kind
    compute: Compute
    constant: bool | Decimal | float | str | None = None


@dataclass(frozen=True)
class Verdicts:
    """The rules of a ruleset, ready to be computed."""

    rules: tuple[tuple[str, Compute], ...]

    def fired(self, events: pa.Table) -> pa.Array:
        """Return the ids of the rules that fired, in the ruleset's order, comma-separated.

        A rule that is null on an event does not fire.

        Args:
            events: columns of `EVENT_SCHEMA`.
        """
        # `null_handling="skip"` would do without the trimming, but of rows without a rule it makes no rows.
        names = [_name(rule_id, compute(events), events.num_rows) for rule_id, compute in self.rules]
        fired = pc.ascii_rtrim(pc.binary_join_element_wise(*names, ""), RULE_SEPARATOR)
        return fired.combine_chunks() if isinstance(fired, pa.ChunkedArray) else fired


def _name(rule_id: str, verdicts: Values, length: int) -> pa.Array | pa.ChunkedArray:
    named = pc.if_else(pc.fill_null(verdicts, False), rule_id + RULE_SEPARATOR, "")
    return pa.repeat(named, length) if isinstance(named, pa.Scalar) else named


@cache
def verdicts_of(ruleset: Ruleset) -> Verdicts | None:
    """Make a ruleset's rules ready, or say with None that Spark is needed for them."""
    try:
        return Verdicts(tuple((rule.id, _predicate(rule)) for rule in ruleset.rules))
    except NotInArrowError:
        return None


def reason_for_spark(rule: Rule) -> str | None:
    """Say what in a rule only Spark can compute, where there is anything."""
    try:
        _predicate(rule)
    except NotInArrowError as error:
        return str(error)
    return None


def _predicate(rule: Rule) -> Compute:
    return _truth(rule.expression).compute


def _refuse(node: exp.Expr) -> NoReturn:
    raise NotInArrowError(node.sql(dialect="spark"))


def _truth(node: exp.Expr) -> _Operand:
    operand = _operand(node)
    return operand if operand.kind == "truth" else _refuse(node)


def _operand(node: exp.Expr) -> _Operand:
    return _MAKERS.get(type(node), _refuse)(node)


def _column(node: exp.Column) -> _Operand:
    name = node.name
    kind = EVENT_SCHEMA.field(name).type
    if pa.types.is_decimal(kind):
        return _Operand("exact", lambda events: events[name])
    if kind not in _KINDS:
        _refuse(node)  # ids and times: what they are compared with is text, which Spark would convert
    return _Operand(_KINDS[kind], lambda events: events[name])


def _constant(kind: Kind, value: bool | Decimal | float | str) -> _Operand:
    scalar = pa.scalar(value)
    return _Operand(kind, lambda _: scalar, value)


def _literal(node: exp.Expr) -> _Operand:
    literal = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(literal, exp.Literal):
        _refuse(node)
    if literal.is_string:
        return _constant("text", str(literal.this)) if literal is node else _refuse(node)
    if not literal.this.replace(".", "").isdigit() or len(literal.this) > _EXACT_DIGITS:
        _refuse(node)  # an exponent or a suffix: another type
    number = Decimal(literal.this)
    return _constant("exact", number if literal is node else -number)


def _absolute(node: exp.Abs) -> _Operand:
    operand = _operand(node.this)
    if operand.kind not in ("exact", "float"):
        _refuse(node)
    return _Operand(operand.kind, lambda events: pc.abs(operand.compute(events)))


def _clock(node: exp.Hour | exp.DayOfWeek) -> _Operand:
    column = node.this.this if isinstance(node.this, exp.TsOrDsToDate) else node.this
    if not isinstance(column, exp.Column) or not pa.types.is_timestamp(EVENT_SCHEMA.field(column.name).type):
        _refuse(node)
    name = column.name
    if isinstance(node, exp.Hour):
        return _Operand("exact", lambda events: pc.hour(events[name]).cast(_WHOLE))
    from_sunday = pc.DayOfWeekOptions(count_from_zero=False, week_start=7)
    return _Operand("exact", lambda events: pc.day_of_week(events[name], options=from_sunday).cast(_WHOLE))


def _joined(node: exp.Binary) -> _Operand:
    parts = [_truth(part) for part in node.flatten()]  # a chain of hundreds is one level
    return _together(pc.and_kleene if isinstance(node, exp.And) else pc.or_kleene, parts)


def _together(join: Callable[[Values, Values], Values], parts: Sequence[_Operand]) -> _Operand:
    return _Operand("truth", lambda events: reduce(join, (part.compute(events) for part in parts)))


_COMPARISONS: dict[type[exp.Expr], Callable[[Values, Values], Values]] = {
    exp.EQ: pc.equal,
    exp.NEQ: pc.not_equal,
    exp.GT: pc.greater,
    exp.GTE: pc.greater_equal,
    exp.LT: pc.less,
    exp.LTE: pc.less_equal,
}


_LOOSE = (*_COMPARISONS, exp.Between, exp.In, exp.Not, exp.And, exp.Or)


def _comparison(node: exp.Binary) -> _Operand:
    return _compared(node, _COMPARISONS[type(node)], _value(node.left), _value(node.right))


def _compared(
    node: exp.Expr, compare: Callable[[Values, Values], Values], left: _Operand, right: _Operand
) -> _Operand:
    one, other = _alike(node, left, right)
    return _Operand("truth", lambda events: compare(one.compute(events), other.compute(events)))


def _value(node: exp.Expr) -> _Operand:
    """Make what is compared: what needs parentheses there and has none, Spark may read in another order."""
    return _refuse(node) if isinstance(node, _LOOSE) else _operand(node)


def _alike(node: exp.Expr, left: _Operand, right: _Operand) -> tuple[_Operand, _Operand]:
    """Give both sides of a comparison one type, as Spark does where a number meets a float."""
    if left.kind == right.kind:
        return left, right
    if {left.kind, right.kind} == {"exact", "float"}:
        return _as_float(node, left), _as_float(node, right)
    return _refuse(node)


def _as_float(node: exp.Expr, operand: _Operand) -> _Operand:
    if operand.kind == "float":
        return operand
    if operand.constant is None:
        _refuse(node)
    return _constant("float", float(operand.constant))


def _member(node: exp.In) -> _Operand:
    if not node.expressions:
        _refuse(node)  # a subquery
    tested, *values = (_value(part) for part in (node.this, *node.expressions))
    texts = [value.constant for value in values if value.kind == "text"]
    if tested.kind == "text" and len(texts) == len(values) and None not in texts:
        accepted = pa.array(texts, pa.string())
        return _Operand("truth", lambda events: pc.is_in(tested.compute(events), accepted))
    return _together(pc.or_kleene, [_compared(node, pc.equal, tested, value) for value in values])


def _choice(node: exp.Case) -> _Operand:
    """A number for each of some texts (`case currency when 'EUR' then 920 ... else 1000 end`), looked up."""
    tested = _operand(node.this) if node.this is not None else _refuse(node)
    names = [_operand(branch.this).constant for branch in node.args["ifs"]]
    results = [_operand(branch.args["true"]) for branch in node.args["ifs"]]
    otherwise = _operand(node.args["default"]) if node.args.get("default") else None
    if tested.kind != "text" or tested.constant is not None:
        _refuse(node)
    if any(
        result.kind != "exact" or result.constant is None for result in [*results, otherwise or results[0]]
    ):
        _refuse(node)
    numbers: dict[str, bool | Decimal | float | str | None] = {}
    for name, result in zip(names, results, strict=True):
        # Of branches with one name the first counts.
        numbers.setdefault(name if isinstance(name, str) else _refuse(node), result.constant)
    keys = pa.array(list(numbers), pa.string())
    values = pa.array([*numbers.values(), otherwise and otherwise.constant])
    default = pa.scalar(len(numbers), pa.int32())
    return _Operand(
        "exact",
        lambda events: values.take(pc.fill_null(pc.index_in(tested.compute(events), keys), default)),
    )


def _between(node: exp.Between) -> _Operand:
    tested, low, high = (_value(part) for part in (node.this, node.args["low"], node.args["high"]))
    bounds = [_compared(node, pc.greater_equal, tested, low), _compared(node, pc.less_equal, tested, high)]
    return _together(pc.and_kleene, bounds)


def _not(node: exp.Not) -> _Operand:
    negated = _truth(node.this)
    return _Operand("truth", lambda events: pc.invert(negated.compute(events)))


_MAKERS: dict[type[exp.Expr], Callable[[Any], _Operand]] = {
    exp.Paren: lambda node: _operand(node.this),
    exp.Column: _column,
    exp.Boolean: lambda node: _constant("truth", bool(node.this)),
    exp.Literal: _literal,
    exp.Neg: _literal,
    exp.Abs: _absolute,
    exp.Hour: _clock,
    exp.DayOfWeek: _clock,
    exp.Not: _not,
    exp.And: _joined,
    exp.Or: _joined,
    exp.Between: _between,
    exp.In: _member,
    exp.Case: _choice,
    **dict.fromkeys(_COMPARISONS, _comparison),
}
"""What is made of each kind of part; there are none but these."""
