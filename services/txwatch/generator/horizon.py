"""The end of made-up time: no transaction may claim to happen later than now."""

import time
from datetime import UTC, datetime

from txwatch.errors import UsageError
from txwatch.events import format_time
from txwatch.generator.source import Source

WAY_OUT = (
    "give an earlier --start, a higher --per-customer-day or more customers (TXWATCH_WORLD_CUSTOMERS), "
    "and another --run name"
)


def last_before_now(source: Source, count: int | None, now_ms: int | None = None) -> int:
    """Return the sequence at which event time reaches now, or `count` where that is less.

    Raises:
        UsageError: `count` is more; scoring would quarantine what claims to happen in the future.
    """
    horizon = source.sequence_after(int(time.time() * 1000) if now_ms is None else now_ms)
    if count is None:
        return horizon
    if count > horizon:
        moment = format_time(datetime.fromtimestamp(source.occurred_ms(count) / 1000, UTC))
        raise UsageError(f"transaction {count} would happen in the future, at {moment}: {WAY_OUT}")
    return count
