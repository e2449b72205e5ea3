"""The console in a real browser: what stands on the page against the warehouse, live, inert and readable."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from confluent_kafka import Producer
from headless import has_drawn, photograph, requested_hosts, resize
from known_stream import (
    HOSTILE_MERCHANT,
    HOSTILE_NAME,
    RULES,
    KnownStream,
    Malformed,
    Payment,
    transaction_id,
)
from running_console import (
    SHOW_SECONDS,
    RunningConsole,
    card_value,
    is_serving,
    piece,
    running_console,
    table_cells,
    wait_for,
)
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from txwatch.postgres import Connection
from txwatch.settings import Settings

PAGES = ("", "alerts", "quarantine", "health")
SCREENSHOTS = Path(
    os.environ.get("SCREENSHOTS_DIR", Path(__file__).resolve().parents[3] / ".txwatch" / "screenshots")
)


def count_in(reader: Connection, sql: str) -> int:
    with reader.cursor() as cursor:
        cursor.execute(sql)
        (number,) = cursor.fetchone() or (0,)
    return int(number)


@pytest.mark.usefixtures("stream")
def test_numbers_on_the_page_are_the_warehouses(
    reader: Connection, console: RunningConsole, browser: Chrome
) -> None:
    browser.get(console.url)
    choose(browser, "1 hour")
    wait_for(lambda: "last 1 hour" in piece(browser, "scored").text, SHOW_SECONDS, "the hour is shown")
    for name, table in (
        ("scored", "core.fact_transaction"),
        ("alerts", "core.fact_alert"),
        ("quarantined", "ops.quarantine"),
    ):
        assert card_value(browser, name) == f"{count_in(reader, f'select count(*) from {table}'):,}"
    with reader.cursor() as cursor:
        cursor.execute("select rows_in, latency_p50_ms, latency_p95_ms from ops.stream_ledger")
        batches = cursor.fetchall()
    rows = sum(batch[0] for batch in batches)
    p50, p95 = (sum(batch[0] * batch[column] for batch in batches) / rows for column in (1, 2))
    assert card_value(browser, "latency") == f"{p50:.0f} ms / {p95:.0f} ms"


def test_new_rows_appear_without_a_reload(
    stream: KnownStream, console: RunningConsole, browser: Chrome
) -> None:
    browser.get(console.url)
    choose(browser, "1 hour")
    wait_for(lambda: "last 1 hour" in piece(browser, "scored").text, SHOW_SECONDS, "the hour is shown")
    before = int(card_value(browser, "scored").replace(",", ""))
    browser.execute_script("window.sameDocument = true")
    now = datetime.now(UTC)
    stream.commit_batch(now, [Payment(1, 1, Decimal("4321.99"), now)] * 3)
    wait_for(
        lambda: card_value(browser, "scored") == f"{before + 3:,}",
        SHOW_SECONDS,
        "three more transactions are shown",
    )
    wait_for(
        lambda: "4,321.99 EUR" in table_cells(browser, "newest-alerts")[0],
        SHOW_SECONDS,
        "the new alert is on top",
    )
    assert browser.execute_script("return window.sameDocument") is True


@pytest.mark.usefixtures("stream")
def test_the_window_is_chosen_for_all_pages(console: RunningConsole, browser: Chrome) -> None:
    browser.get(console.url)
    for label in ("1 hour", "6 hours", "5 min", "24 hours"):
        choose(browser, label)
        wait_for(
            lambda said=label: f"last {said}" in piece(browser, "scored").text,
            SHOW_SECONDS,
            f"the last {label} are shown",
        )
    choose(browser, "Quarantine")  # a page without the choice
    piece(browser, "held")
    choose(browser, "Overview")
    wait_for(lambda: "last 24 hours" in piece(browser, "scored").text, SHOW_SECONDS, "the choice is kept")


def choose(browser: Chrome, label: str) -> None:
    """Click the button or the page link that says `label`."""
    saying = f"//*[self::button or self::a][normalize-space(.)='{label}']"
    wait_for(lambda: browser.find_elements(By.XPATH, saying), SHOW_SECONDS, f"{label} can be chosen")[
        0
    ].click()


def test_an_alert_shows_its_evidence_and_its_customers_timeline(
    stream: KnownStream, console: RunningConsole, browser: Chrome
) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    lonely = 77  # no other transaction is this customer's
    before, after = (Payment(lonely, 0, Decimal("9.50"), noon + timedelta(hours=hour)) for hour in (-1, 1))
    fraud = Payment(lonely, 1, Decimal("1234.50"), noon, city=6, is_foreign=True)
    stream.commit_batch(datetime.now(UTC), [before, fraud, after])
    browser.get(f"{console.url}/alerts")
    link = wait_for(
        lambda: next(iter(browser.find_elements(By.CSS_SELECTOR, '[data-name="newest-alerts"] td a')), None),
        SHOW_SECONDS,
        "the newest alert can be chosen",
    )
    link.click()
    wait_for(
        lambda: transaction_id(stream.transactions - 1) in browser.current_url,
        SHOW_SECONDS,
        "its address is taken",
    )
    assert table_cells(browser, "evidence") == [
        ["amount over threshold", RULES["amount_over_threshold"][1], "amount", "1234.5"],
        ["", "", "currency", "JPY"],
        ["foreign transaction", RULES["foreign_transaction"][1], "country", "JP"],
        ["", "", "is_foreign", "true"],
    ]
    assert table_cells(browser, "timeline") == [
        ["2026-03-01 13:00:00", "9.50 EUR", "DE", "ok"],
        ["2026-03-01 12:00:00", "1,234.50 JPY", "JP", "flagged"],
        ["2026-03-01 11:00:00", "9.50 EUR", "DE", "ok"],
    ]


def test_hostile_text_is_shown_and_stays_inert(
    stream: KnownStream, console: RunningConsole, browser: Chrome
) -> None:
    now = datetime.now(UTC)
    stream.commit_batch(
        now,
        [Payment(0, HOSTILE_MERCHANT, Decimal(5000), now)],
        [Malformed("empty", HOSTILE_NAME.encode())] * 99,
    )
    browser.get(f"{console.url}/alerts?alert={transaction_id(stream.transactions)}")
    assert HOSTILE_NAME in piece(browser, "alert").text
    assert_inert(browser)
    browser.get(f"{console.url}/quarantine")
    shown = wait_for(
        lambda: browser.find_elements(By.CLASS_NAME, "tx-raw"), SHOW_SECONDS, "raw records are shown"
    )
    assert shown[0].text == HOSTILE_NAME
    assert_inert(browser)


def assert_inert(browser: Chrome) -> None:
    assert browser.title == "txwatch"
    assert not browser.find_elements(By.CSS_SELECTOR, 'img[src="x"]')
    assert not [
        tag
        for tag in browser.find_elements(By.TAG_NAME, "script")
        if "owned" in (tag.get_property("text") or "")
    ]


def test_an_empty_warehouse_says_what_to_run(console: RunningConsole, browser: Chrome) -> None:
    for page in PAGES:
        browser.get(f"{console.url}/{page}")
        said = piece(browser, "empty").text
        assert "txwatch stream" in said
        assert "make demo" in said


def test_a_stream_without_a_fault_or_an_alert_draws_every_page(
    owner: Connection, console: RunningConsole, browser: Chrome
) -> None:
    now = datetime.now(UTC)
    stream = KnownStream(owner)
    stream.open(now)
    stream.commit_batch(now, [Payment(0, 0, Decimal("5.00"), now)])
    for page, expected in (
        ("", "read-at"),
        ("alerts", "no-alerts"),
        ("quarantine", "nothing-held"),
        ("health", "batches"),
    ):
        browser.get(f"{console.url}/{page}")
        piece(browser, expected)
        piece(browser, "read-at")
        wait_for(lambda: has_drawn(browser), SHOW_SECONDS, "charts are drawn")


@pytest.mark.usefixtures("stream")
def test_broken_states_say_the_way_out_and_heal_without_a_reload(
    pipeline: Settings, browser: Chrome, tmp_path: Path
) -> None:
    right: dict[str, Any] = {
        "postgres_host": pipeline.postgres_host,
        "postgres_port": pipeline.postgres_port,
        "postgres_database": pipeline.postgres_database,
        "dashboard_reader_password": pipeline.require("dashboard_reader_password"),
    }
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        broken: list[tuple[dict[str, Any], str]] = [
            (
                right | {"postgres_port": nobody.getsockname()[1]},
                "does not answer (Connection refused): start it with txwatch up",
            ),
            (right | {"dashboard_reader_password": "wrong"}, "TXWATCH_DASHBOARD_READER_PASSWORD"),
            (right | {"postgres_database": "absent"}, 'database "absent" does not exist'),
            (right | {"postgres_database": "postgres"}, "schema is missing or old"),
        ]
        with running_console({"TXWATCH_STATE_DIR": str(tmp_path)}) as console:
            browser.get(console.url)
            assert "TXWATCH_POSTGRES_HOST" in piece(browser, "broken").text
            browser.execute_script("window.sameDocument = true")
            for settings, sentence in broken:
                write_state(tmp_path, settings)
                wait_for(lambda said=sentence: said in piece(browser, "broken").text, SHOW_SECONDS, sentence)
            write_state(tmp_path, right)
            assert card_value(browser, "scored")
            assert browser.execute_script("return window.sameDocument") is True


def write_state(folder: Path, settings: dict[str, Any]) -> None:
    half_written = folder / "state.new"
    half_written.write_text(json.dumps({"settings": settings}))
    half_written.replace(folder / "state.json")


def test_health_shows_lag_against_kafkas_end_offsets(
    owner: Connection, pipeline: Settings, console: RunningConsole, browser: Chrome
) -> None:
    now = datetime.now(UTC)
    stream = KnownStream(owner, topic=pipeline.kafka_transactions_topic)
    stream.open(now)
    stream.commit_batch(now, [Payment(0, 0, Decimal(1), now)] * 8)  # two of each partition
    stream.archive(now)
    stream.commit_batch(now, [Payment(0, 0, Decimal(1), now)] * 4)
    produce(pipeline, (3, 3, 10, 5))
    browser.get(f"{console.url}/health")
    assert card_value(browser, "lag") == "9 rows"  # (3 + 3 + 10 + 5) - 4 * 3
    assert card_value(browser, "archive-lag") == "13 rows"  # 21 - 4 * 2
    places = [cells[1:6] for cells in table_cells(browser, "partitions")]
    assert places == [
        ["3", "3", "0", "2", "1"],
        ["3", "3", "0", "2", "1"],
        ["3", "10", "7", "2", "8"],
        ["3", "5", "2", "2", "3"],
    ]


def produce(pipeline: Settings, counts: Sequence[int]) -> None:
    """Put this many records into each partition of the pipeline's topic."""
    producer = Producer(pipeline.kafka_client())
    for partition, records in enumerate(counts):
        for _ in range(records):
            producer.produce(pipeline.kafka_transactions_topic, b"{}", partition=partition)
    assert producer.flush(30) == 0


@pytest.mark.usefixtures("stream")
def test_health_tells_a_topic_that_was_made_anew(console: RunningConsole, browser: Chrome) -> None:
    browser.get(f"{console.url}/health")  # the ledger has offsets, the topic is empty
    assert "made anew" in piece(browser, "past-the-end").text


def test_health_without_kafka_says_so_and_shows_the_rest(
    stream: KnownStream, pipeline_environment: dict[str, str], browser: Chrome
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with running_console(pipeline_environment | {"TXWATCH_KAFKA_BOOTSTRAP_SERVERS": address}) as console:
            browser.get(f"{console.url}/health")
            assert f"Kafka at {address} does not answer" in piece(browser, "kafka-fault").text
            assert card_value(browser, "lag") == "not known"
            assert [cells[1] for cells in table_cells(browser, "partitions")] == [
                f"{end:,}" for end in stream.offsets
            ]


def test_pages_fit_a_laptop_and_a_phone_and_ask_no_other_host(
    stream: KnownStream, pipeline: Settings, console: RunningConsole, browser: Chrome
) -> None:
    produce(pipeline, [offset + 3 for offset in stream.offsets])
    requested_hosts(browser)
    try:
        for size in ((1280, 800), (390, 844)):
            for page in PAGES:
                photograph(browser, console.url, page, size, SCREENSHOTS)
                assert browser.execute_script("return document.documentElement.scrollWidth") <= size[0]
    finally:
        resize(browser, 1280, 800)
    assert requested_hosts(browser) == {"127.0.0.1"}
    assert not [entry for entry in browser.get_log("browser") if "Uncaught" in entry["message"]]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_when_told(tmp_path: Path, stop: signal.Signals) -> None:
    with running_console({"TXWATCH_STATE_DIR": str(tmp_path)}) as console:
        console.process.send_signal(stop)
        assert console.process.wait(timeout=20) == 0
        assert not is_serving(console.url)


def test_a_taken_port_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "txwatch.cli.main", "console", "--port", str(port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert f"port {port} is taken" in ended.stderr


def test_it_listens_on_this_machine_alone(console: RunningConsole) -> None:
    connections = psutil.Process(console.process.pid).net_connections(kind="tcp")
    listening = [opened.laddr for opened in connections if opened.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", urlsplit(console.url).port)]
