"""What `txwatch quarantine list` and `show` read, and what they print."""

import json
from contextlib import closing

import psycopg2
import pytest
from typer.testing import CliRunner, Result

from txwatch.cli.main import app
from txwatch.errors import UsageError
from txwatch.settings import Settings
from txwatch.warehouse.quarantine_reading import QuarantineReader, ReasonCount

NOT_TEXT = b"\xff\x00[bold]"
RECORDS = [
    (0, 5, "2026-01-31 12:00:00+00", None, b"{", "not_json", None, None),
    (0, 6, "2026-01-31 12:00:01+00", b"key", NOT_TEXT, "not_utf8", None, None),
    (1, 2, "2026-01-31 12:00:02+00", b"key", b'{"amount":-1}', "amount_negative", "amount", None),
    (1, 3, "2026-01-31 12:00:03+00", b"key", b'{"amount":-2}', "amount_negative", "amount", "fact"),
    (1, 4, "2026-01-31 12:00:04+00", None, None, "tombstone", None, None),
]


@pytest.fixture
def quarantine(pipeline: Settings) -> QuarantineReader:
    topic = pipeline.kafka_transactions_topic
    with closing(psycopg2.connect(**pipeline.postgres("stream_writer"))) as connection, connection:
        connection.cursor().executemany(
            "insert into ops.quarantine (topic, kafka_partition, kafka_offset, appended_at, key, raw, "
            "reason, field, resolution, resolved_at, ledger_seq) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, "
            "case when %s is not null then now() end, 1)",
            [(topic, *record, record[-1]) for record in RECORDS],
        )
    return QuarantineReader(pipeline.postgres("analyst"), topic)


def test_reasons_are_counted_held_and_replayed_apart(quarantine: QuarantineReader) -> None:
    assert quarantine.counts() == [
        ReasonCount("amount_negative", 1, 1),
        ReasonCount("not_json", 1, 0),
        ReasonCount("not_utf8", 1, 0),
        ReasonCount("tombstone", 1, 0),
    ]
    assert quarantine.counts("not_json") == [ReasonCount("not_json", 1, 0)]


def test_the_newest_come_first_and_replayed_ones_only_on_demand(quarantine: QuarantineReader) -> None:
    places = [(record.partition, record.offset) for record in quarantine.newest(limit=3)]
    assert places == [(1, 4), (1, 2), (0, 6)]
    negative = quarantine.newest(10, "amount_negative", with_resolved=True)
    assert [(record.offset, record.resolution) for record in negative] == [(3, "fact"), (2, None)]


def test_one_record_comes_with_its_exact_bytes(quarantine: QuarantineReader) -> None:
    record = quarantine.one(0, 6)
    assert (record.raw, record.key) == (NOT_TEXT, b"key")
    page = record.as_json()
    assert (page["raw"], page["raw_base64"]) == (None, "/wBbYm9sZF0=")
    assert page["appended_at"] == "2026-01-31T12:00:01+00:00"
    assert quarantine.one(1, 4).raw is None


def test_a_record_that_is_not_there_is_named(quarantine: QuarantineReader) -> None:
    with pytest.raises(UsageError, match="partition 0 offset 7 is not in quarantine"):
        quarantine.one(0, 7)


@pytest.fixture
def run(
    quarantine: QuarantineReader,  # noqa: ARG001 - filled
    pipeline_environment: dict[str, str],
) -> "Run":
    return Run(pipeline_environment)


class Run:
    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["quarantine", *arguments], env=self._environment)


def test_list_prints_for_people_and_for_programs(run: Run) -> None:
    for_people = run("list").stdout
    assert "amount_negative" in for_people
    assert "1:2" in for_people
    page = json.loads(run("list", "--json", "--limit", "1").stdout)
    assert [count["held"] for count in page["reasons"]] == [1, 1, 1, 1]
    assert [record["reason"] for record in page["records"]] == ["tombstone"]


def test_show_prints_odd_bytes_harmlessly_or_exactly(run: Run) -> None:
    shown = run("show", "0:6").stdout
    assert r"\xff\x00[bold]" in shown
    assert run("show", "0:6", "--raw").stdout_bytes == NOT_TEXT
    assert "a tombstone" in run("show", "1:4").stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["show", "12"], "PARTITION:OFFSET"), (["list", "--reason", "sloth"], "there is no reason 'sloth'")],
)
def test_wrong_use_is_one_sentence(run: Run, arguments: list[str], sentence: str) -> None:
    assert sentence in str(run(*arguments).exception)
