"""The health page's part on the books: whether they balance, and what differed lately."""

from dataclasses import dataclass

from txwatch.console import formats
from txwatch.console.markup import Html, Row, badge, heading, notice, table
from txwatch.console.queries import reconciliation
from txwatch.postgres import Connection

DAYS = 14
LISTED_RUNS = 14
LISTED_FINDINGS = 5
LISTED_REMARKS = 6
RUN_HEADERS = ("Verified, UTC", "Books", "Checks", "What differs")
NEVER = (
    "`txwatch verify --record` balances Kafka, archive, warehouse and marts against each other and keeps the "
    "result; the daily pipeline `warehouse_daily` does so by itself."
)


@dataclass(frozen=True)
class ReconciliationView:
    """The recorded runs, newest first, and what there is to say of the newest."""

    runs: list[reconciliation.Run]
    remarks: list[reconciliation.Remark]


def read(connection: Connection) -> ReconciliationView:
    """Read what the panel shows."""
    runs = reconciliation.runs(connection, DAYS, LISTED_RUNS)
    remarks = reconciliation.remarks(connection, runs[0].run_id) if runs else []
    return ReconciliationView(runs, remarks)


def panel(view: ReconciliationView) -> list[Html]:
    """Draw the panel."""
    drawn = [heading("Reconciliation", f"last run, and those of the last {DAYS} days")]
    if not view.runs:
        return [*drawn, notice("never-reconciled", "The books have never been balanced on record", NEVER)]
    drawn += map(remark_notice, view.remarks[:LISTED_REMARKS])
    if unnamed := view.remarks[LISTED_REMARKS:]:
        more = "`txwatch verify` draws the balance anew and names everything."
        drawn.append(notice("more-remarks", f"And {len(unnamed)} more checks", more))
    return [*drawn, table("reconciliations", RUN_HEADERS, map(run_row, view.runs), numeric=(2,))]


def run_row(run: reconciliation.Run) -> Row:
    """Write one run's line."""
    state = badge("differs") if run.failures else "balanced"
    return [formats.moment(run.ran_at), state, f"{run.checks:,}", ", ".join(run.failed)]


def remark_notice(remark: reconciliation.Remark) -> Html:
    """Write what differs in a check and the way out, or what is merely worth knowing of it."""
    if remark.is_ok:
        return notice("remark", remark.check, remark.note)
    named = remark.findings[:LISTED_FINDINGS]
    unnamed = len(remark.findings) - len(named)
    figures = f"{remark.actual:,} instead of {remark.expected:,}" if remark.actual != remark.expected else ""
    found = [figures, *named, f"and {unnamed} more" if unnamed else ""]
    said = "; ".join(part for part in found if part)
    return notice("unbalanced", f"{remark.check}: differs", f"{said}. What to do: {remark.way_out}", "bad")
