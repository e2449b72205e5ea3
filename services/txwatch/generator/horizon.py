"""The end of made-up time: no transaction may claim to happen later than now."""

import time

from txwatch.errors import UsageError
from txwatch.generator.source import Source

WAY_OUT = (
    "give an earlier --start, a higher --per-customer-day or more customers (TXWATCH_WORLD_CUSTOMERS), "
    "and another --run name"
)


def reached_by_now(source: Source, now_ms: int | None = None) -> int:
    """Return the sequence at which event time reaches now."""
    return source.sequence_after(int(time.time() * 1000) if now_ms is None else now_ms)


def check_count(source: Source, count: int, now_ms: int | None = None) -> None:
    """Refuse a count that event time has not reached yet.

    Raises:
        UsageError: scoring would quarantine what claims to happen in the future.
    """
    reached = reached_by_now(source, now_ms)
    if count > reached:
        raise UsageError(
            f"transaction {count} would happen in the future, there are {reached} up to now: {WAY_OUT}"
        )
