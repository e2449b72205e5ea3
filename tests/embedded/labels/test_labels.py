"""Every label is entered once: early, late, twice, corrected, outdated, and whatever is killed or cut off."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from threading import Event, Thread

import psycopg2
import pytest
from label_topic import DEADLINE_SECONDS, LabelTopic, Load, label
from typer.testing import CliRunner

from oracle.deadline import until
from oracle.feed import identifier
from txwatch.cli.main import app
from txwatch.errors import FencedError, TxwatchError
from txwatch.settings import Settings

WRITERS = "from pg_stat_activity where datname = current_database() and application_name = 'txwatch labels'"


@pytest.fixture
def topic(pipeline: Settings) -> LabelTopic:
    return LabelTopic(pipeline)


def start_process(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "txwatch.cli.main", "labels", "--json"]
    return subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL)


def test_first_double_corrected_and_outdated_labels(topic: LabelTopic) -> None:
    # No transaction is there: all of these are early.
    topic.send(label(1, 5), label(2, 5), label(1, 5), label(3, 5), label(3, 7, is_fraud=False))
    assert topic.drain() == {
        "rows_in": 5,
        "first_labels": 3,
        "corrections": 1,
        "outdated": 0,
        "duplicates": 1,
        "quarantined": 0,
    }
    # Long after: a correction, an outdated one, one that was superseded before, and a repeat.
    topic.send(label(1, 20 * 24, is_fraud=False), label(2, 1), label(3, 5), label(2, 5))
    totals = topic.drain()
    assert (totals["corrections"], totals["outdated"], totals["duplicates"]) == (1, 1, 2)
    assert topic.held() == topic.expected()
    seqs = topic.rows(
        "select right(transaction_id::text, 1)::int, extract(hour from known_at)::int, label_seq, "
        "superseded_seq from core.fact_chargeback order by chargeback_id"
    )
    assert seqs == [
        (1, 5, 1, 2),
        (2, 5, 1, None),
        (3, 5, 1, 1),
        (3, 7, 1, None),
        (1, 0, 2, None),
        (2, 1, 2, 2),
    ]


def test_draining_again_changes_nothing(topic: LabelTopic) -> None:
    topic.send(label(1, 5), label(2, 5), partition=1)
    topic.drain()
    assert topic.drain()["rows_in"] == 0
    assert topic.rows("select offset_ranges, rows_in from ops.label_ledger") == [
        ([{"topic": topic.settings.kafka_labels_topic, "partition": 1, "start": 0, "end": 2}], 2)
    ]
    assert topic.value("select epoch from ops.stream_query where query = 'labels'") == 2


def test_what_is_no_label_is_quarantined_as_it_came(topic: LabelTopic) -> None:
    nul = json.dumps(json.loads(label(4, 5)) | {"scenario": "nul\x00"}).encode()
    topic.send(label(1, 5), b"\xff\x00", None, b'{"is_fraud": 1}', nul, label(2, 5), partition=2)
    assert topic.drain()["quarantined"] == 4
    held = topic.rows("select kafka_offset, raw, reason, detail from ops.label_quarantine order by 1")
    assert [(offset, raw and bytes(raw), reason) for offset, raw, reason, _ in held] == [
        (1, b"\xff\x00", "not_utf8"),
        (2, None, "tombstone"),
        (3, b'{"is_fraud": 1}', "missing_field"),
        (4, nul, "bad_scenario"),
    ]
    assert held[2][3] == "transaction_id"
    assert topic.held() == {
        (identifier(1, number), datetime(2026, 1, 2, 5, tzinfo=UTC), True, "stolen", True)
        for number in (1, 2)
    }


def test_killed_in_mid_load_it_goes_on_exactly(
    topic: LabelTopic, pipeline_environment: dict[str, str]
) -> None:
    load = Load(topic)
    with load.running():
        for _ in range(3):
            before = topic.entered()
            process = start_process(pipeline_environment)
            until(lambda before=before: topic.entered() > before, DEADLINE_SECONDS)  # type: ignore[misc]
            process.kill()
            process.wait(DEADLINE_SECONDS)
        before = topic.entered()
        process = start_process(pipeline_environment)
        until(lambda: topic.entered() > before, DEADLINE_SECONDS)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECONDS) == 0
    assert (topic.settings.state_dir / "labels.heartbeat").is_file()
    topic.drain()
    assert topic.entered() == load.sent * 5 * topic.settings.kafka_partitions
    assert topic.held() == topic.expected()
    assert topic.value("select count(*) from ops.label_quarantine") == load.sent * 4
    unsound = "select count(*) from core.fact_chargeback where superseded_seq < label_seq"
    assert topic.value(unsound) == 0


def test_a_lost_connection_is_made_again_and_nothing_is_doubled(topic: LabelTopic) -> None:
    topic.send(*(label(number, 5) for number in range(5000)))
    with topic.keeper() as keeper:

        def cut(_: object) -> None:
            keeper.on_commit = lambda _: None
            topic.rows(f"select pg_terminate_backend(pid) {WRITERS}", "label_writer")

        keeper.on_commit = cut
        keeper.run(until_drained=True)
    assert topic.entered() == 5000
    assert topic.held() == topic.expected()
    assert topic.value("select epoch from ops.stream_query where query = 'labels'") == 2


def test_of_two_at_once_the_later_start_writes_and_the_earlier_ends(topic: LabelTopic) -> None:
    stop, errors = Event(), list[BaseException]()
    topic.send(label(1, 5))
    with topic.keeper(stop) as earlier, topic.keeper(stop) as later:

        def run_earlier() -> None:
            try:
                earlier.run()
            except TxwatchError as error:
                errors.append(error)

        threads = [Thread(target=run_earlier), Thread(target=later.run)]
        threads[0].start()
        until(lambda: topic.entered() == 1, DEADLINE_SECONDS)
        threads[1].start()
        until(lambda: topic.value("select epoch from ops.stream_query") == 2, DEADLINE_SECONDS)
        topic.send(label(2, 5), label(1, 6, is_fraud=False))
        threads[0].join(DEADLINE_SECONDS)
        until(lambda: topic.entered() == 3, DEADLINE_SECONDS)
        stop.set()
        threads[1].join(DEADLINE_SECONDS)
    [error] = errors
    assert isinstance(error, FencedError)
    assert "epoch 2 has taken over from epoch 1" in str(error)
    assert topic.held() == topic.expected()
    assert topic.rows("select distinct epoch, rows_in from ops.label_ledger order by 1") == [(1, 1), (2, 2)]


def test_no_number_is_drawn_while_the_horizon_is_being_taken(topic: LabelTopic) -> None:
    topic.send(label(1, 5))
    drawn = "select is_called from ops.label_ledger_label_seq_seq"
    owner = psycopg2.connect(**topic.settings.postgres("warehouse_owner"))
    with closing(owner):
        owner.cursor().execute("lock table ops.label_ledger in share mode")
        thread = Thread(target=topic.drain)
        thread.start()
        waiting = f"select 1 {WRITERS} and wait_event_type = 'Lock'"
        until(lambda: topic.rows(waiting, "label_writer"), DEADLINE_SECONDS)
        assert topic.value(drawn) is False
        owner.rollback()
        thread.join(DEADLINE_SECONDS)
    assert topic.value(drawn) is True
    assert topic.entered() == 1


def test_a_topic_made_anew_is_refused(topic: LabelTopic) -> None:
    topic.send(label(1, 5))
    topic.drain()
    topic.rows("update ops.stream_offset set next_offset = 9 returning 1")
    with pytest.raises(TxwatchError, match="the ledger is at offset 9 but Kafka ends at"):
        topic.drain()


def test_the_command_drains_and_says_what_it_did(
    topic: LabelTopic, pipeline_environment: dict[str, str]
) -> None:
    topic.send(label(1, 5), label(1, 5), b"{")
    status = CliRunner().invoke(app, ["status", "--json"], env=pipeline_environment)
    assert json.loads(status.stdout)["stream"]["total_label_lag"] == 3
    answer = CliRunner().invoke(app, ["labels", "--until-drained"], env=pipeline_environment)
    assert answer.exit_code == 0, answer.output
    assert answer.stdout == (
        "entered 3 labels: 1 first, 0 corrected, 0 outdated, 1 duplicates, 1 quarantined\n"
    )
    status = CliRunner().invoke(app, ["status", "--json"], env=pipeline_environment)
    assert json.loads(status.stdout)["stream"]["total_label_lag"] == 0
