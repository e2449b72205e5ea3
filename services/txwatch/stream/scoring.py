"""Rules as Catalyst expressions: for rulesets that `verdicts` leaves to Spark."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from sqlglot import exp, parse_one

from txwatch.stream.decoding import UUIDS
from txwatch.stream.rules import Rule, Ruleset
from txwatch.stream.verdicts import RULE_SEPARATOR


def score(events: DataFrame, ruleset: Ruleset) -> DataFrame:
    """Add the column `fired`: the ids of the rules that fired, in the ruleset's order, comma-separated.

    A rule that is null on an event (a division by zero, say) does not fire.

    Args:
        events: the event's columns, ids as 16 bytes, which rules see as text.
        ruleset: the rules.
    """
    fired = [  # of a rule that does not fire null, which concat_ws skips
        F.when(F.coalesce(F.expr(_over_bytes(rule)), F.lit(False)), F.lit(rule.id)) for rule in ruleset.rules
    ]
    return events.withColumn("fired", F.concat_ws(RULE_SEPARATOR, *fired))


def _over_bytes(rule: Rule) -> str:
    def text(node: exp.Expr) -> exp.Expr:
        is_id = isinstance(node, exp.Column) and node.name in UUIDS
        return _UUID_TEXTS[node.name].copy() if is_id else node

    return rule.expression.transform(text).sql(dialect="spark")


def _uuid_text(name: str) -> exp.Expr:
    groups = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    pieces = ", ".join(f"substring(lower(hex({name})), {start}, {length})" for start, length in groups)
    return parse_one(f"concat_ws('-', {pieces})", dialect="spark")


_UUID_TEXTS = {name: _uuid_text(name) for name in UUIDS}
