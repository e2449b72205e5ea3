"""What became of the nodes of one dbt invocation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

_UNTOLD = {"exposure", "operation"}
FAILED = frozenset({"error", "fail", "runtime error", "partial success"})


@dataclass(frozen=True)
class NodeOutcome:
    """One model, snapshot, seed or test."""

    name: str
    kind: str
    """dbt's resource type: model, snapshot, seed, test, unit_test, source ..."""
    status: str
    seconds: float
    message: str | None
    failures: int | None
    """Rows that failed a test."""
    failing_rows: str | None
    """The table that holds these rows."""

    @property
    def is_failed(self) -> bool:
        """Whether the invocation counts as failed because of it."""
        return self.status in FAILED


@dataclass(frozen=True)
class Outcome:
    """One invocation of dbt."""

    succeeded: bool
    seconds: float
    nodes: tuple[NodeOutcome, ...]

    @property
    def failed(self) -> tuple[NodeOutcome, ...]:
        """The nodes because of which it failed."""
        return tuple(node for node in self.nodes if node.is_failed)

    def as_json(self) -> dict[str, Any]:
        """For programs: every node, and how many came to which status."""
        statuses = Counter(node.status for node in self.nodes)
        return {**asdict(self), "statuses": dict(statuses)}


def sentence(outcomes: Sequence[Outcome]) -> str:
    """Say for people what several invocations came to."""
    nodes = [node for outcome in outcomes for node in outcome.nodes]
    kinds = Counter(
        "test" if "test" in node.kind else node.kind for node in nodes if node.status != "skipped"
    )
    counts = ", ".join(f"{count} {kind}s" for kind, count in sorted(kinds.items()) if kind not in _UNTOLD)
    seconds = sum(outcome.seconds for outcome in outcomes)
    return f"{counts} in {seconds:.1f} s" if counts else f"nothing to do ({seconds:.1f} s)"


def complaint(node: NodeOutcome) -> str:
    """Say for people what is wrong with a failed node, and where to look."""
    message = " ".join((node.message or "").split())
    where = f"; the rows: {node.failing_rows}" if node.failures and node.failing_rows else ""
    return f"{node.kind} {node.name}: {message}{where}"
