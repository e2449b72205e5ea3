"""What merchants, devices and senders wrote is text on every page and in every query, never code."""

from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import quote

import pytest
from board_page import enter, open_board, open_tab, shown
from headless import has_drawn
from known_stream import KnownStream, Malformed, Payment, transaction_id
from psycopg2.extras import Json
from running_console import SHOW_SECONDS, RunningConsole, piece, wait_for
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from txwatch.dashboards.definitions import DASHBOARDS, cards_of, load_cards
from txwatch.postgres import Connection

PAGES = ("", "alerts", "quarantine", "health")
SQL = "'; drop table core.fact_transaction; --"
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
HOSTILE = (
    SQL,
    SCRIPT,
    "\"><svg onload=document.title='owned'>",
    "[x](javascript:document.title='owned')",
    "{{7*7}} ${7*7} %s %(x)s {0} \\",
    "$\\href{javascript:document.title='owned'}{x}$",
)


@pytest.fixture
def hostile_alert(stream: KnownStream, owner: Connection) -> str:
    """Write hostile text wherever a sender's text can come to stand; return the id of the newest alert."""
    now = datetime.now(UTC)
    payments = [Payment(0, 0, Decimal(5000 + number), now, is_foreign=True) for number in range(len(HOSTILE))]
    held = [Malformed("wrong_type", text.encode(), field=text, detail=text) for text in HOSTILE]
    stream.commit_batch(now, payments, held)
    newest = transaction_id(stream.transactions)
    everywhere = " / ".join(HOSTILE)
    evidence = {"amount_over_threshold": {SQL: SCRIPT, "amount": everywhere}, SCRIPT: {"amount": SQL}}
    with owner, owner.cursor() as cursor:
        cursor.execute("update core.dim_merchant set name = %s, category = %s", (everywhere, SCRIPT))
        cursor.execute("update core.dim_customer set name = %s", (everywhere,))
        cursor.execute("update core.fact_transaction set device_id = %s", (everywhere,))
        cursor.execute(
            "update core.fact_alert set evidence = %s, rules = array['amount_over_threshold', %s] "
            "where transaction_id = %s",
            (Json(evidence), SCRIPT, newest),
        )
    return newest


def test_hostile_text_is_inert_on_every_page(
    hostile_alert: str, owner: Connection, console: RunningConsole, browser: Chrome
) -> None:
    before = facts(owner)
    for page in (*PAGES, f"alerts?alert={hostile_alert}"):
        browser.get(f"{console.url}/{page}")
        piece(browser, "read-at")
        assert_inert(browser)
    assert SCRIPT in piece(browser, "alert").text  # shown as it is written
    assert SQL in piece(browser, "evidence").text
    assert facts(owner) == before


@pytest.mark.usefixtures("hostile_alert")
def test_hostile_text_is_inert_on_every_dashboard(
    owner: Connection, console: RunningConsole, browser: Chrome
) -> None:
    before = facts(owner)
    for board in DASHBOARDS:
        open_board(browser, console, board.title)
        for tab in board.tabs:
            open_tab(browser, tab)
            for card in cards_of(board, load_cards(), tab):
                shown(browser, card.id)
            wait_for(lambda: has_drawn(browser), SHOW_SECONDS, f"{board.title}/{tab} is drawn")
            assert_inert(browser)
    open_board(browser, console, "Fraud")
    for text in (SQL, SCRIPT):
        wait_for(lambda text=text: text in cells(browser, "fraud_newest"), SHOW_SECONDS, f"{text} is shown")
    for text, alerts in ((SQL, 0), (SCRIPT, 1)):  # the second is the name of a rule that fired
        enter(browser, "rule", text)
        count = f"\n{alerts}"
        wait_for(lambda count=count: shown(browser, "fraud_alerts").endswith(count), SHOW_SECONDS, text)
        assert_inert(browser)
    assert facts(owner) == before


def cells(browser: Chrome, card: str) -> str:
    """Return all text of a card's table, of which the page draws a picture; none while it is drawn anew."""
    found = browser.find_elements(By.CSS_SELECTOR, f".st-key-card-{card}")
    return "".join(browser.execute_script("return arguments[0].textContent", each) for each in found)


def test_a_hostile_address_is_inert(
    stream: KnownStream, owner: Connection, console: RunningConsole, browser: Chrome
) -> None:
    odd_id = f"urn:uuid:{transaction_id(1)}"
    for text in (*HOSTILE, odd_id):
        browser.get(f"{console.url}/alerts?alert={quote(text)}")
        piece(browser, "read-at")
        assert_inert(browser)
    assert facts(owner) == stream.transactions


def assert_inert(browser: Chrome) -> None:
    assert browser.title == "txwatch"
    injected = browser.find_elements(By.CSS_SELECTOR, "img[src='x'], svg[onload], a[href^='javascript']")
    assert injected == []
    errors = [entry["message"] for entry in browser.get_log("browser") if "Uncaught" in entry["message"]]
    assert errors == []


def facts(owner: Connection) -> int:
    with owner, owner.cursor() as cursor:
        cursor.execute("select count(*) from core.fact_transaction")
        (count,) = cursor.fetchone() or (0,)
    return int(count)
