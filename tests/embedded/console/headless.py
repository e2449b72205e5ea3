"""Headless Chromium for the browser tests: Debian's own driver, an empty profile, every request logged."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
DRAW_SECONDS = 60
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


@contextmanager
def headless_chromium() -> Iterator[Chrome]:
    """Open a browser of 1280 x 800; its driver is never downloaded."""
    with tempfile.TemporaryDirectory(prefix="txwatch-chromium-", ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = str(BROWSER)
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        browser = Chrome(options=options, service=Service(str(DRIVER)))
        try:
            resize(browser, 1280, 800)
            yield browser
        finally:
            browser.quit()


def resize(browser: Chrome, width: int, height: int) -> None:
    """Give the page exactly this many CSS pixels; a width under 500 is a phone."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def requested_hosts(browser: Chrome) -> set[str]:
    """Every host that pages have asked for anything since this was last called (HTTP and websockets)."""
    asked = set()
    for entry in browser.get_log("performance"):
        event = json.loads(entry["message"])["message"]
        if event["method"] == "Network.requestWillBeSent":
            asked.add(event["params"]["request"]["url"])
        elif event["method"] == "Network.webSocketCreated":
            asked.add(event["params"]["url"])
    return {
        urlsplit(url).hostname or url
        for url in asked
        if urlsplit(url).scheme not in {"data", "blob", "chrome"}
    }


def photograph(browser: Chrome, url: str, page: str, size: tuple[int, int], folder: Path) -> Path:
    """Open a page at this size in CSS pixels, wait for its charts, and save what is seen as PNG."""
    width, height = size
    resize(browser, width, height)
    browser.get(f"{url}/{page}")
    WebDriverWait(browser, DRAW_SECONDS, ignored_exceptions=[StaleElementReferenceException]).until(has_drawn)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"console-{page or 'overview'}-{width}.png"
    browser.save_screenshot(str(path))
    return path


def has_drawn(browser: Chrome) -> bool:
    """The page has been read, and every chart that can be seen has been drawn (not those of other tabs)."""
    is_read = browser.find_elements(By.CSS_SELECTOR, '[data-name="read-at"]')
    charts = browser.find_elements(By.CSS_SELECTOR, '[data-testid="stVegaLiteChart"]')
    seen = [chart for chart in charts if chart.is_displayed()]
    return bool(is_read) and all(chart.find_elements(By.CSS_SELECTOR, "canvas, svg") for chart in seen)
