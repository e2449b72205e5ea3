"""Rules mean the same in Arrow and in Spark, and those that need Spark get it."""

import random
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from oracle.records import EVENT, canonical, records
from txwatch.events import COUNTRIES, CURRENCIES, PaymentMethod
from txwatch.settings import load_settings
from txwatch.stream.decoding import Decoder
from txwatch.stream.rules import Rule, Ruleset, load_ruleset
from txwatch.stream.scorer import Scorer
from txwatch.stream.scoring import score
from txwatch.stream.verdicts import reason_for_spark, verdicts_of

EXPRESSIONS = 120


class Expressions:
    """Draws boolean expressions of the kind that is computed in Arrow."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def truth(self, depth: int) -> str:
        draw = self._rng.choice
        if depth == 0 or self._rng.random() < 0.3:
            return draw([self._compared, self._between, self._member, self._flag])()
        left, right = self.truth(depth - 1), self.truth(depth - 1)
        return draw(
            [f"({left}) and ({right})", f"{left} or {right}", f"not ({left})", f"({left}) = ({right})"]
        )

    def _operator(self) -> str:
        return self._rng.choice(["=", "<>", "!=", "<", "<=", ">", ">="])

    def _number(self) -> str:
        return self._rng.choice(
            ["0", "-1", "5", "12.5", "-90", "90.0", "0.001", "100", "1000.00", "99999999"]
        )

    def _text(self, words: list[str]) -> str:
        return f"'{self._rng.choice([*words, 'x', ''])}'"

    def _texts(self) -> tuple[str, list[str]]:
        return self._rng.choice(
            [
                ("currency", sorted(CURRENCIES)[:8]),
                ("country", sorted(COUNTRIES)[:8]),
                ("payment_method", list(PaymentMethod)),
                ("device_id", ["a", "Z", "_"]),
            ]
        )

    def _choice(self) -> str:
        column, words = self._texts()
        branches = " ".join(f"when {self._text(words)} then {self._number()}" for _ in range(4))
        otherwise = self._rng.choice(["", f"else {self._number()}"])
        return f"case {column} {branches} {otherwise} end"

    def _measure(self) -> str:
        columns = ["amount", "latitude", "longitude", "abs(latitude)", "abs(amount)"]
        return self._rng.choice([*columns, "hour(occurred_at)", "dayofweek(occurred_at)"])

    def _compared(self) -> str:
        column, words = self._texts()
        return self._rng.choice(
            [
                f"{self._measure()} {self._operator()} {self._number()}",
                f"amount {self._operator()} {self._choice()}",
                f"{self._choice()} {self._operator()} {self._number()}",
                f"{column} {self._operator()} {self._text(words)}",
                f"{self._number()} {self._operator()} {self._measure()}",
            ]
        )

    def _between(self) -> str:
        negation = self._rng.choice(["", "not "])
        return f"{self._measure()} {negation}between {self._number()} and {self._number()}"

    def _member(self) -> str:
        column, words = self._texts()
        negation = self._rng.choice(["", "not "])
        if self._rng.random() < 0.3:
            return f"{self._measure()} {negation}in ({self._number()}, {self._number()})"
        return f"{column} {negation}in ({self._text(words)}, {self._text(words)})"

    def _flag(self) -> str:
        return self._rng.choice(["is_foreign", "not is_foreign", "is_foreign = true", "true", "false"])


CORNERS = [
    *(
        "1 > 2",
        "1.50 = 1.5",
        "'a' < 'b'",
        "(1 < 2) = is_foreign",
        "is_foreign > false",
        "is_foreign <= (amount > 50)",
    ),
    *("is_foreign between false and true", "true in (is_foreign, false)", "is_foreign in (true)"),
    *("currency < 'EUR'", "currency between 'CAD' and 'EUR'", "device_id >= 'X'", "country <> 'at'"),
    *(
        "amount in (1, 2.50, 12.345)",
        "latitude in (0.5, 1)",
        "5 in (amount, 5)",
        "amount in (abs(amount), 1)",
    ),
    *("amount >= 0.0000000000001", "amount < 999999999999999", "-5 < latitude", "amount between 900 and 10"),
    *("abs(longitude) between 0.5 and 90", "latitude < longitude", "not latitude > longitude"),
    *(
        "abs(case currency when 'EUR' then -5 when 'USD' then 7.25 end) = 5",
        "not (amount > case country when 'AT' then 1 end)",
    ),
    *("case currency when 'EUR' then 1 when 'EUR' then 2 else 3.5 end = 1", "'EUR' = currency or is_foreign"),
    *("not is_foreign and amount > 1 or amount > 500", "not currency in ('EUR', 'USD') and true"),
    *("hour(occurred_at) >= 22 or hour(occurred_at) < 6", "dayofweek(occurred_at) in (1, 7)"),
    " or ".join(f"amount = {number}.01" for number in range(350)),
    f"amount in ({', '.join(map(str, range(350)))})",
]


def drawn(seed: int, folder: Path) -> Ruleset:
    """Rules as a file brings them: each is one that the check lets pass."""
    expressions = Expressions(seed)
    texts = [*CORNERS, *(expressions.truth(3) for _ in range(EXPRESSIONS))]
    rules = [
        {"id": f"rule_{number}", "severity": "low", "description": "drawn", "when": text}
        for number, text in enumerate(texts)
    ]
    path = folder / "drawn.yaml"
    path.write_text(yaml.safe_dump({"ruleset": "drawn", "version": 1, "rules": rules}), encoding="utf-8")
    return load_ruleset(path)


def test_drawn_rules_fire_on_the_same_events_in_arrow_and_in_spark(
    spark: SparkSession, tmp_path: Path
) -> None:
    values = [canonical(number, random.Random(number)) for number in range(400)]
    events = Decoder(CURRENCIES, 300.0).decode(records(values)).events
    ruleset = drawn(5, tmp_path)
    verdicts = verdicts_of(ruleset)
    assert verdicts is not None, [reason_for_spark(rule) for rule in ruleset.rules]

    in_arrow = verdicts.fired(events).to_pylist()

    in_spark = score(spark.createDataFrame(events), ruleset).select("offset", "fired").toArrow().to_pylist()
    assert in_arrow == [row["fired"] for row in sorted(in_spark, key=lambda row: row["offset"])]
    fired = {rule_id for text in in_arrow for rule_id in text.split(",")}
    assert len(ruleset.rules) * 0.5 < len(fired) < len(ruleset.rules)


MERCHANT = "0e37df36-f698-41e6-8d75-9d28f9f7b6f1"
NEEDING_SPARK = {
    "one_merchant": f"merchant_id = '{MERCHANT}'",
    "doubled": "amount * 2 > 100",
    "never_known": "1 / (latitude - latitude) > 0",
    "foreign_one": "is_foreign",
}


def rule(name: str) -> Rule:
    return Rule(id=name, severity="low", description="why", when=NEEDING_SPARK[name])


def event(number: int, amount: str, is_foreign: str) -> bytes:
    time = "2026-01-01T00:00:00.000Z"
    return (EVENT % (number, amount, "EUR", time, "1", "2", "AT", is_foreign, "d", "chip")).encode()


@pytest.mark.parametrize("name", ["one_merchant", "doubled", "never_known"])
def test_a_rule_that_needs_spark_says_so(name: str) -> None:
    assert reason_for_spark(rule(name)) is not None
    assert reason_for_spark(rule("foreign_one")) is None


@pytest.mark.parametrize(
    "when",
    [
        *("is_foreign = false > true", "is_foreign = amount between 1 and 5", "true = currency in ('EUR')"),
        *("amount between 1 and 5 = is_foreign", "is_foreign = not is_foreign", "amount > latitude"),
        *("currency in ('EUR', null)", "currency is null", "occurred_at > '2026-01-01'", "amount > 1e3"),
        *("case when is_foreign then true else false end", "case currency when 'EUR' then null end > 1"),
    ],
)
def test_what_spark_may_read_otherwise_is_left_to_it(when: str) -> None:
    assert reason_for_spark(Rule(id="one", severity="low", description="why", when=when)) is not None


def test_rules_that_need_spark_are_computed_there(spark: SparkSession) -> None:
    ruleset = Ruleset(ruleset="needing_spark", version=1, rules=tuple(map(rule, NEEDING_SPARK)))
    values = [
        event(1, "50.01", is_foreign="true"),
        b"{",
        event(2, "50.00", is_foreign="false"),
        event(3, "10.00", is_foreign="true").replace(b'":', b'": '),
        event(4, "10", is_foreign="false").replace(MERCHANT.encode(), MERCHANT.replace("0e", "1e").encode()),
    ]
    scorer = Scorer(load_settings(), ruleset, lambda: spark)

    batch = scorer.batch(0, scorer.prepared(records(values, first=10)))

    assert batch.facts["rules"].to_pylist() == [
        ["one_merchant", "doubled", "foreign_one"],
        ["one_merchant"],
        ["one_merchant", "foreign_one"],
        [],
    ]
    assert batch.quarantine["reason"].to_pylist() == ["not_json"]
