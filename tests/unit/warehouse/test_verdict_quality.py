from txwatch.warehouse.verdict_quality import RuleQuality, assess_rules

ALERTS = [("a", ["amount"]), ("b", ["amount", "foreign"]), ("c", ["foreign"]), ("d", ["foreign"])]


def test_each_rule_is_measured_on_its_own_and_all_of_them_together() -> None:
    assert assess_rules(ALERTS, {"a", "b", "missed 1", "missed 2"}) == [
        RuleQuality("any rule", alerts=4, caught=2, frauds=4),
        RuleQuality("amount", alerts=2, caught=2, frauds=4),
        RuleQuality("foreign", alerts=3, caught=1, frauds=4),
    ]


def test_precision_is_of_the_alerts_and_recall_of_the_frauds() -> None:
    rule = RuleQuality("foreign", alerts=4, caught=1, frauds=5)
    assert (rule.precision, rule.recall) == (0.25, 0.2)


def test_without_alerts_or_frauds_neither_is_known() -> None:
    (quality,) = assess_rules([], set())
    assert (quality.rule, quality.precision, quality.recall) == ("any rule", None, None)
