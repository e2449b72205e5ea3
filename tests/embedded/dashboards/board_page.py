"""The dashboards' page of a running console, used as a reader does."""

from running_console import SHOW_SECONDS, RunningConsole, wait_for
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from txwatch.dashboards.definitions import DASHBOARDS


def open_board(browser: Chrome, console: RunningConsole, title: str) -> None:
    """Open the page, choose a dashboard and wait until it is there."""
    browser.get(f"{console.url}/dashboards")
    click(browser, f"//button[normalize-space(.)='{title}']", title)
    description = next(board.description for board in DASHBOARDS if board.title == title)
    wait_for(lambda: description in browser.page_source, SHOW_SECONDS, f"{title} is shown")


def open_tab(browser: Chrome, tab: str) -> None:
    """Choose a tab of the dashboard that is open."""
    click(browser, f"//*[@role='tab'][normalize-space(.)='{tab}']", tab)


def click(browser: Chrome, path: str, what: str) -> None:
    """Wait for an element and click it."""
    wait_for(lambda: browser.find_elements(By.XPATH, path), SHOW_SECONDS, f"{what} can be chosen")[0].click()


def enter(browser: Chrome, name: str, text: str) -> None:
    """Type a filter's value in place of what stands there."""
    box = wait_for(
        lambda: next(iter(browser.find_elements(By.CSS_SELECTOR, f".st-key-{name} input")), None),
        SHOW_SECONDS,
        f"{name} can be typed",
    )
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(text, Keys.ENTER)


def shown(browser: Chrome, card: str) -> str:
    """Return the text of a card, once it is there."""
    selector = f".st-key-card-{card}"
    return wait_for(
        lambda: next((one.text for one in browser.find_elements(By.CSS_SELECTOR, selector)), ""),
        SHOW_SECONDS,
        f"{card} is shown",
    )
