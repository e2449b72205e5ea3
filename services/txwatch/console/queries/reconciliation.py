"""What recorded verifications found, read from ops.reconciliation."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from txwatch.console.database import read
from txwatch.postgres import Connection

RUNS = """
select run_id::text, ran_at, count(*), count(*) filter (where not ok),
    coalesce(array_agg(check_name order by position) filter (where not ok), '{}')
from ops.reconciliation
where ran_at > now() - make_interval(days => %(days)s)
    or ran_at = (select max(ran_at) from ops.reconciliation)
group by run_id, ran_at
order by ran_at desc
limit %(limit)s
"""

REMARKS = """
select check_name, expected, actual, ok, findings, way_out, note
from ops.reconciliation
where run_id = %(run_id)s and (not ok or note <> '')
order by ok, position
"""


class Run(NamedTuple):
    """One recorded verification; `failed` names the checks that did not balance."""

    run_id: str
    ran_at: datetime
    checks: int
    failures: int
    failed: list[str]


class Remark(NamedTuple):
    """A check that does not balance, or of which something is to be said."""

    check: str
    expected: Decimal
    actual: Decimal
    is_ok: bool
    findings: list[str]
    way_out: str
    note: str


def runs(connection: Connection, days: int, limit: int) -> list[Run]:
    """Return the last run, whenever it was, and the others of the last days, newest first."""
    return read(connection, RUNS, {"days": days, "limit": limit}, Run)


def remarks(connection: Connection, run_id: str) -> list[Remark]:
    """Return what there is to say of a run, what differs first."""
    return read(connection, REMARKS, {"run_id": run_id}, Remark)
