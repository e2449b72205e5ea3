from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from headless import BROWSER, DRIVER, headless_chromium
from known_stream import KnownStream, seed_known_stream
from running_console import RunningConsole, running_console
from selenium.webdriver import Chrome

from txwatch.postgres import Connection, connect
from txwatch.settings import Settings


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chrome]:
    if BROWSER is None or DRIVER is None:
        pytest.skip(
            "needs the Debian packages chromium and chromium-driver: apt-get install chromium chromium-driver"
        )
    with headless_chromium() as browser:
        yield browser


@pytest.fixture
def browser(chromium: Chrome) -> Iterator[Chrome]:
    """Yield the session's browser, and leave the page so that nothing asks a console that is gone."""
    yield chromium
    chromium.get("about:blank")


@pytest.fixture
def owner(pipeline: Settings) -> Iterator[Connection]:
    connection = connect(pipeline.postgres("warehouse_owner"))
    yield connection
    connection.close()


@pytest.fixture
def reader(pipeline: Settings) -> Iterator[Connection]:
    connection = connect(pipeline.postgres("dashboard_reader"))
    connection.autocommit = True
    yield connection
    connection.close()


@pytest.fixture
def stream(owner: Connection, pipeline: Settings) -> KnownStream:
    """A warehouse that a stream has been filling for five minutes up to now."""
    return seed_known_stream(owner, datetime.now(UTC), topic=pipeline.kafka_transactions_topic)


@pytest.fixture
def console(pipeline_environment: dict[str, str]) -> Iterator[RunningConsole]:
    with running_console(pipeline_environment) as running:
        yield running
