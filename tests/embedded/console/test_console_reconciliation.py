"""The health page shows whether the books balance, what differs if they do not, and how it was lately."""

from decimal import Decimal

from known_stream import KnownStream
from running_console import RunningConsole, piece, table_cells
from selenium.webdriver import Chrome

from txwatch.console.queries.reconciliation import remarks, runs
from txwatch.postgres import Connection
from txwatch.settings import Settings
from txwatch.warehouse.verify.check import Check
from txwatch.warehouse.verify.record import record

GOOD = Check("facts: ledger = table", 46, 46)
BEHIND = Check("facts = daily revenue", Decimal("9.50"), Decimal("9.50"), note="behind by 3 facts")
NOTHING = "\N{EN DASH}"
BAD = Check(
    "archived money = facts' money", Decimal("1000.00"), Decimal("1000.01"), ("EUR <b>+0.01</b>",), "look"
)


def test_the_last_run_is_listed_however_old_it_is(
    pipeline: Settings, owner: Connection, reader: Connection
) -> None:
    record(pipeline.postgres("reconciler"), [BAD])
    with owner, owner.cursor() as cursor:
        cursor.execute("update ops.reconciliation set ran_at = ran_at - interval '40 days'")
    assert [run.failed for run in runs(reader, days=14, limit=5)] == [[BAD.name]]
    record(pipeline.postgres("reconciler"), [GOOD, BEHIND])
    [run] = runs(reader, days=14, limit=5)
    assert (run.checks, run.failures, run.failed) == (2, 0, [])
    [remark] = remarks(reader, run.run_id)
    assert (remark.check, remark.is_ok, remark.note) == (BEHIND.name, True, "behind by 3 facts")


def test_health_names_what_differs_and_what_went_before(
    stream: KnownStream, pipeline: Settings, console: RunningConsole, browser: Chrome
) -> None:
    assert stream.transactions > 0
    browser.get(f"{console.url}/health")
    assert "txwatch verify --record" in piece(browser, "never-reconciled").text
    record(pipeline.postgres("reconciler"), [GOOD, BEHIND])
    [balanced] = table_cells(browser, "reconciliations")  # it appears without a reload
    assert balanced[1:] == ["balanced", "2", NOTHING]
    record(pipeline.postgres("reconciler"), [GOOD, BEHIND, BAD])
    differing = piece(browser, "unbalanced").text
    assert "archived money = facts' money: differs" in differing
    assert "1,000.01 instead of 1,000.00; EUR <b>+0.01</b>. What to do: look" in differing
    assert "behind by 3 facts" in piece(browser, "remark").text
    assert [cells[1:] for cells in table_cells(browser, "reconciliations")] == [
        ["differs", "3", BAD.name],
        ["balanced", "2", NOTHING],
    ]
