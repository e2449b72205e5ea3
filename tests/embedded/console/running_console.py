"""A `txwatch console` process of a test's own, and waiting for what it shows."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

START_SECONDS, SHOW_SECONDS = 120, 60
Found = TypeVar("Found")


@dataclass(frozen=True)
class RunningConsole:
    """Where the console is served, and by which process."""

    url: str
    process: subprocess.Popen[str]


@contextmanager
def running_console(environment: Mapping[str, str]) -> Iterator[RunningConsole]:
    """Start `txwatch console --port 0 --json` and wait until it serves; end it however the test ended."""
    command = [sys.executable, "-m", "txwatch.cli.main", "console", "--port", "0", "--json"]
    process = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
    try:
        url = json.loads(process.stdout.readline())["url"] if process.stdout else ""
        wait_for(lambda: is_serving(url), START_SECONDS, "the console serves")
        yield RunningConsole(url, process)
    finally:
        process.kill()
        process.communicate()


def is_serving(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:  # noqa: S310 - our own
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_for(condition: Callable[[], Found], seconds: float, what: str) -> Found:
    """Return the condition's first true value; a page redraws itself, so an element may vanish."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except StaleElementReferenceException:
            pass
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def piece(browser: Chrome, name: str) -> WebElement:
    """Wait for the page's piece of this name (markup.py's data-name) and return it."""
    selector = f'[data-name="{name}"]'
    return wait_for(
        lambda: next(iter(browser.find_elements(By.CSS_SELECTOR, selector)), None),
        SHOW_SECONDS,
        f"{name} is shown",
    )


def card_value(browser: Chrome, name: str) -> str:
    """Return a headline number as it stands on the page."""
    return wait_for(
        lambda: piece(browser, name).find_element(By.CLASS_NAME, "tx-value").text,
        SHOW_SECONDS,
        f"{name} has a value",
    )


def table_cells(browser: Chrome, name: str) -> list[list[str]]:
    """Return a table's body as text, read in one go so that a refresh cannot come in between."""
    script = (
        "return [...arguments[0].querySelectorAll('tbody tr')].map(r => [...r.cells].map(c => c.innerText))"
    )
    return wait_for(
        lambda: browser.execute_script(script, piece(browser, name)), SHOW_SECONDS, f"{name} has rows"
    )
