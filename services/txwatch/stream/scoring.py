"""Rules as Catalyst expressions: one more column in the pass that reads the events."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from txwatch.stream.rules import Ruleset

RULE_SEPARATOR = ","


def score(events: DataFrame, ruleset: Ruleset) -> DataFrame:
    """Add the column `fired`: the ids of the rules that fired, in the ruleset's order, comma-separated.

    A rule that is null on an event (a division by zero, say) does not fire.
    """
    fired = [
        F.when(F.coalesce(F.expr(rule.sql), F.lit(False)), F.lit(rule.id))  # else null, which concat_ws skips
        for rule in ruleset.rules
    ]
    return events.withColumn("fired", F.concat_ws(RULE_SEPARATOR, *fired))
