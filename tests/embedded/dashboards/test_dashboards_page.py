"""The dashboards on the console, in a real browser: numbers, filters, what is not built yet, looks."""

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from board_page import enter, open_board, open_tab, shown
from headless import has_drawn, requested_hosts, resize
from running_console import SHOW_SECONDS, RunningConsole, running_console, wait_for
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from txwatch.dashboards.definitions import DASHBOARDS, cards_of, load_cards
from txwatch.postgres import Connection, connect
from txwatch.settings import Settings

SCREENSHOTS = Path(
    os.environ.get("SCREENSHOTS_DIR", Path(__file__).resolve().parents[3] / ".txwatch" / "screenshots")
)


@pytest.fixture(scope="module")
def console(known_marts: Settings) -> Iterator[RunningConsole]:
    with running_console({"TXWATCH_STATE_DIR": str(known_marts.state_dir)}) as running:
        yield running


@pytest.fixture
def browser(chromium: Chrome) -> Iterator[Chrome]:
    """Yield the browser, and leave the page so that nothing asks a console that is gone."""
    yield chromium
    chromium.get("about:blank")


@pytest.fixture
def analyst(known_marts: Settings) -> Iterator[Connection]:
    with closing(connect(known_marts.postgres("analyst"))) as connection:
        yield connection


def asked(analyst: Connection, sql: str) -> Decimal:
    with analyst, analyst.cursor() as cursor:
        cursor.execute(sql)
        (value,) = cursor.fetchone() or (None,)
    return Decimal(value)


REVENUE = "select sum(net_amount_reporting) from marts.fct_daily_revenue"


def test_headlines_are_the_marts_sums_and_follow_the_filters(
    console: RunningConsole, browser: Chrome, analyst: Connection
) -> None:
    open_board(browser, console, "Business")
    whole = f"{asked(analyst, REVENUE):,}"
    wait_for(lambda: whole in shown(browser, "biz_net"), SHOW_SECONDS, whole)
    lost = "select sum(confirmed_fraud_amount_reporting) from marts.fct_daily_revenue"
    assert f"{asked(analyst, lost):,}" in shown(browser, "biz_confirmed_fraud")

    enter(browser, "currency", "USD")
    in_dollars = f"{REVENUE} where currency = 'USD'"
    dollars = f"{asked(analyst, in_dollars):,}"
    wait_for(lambda: dollars in shown(browser, "biz_net"), SHOW_SECONDS, f"{dollars} in dollars")

    choose_day(browser, "day_from", date(2026, 3, 4))
    later = f"{in_dollars} and occurred_on >= '2026-03-04'"
    some = f"{asked(analyst, later):,}"
    wait_for(lambda: some in shown(browser, "biz_net"), SHOW_SECONDS, f"{some} from that day on")


def choose_day(browser: Chrome, key: str, day: date) -> None:
    """Type a day into a date input, which has a part for each of year, month and day."""
    parts = browser.find_elements(By.CSS_SELECTOR, f'.st-key-{key} [role="spinbutton"]')
    parts[0].click()
    browser.switch_to.active_element.send_keys(f"{day:%Y%m%d}")
    browser.switch_to.active_element.send_keys(Keys.TAB, Keys.TAB)


def test_the_rule_filter_reaches_the_cards_that_take_it(
    console: RunningConsole, browser: Chrome, analyst: Connection
) -> None:
    open_board(browser, console, "Fraud")
    enter(browser, "rule", "foreign")
    alerts = asked(analyst, "select count(*) from core.fact_alert where 'foreign' = any(rules)")
    wait_for(lambda: f"\n{alerts}" in shown(browser, "fraud_alerts"), SHOW_SECONDS, f"{alerts} alerts")


def test_without_marts_the_page_says_how_to_build_them(
    unbuilt_environment: dict[str, str], browser: Chrome
) -> None:
    with running_console(unbuilt_environment) as console:
        open_board(browser, console, "Business")
        said = wait_for(
            lambda: browser.find_elements(By.CSS_SELECTOR, '[data-testid="stAlert"]'),
            SHOW_SECONDS,
            "a notice",
        )
        assert "make dbt" in said[0].text
        assert "Not built yet" in shown(browser, "biz_net")
        open_board(browser, console, "Operations")
        wait_for(lambda: "\n0" in shown(browser, "ops_scored"), SHOW_SECONDS, "what needs no mart is shown")


def test_every_dashboard_fits_a_laptop_and_a_phone(console: RunningConsole, browser: Chrome) -> None:
    requested_hosts(browser)
    try:
        for width, height in ((1280, 1100), (390, 844)):
            for board in DASHBOARDS:
                resize(browser, width, height)
                open_board(browser, console, board.title)
                for tab in reversed(board.tabs):  # the first one is photographed
                    open_tab(browser, tab)
                    for card in cards_of(board, load_cards(), tab):
                        assert card.title in shown(browser, card.id)
                    wait_for(lambda: has_drawn(browser), SHOW_SECONDS, f"{board.title}/{tab} is drawn")
                    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
                SCREENSHOTS.mkdir(parents=True, exist_ok=True)
                browser.save_screenshot(str(SCREENSHOTS / f"dashboard-{board.id}-{width}.png"))
    finally:
        resize(browser, 1280, 800)
    assert requested_hosts(browser) == {"127.0.0.1"}
    assert not [entry for entry in browser.get_log("browser") if "Uncaught" in entry["message"]]
