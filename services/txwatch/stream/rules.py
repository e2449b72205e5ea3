"""Rulesets: what is suspicious, as data.

A ruleset is a YAML file of named boolean Spark SQL expressions over the scored event's columns. It is checked
here without Spark, against an allow-list, so that a rule can neither read anything but the event nor call
anything that is not a pure function. `verdicts` computes it in Arrow, or leaves it to Spark and `scoring`.
"""

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import sqlglot
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types

from txwatch.errors import UsageError
from txwatch.events import SPARK_SCHEMA

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")

SCORED_COLUMNS: dict[str, str] = dict(column.split(" ", 1) for column in SPARK_SCHEMA.split(", "))
"""Column name -> Spark type of everything that a rule may look at."""

_ALLOWED_NODES: tuple[type[exp.Expr], ...] = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Neg, exp.Tuple),
    *(exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between, exp.Case, exp.If),
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ),
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod),
    *(exp.Abs, exp.Ceil, exp.Floor, exp.Round, exp.Greatest, exp.Least, exp.Coalesce),
    *(exp.Lower, exp.Upper, exp.Length, exp.StartsWith, exp.Like, exp.Substring),
    *(exp.Sin, exp.Cos, exp.Sqrt, exp.Pow),
    *(exp.Hour, exp.DayOfWeek, exp.TimestampTrunc, exp.Extract, exp.Var),
)


class RulesetError(UsageError):
    """A ruleset cannot be used; the sentence names the file and the rule."""


class Rule(BaseModel):
    """One named predicate on a transaction."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    severity: Severity
    description: Annotated[str, Field(min_length=1)]
    when: Annotated[str, Field(min_length=1)]

    @cached_property
    def expression(self) -> exp.Expr:
        """The parsed `when`."""
        return sqlglot.parse_one(self.when, dialect="spark")

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule looks at, in order of appearance."""
        return tuple(dict.fromkeys(column.name for column in self.expression.find_all(exp.Column)))

    @property
    def sql(self) -> str:
        """The expression that was checked, written again as Spark SQL: what runs is what was checked."""
        return self.expression.sql(dialect="spark")


class Ruleset(BaseModel):
    """A versioned set of rules; `hash` tells apart two that claim the same version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ruleset: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    version: Annotated[int, Field(ge=1)]
    description: str = ""
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of the ruleset's content, independent of the file's layout."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()

    @cached_property
    def by_id(self) -> dict[str, Rule]:
        """The rules by their ids."""
        return {rule.id: rule for rule in self.rules}

    def severity_of(self, rule_ids: list[str]) -> Severity:
        """The gravest severity among some of the rules."""
        return max((self.by_id[rule_id].severity for rule_id in rule_ids), key=SEVERITIES.index)


def load_ruleset(path: Path) -> Ruleset:
    """Read and check a ruleset file.

    Raises:
        RulesetError: the file is missing, is no YAML, has unknown or missing keys, or holds a rule that is
            not a boolean expression over the scored columns within the allow-list.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        ruleset = Ruleset.model_validate(document)
    except OSError as error:
        raise RulesetError(
            f"{path}: cannot be read ({error.strerror}); name an existing ruleset file"
        ) from None
    except ValidationError as error:
        raise RulesetError(f"{path}: {_first_problem(error, document)}") from None
    except (yaml.YAMLError, ValueError, AttributeError, RecursionError) as error:  # of odd tags and dates
        raise RulesetError(f"{path}: is not YAML ({' '.join(str(error).split())})") from None
    _check_ids(path, ruleset)
    for rule in ruleset.rules:
        _check_rule(path, rule)
    return ruleset


def _first_problem(error: ValidationError, document: object) -> str:
    """Name the rule (by its id where it has one) and the key that the first validation error is about."""
    first = error.errors()[0]
    where = list(first["loc"])
    prefix = ""
    if len(where) > 1 and where[0] == "rules" and isinstance(document, dict):
        index = int(where[1])
        rule = document["rules"][index]
        rule_id = rule.get("id") if isinstance(rule, dict) else None
        prefix, where = f"rule {rule_id or index + 1}: ", where[2:]
    key = ".".join(str(part) for part in where) or "the file"
    message = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
    return f"{prefix}{key}: {message}"


def _check_ids(path: Path, ruleset: Ruleset) -> None:
    seen: set[str] = set()
    for rule in ruleset.rules:
        if rule.id in seen:
            raise RulesetError(f"{path}: rule {rule.id}: duplicate id; give each rule an id of its own")
        seen.add(rule.id)


def _check_rule(path: Path, rule: Rule) -> None:
    where = f"{path}: rule {rule.id}"
    try:
        statements = sqlglot.parse(rule.when, dialect="spark")
    except SqlglotError as error:
        raise RulesetError(f"{where}: is not a Spark SQL expression ({str(error).splitlines()[0]})") from None
    if len(statements) != 1 or statements[0] is None:
        raise RulesetError(f"{where}: needs exactly one expression")
    for node in rule.expression.walk():
        _check_node(where, node)
    if not _is_boolean(rule.expression):
        raise RulesetError(f"{where}: is not boolean; compare something, for example amount > 100")


def _is_boolean(expression: exp.Expr) -> bool:
    query = sqlglot.select(expression.copy().as_("verdict")).from_("event")
    for column in query.find_all(exp.Column):
        column.set("table", exp.to_identifier("event"))
    typed = annotate_types(query, schema={"event": SCORED_COLUMNS}, dialect="spark")
    return typed.selects[0].is_type(exp.DataType.Type.BOOLEAN)


def _check_node(where: str, node: exp.Expr) -> None:
    if isinstance(node, exp.TsOrDsToDate) and isinstance(node.parent, exp.DayOfWeek):
        return  # which is how the parser reads its argument
    if isinstance(node, exp.Column) and (node.table or node.name not in SCORED_COLUMNS):
        raise RulesetError(f"{where}: unknown column {node.sql()}; there are {', '.join(SCORED_COLUMNS)}")
    if isinstance(node, exp.Func) and type(node) not in _ALLOWED_NODES:
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name().lower()
        raise RulesetError(f"{where}: function {name} is not allowed")
    if type(node) not in _ALLOWED_NODES:
        raise RulesetError(f"{where}: {type(node).__name__.lower()} is not allowed in a rule")
