"""One line of the balance sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

Figure = int | Decimal


@dataclass(frozen=True)
class Check:
    """One line of the balance sheet."""

    name: str
    expected: Figure
    actual: Figure
    findings: tuple[str, ...] = ()
    """What differs, by name; empty where all is well."""
    way_out: str = ""
    note: str = ""
    """What a person should know although it is no fault: something is behind, or could not be compared."""

    @property
    def difference(self) -> Figure:
        """By how much the actual figure is too high (or, negative, too low)."""
        return self.actual - self.expected

    @property
    def ok(self) -> bool:
        """Whether the line balances."""
        return self.difference == 0 and not self.findings


def no_findings(name: str, findings: Sequence[str], way_out: str) -> Check:
    """Make a check of which every finding is a fault."""
    return Check(name, 0, len(findings), tuple(findings), way_out)
