"""The health page's part on the books: whether they balance, and what differed lately."""

from dataclasses import dataclass

from txwatch.console import formats
from txwatch.console.markup import Html, Row, badge, heading, notice, strong, table
from txwatch.console.queries import reconciliation
from txwatch.postgres import Connection

DAYS = 14
LISTED_RUNS = 14
LISTED_FINDINGS = 5
RUN_HEADERS = ("Verified, UTC", "Books", "Checks", "What differs")
REMARK_HEADERS = ("Check", "Expected", "Actual", "What is found", "What to do")
NEVER = (
    "`txwatch verify --record` balances Kafka, archive, warehouse and marts against each other and keeps the "
    "result; the daily pipeline `warehouse_daily` does so by itself."
)
DIFFERS = "The last verification found differences, named below. `txwatch verify` draws the balance anew."


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
    if view.runs[0].failures:
        drawn.append(notice("unbalanced", "The books do not balance", DIFFERS, "bad"))
    if view.remarks:
        rows = map(remark_row, view.remarks)
        drawn.append(table("remarks", REMARK_HEADERS, rows, numeric=(1, 2)))
    return [*drawn, table("reconciliations", RUN_HEADERS, map(run_row, view.runs), numeric=(2,))]


def run_row(run: reconciliation.Run) -> Row:
    """Write one run's line."""
    state = badge("differs") if run.failures else "balanced"
    return [formats.moment(run.ran_at), state, f"{run.checks:,}", ", ".join(run.failed)]


def remark_row(remark: reconciliation.Remark) -> Row:
    """Write one check's line: what differs and the way out, or what is merely worth knowing."""
    named = remark.findings[:LISTED_FINDINGS]
    unnamed = len(remark.findings) - len(named)
    found = "; ".join([*named, *([f"and {unnamed} more"] if unnamed else [])])
    return [
        remark.check if remark.is_ok else strong(remark.check),
        f"{remark.expected:,}",
        f"{remark.actual:,}",
        remark.note if remark.is_ok else found,
        "" if remark.is_ok else remark.way_out.replace("`", ""),
    ]
