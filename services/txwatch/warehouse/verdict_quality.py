"""How good the verdicts were, once the truth is known: precision and recall, per rule."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

ANY_RULE = "any rule"


@dataclass(frozen=True)
class RuleQuality:
    """One rule's alerts against the labels."""

    rule: str
    alerts: int
    caught: int
    """Alerts on transactions that were fraud."""
    frauds: int
    """All transactions that were fraud, whether the rule fired or not."""

    @property
    def precision(self) -> float | None:
        """Share of the alerts that were fraud; unknown without alerts."""
        return self.caught / self.alerts if self.alerts else None

    @property
    def recall(self) -> float | None:
        """Share of the frauds that were caught; unknown without frauds."""
        return self.caught / self.frauds if self.frauds else None


def assess_rules(alerts: Iterable[tuple[str, list[str]]], frauds: Collection[str]) -> list[RuleQuality]:
    """Compare alerts with the labels.

    Args:
        alerts: per flagged transaction its id and the rules that fired.
        frauds: the ids of the transactions that were scored and were fraud.

    Returns:
        All rules together first, then each rule that fired, by name.
    """
    raised: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    for transaction_id, rules in alerts:
        fired = (ANY_RULE, *rules)
        raised.update(fired)
        if transaction_id in frauds:
            caught.update(fired)
    names = [ANY_RULE, *sorted(raised.keys() - {ANY_RULE})]
    return [RuleQuality(name, raised[name], caught[name], len(frauds)) for name in names]
