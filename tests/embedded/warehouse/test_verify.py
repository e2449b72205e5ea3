"""Books kept by hand balance; each thing that is broken in them is named."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import psycopg2
import pytest
from known_books import keep_books
from known_labels import keep_labels
from typer.testing import CliRunner

from oracle.feed import event, identifier, send
from txwatch.cli.main import app
from txwatch.embedded.runtime import Runtime
from txwatch.settings import SERVICES_DIR, Role, Settings
from txwatch.warehouse.migrations import migrate
from txwatch.warehouse.verify.balance import balance
from txwatch.warehouse.verify.check import Check
from txwatch.warehouse.verify.reading import read_inputs

# What follows from one fact too few, whatever else it touches.
ONE_FACT_SHORT = {
    "rows read = facts + quarantined + duplicates",
    "facts: ledger = table",
    "each batch's rows: ledger = tables",
    "archived events = facts + duplicates",
    "archived money = facts' money",
}
ROLLUPS = "rollups = recomputed from facts"
MONEY = "archived money = facts' money"
REVENUE = "facts = daily revenue"
HORIZON = "daily revenue: built to its horizon"
LABELS_READ = "labels read = chargebacks + quarantined + duplicates"
LABEL_BATCHES = "each label batch's rows: ledger = tables"
LABELS = "labels in Kafka = chargebacks"
STREAM_OFFSET = "update ops.stream_offset"
PLAIN, FLAGGED, NOBODY = (identifier(1, number) for number in (5, 20, 999))  # event 20 took place abroad
OBJECT = "partition=0/00000000000000000015-00000000000000000030.parquet"


@pytest.fixture(scope="module")
def books(runtime: Settings, shared_runtime: Runtime) -> Settings:
    """Return settings of a pipeline whose books balance, with marts; its database is only copied."""
    name = f"books-{uuid4().hex[:12]}"
    changes = {"kafka_transactions_topic": name, "kafka_labels_topic": f"{name}-labels"}
    changes |= {"postgres_database": name, "s3_bucket": name}
    settings = runtime.model_copy(update=changes)
    Runtime(settings).complete()
    migrate(settings, shared_runtime.superuser())
    keep_books(settings)
    keep_labels(settings)
    build_marts(settings)
    return settings


def build_marts(settings: Settings) -> None:
    environment = {
        "TXWATCH_STATE_DIR": str(settings.state_dir),
        "TXWATCH_POSTGRES_DATABASE": settings.postgres_database,
        "TXWATCH_TRANSFORM_ENVIRONMENT": str(SERVICES_DIR.parent / ".txwatch" / "venv-dbt"),
    }
    # Not as a module: the folder dbt/ beside it would then stand for the package.
    command = [str(Path(sys.executable).with_name("txwatch")), "transform", "--select", "+fct_daily_revenue"]
    command += ["--exclude", "resource_type:test", "--exclude", "resource_type:unit_test"]
    built = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr


@pytest.fixture
def copied(books: Settings, shared_runtime: Runtime) -> Settings:
    """Return the books in a database of the test's own."""
    name = f"copy-{uuid4().hex[:12]}"
    with closing(psycopg2.connect(**shared_runtime.superuser())) as connection:
        connection.autocommit = True
        connection.cursor().execute(
            f'create database "{name}" owner warehouse_owner template "{books.postgres_database}"'
        )
    return books.model_copy(update={"postgres_database": name})


class Bucket:
    """The books' bucket, which is put back as it was."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.s3_bucket
        self.s3: Any = boto3.client("s3", **settings.s3())
        self._before = {key: self.read(key) for key in self.keys()}

    def keys(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=self.name)["Contents"]]

    def key(self, ending: str) -> str:
        return next(key for key in self.keys() if key.endswith(ending))

    def read(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        return body

    def write(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.name, Key=key, Body=body)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.name, Key=key)

    def restore(self) -> None:
        for key in set(self.keys()) - set(self._before):
            self.delete(key)
        for key, body in self._before.items():
            self.write(key, body)


@pytest.fixture
def bucket(books: Settings) -> Iterator[Bucket]:
    opened = Bucket(books)
    yield opened
    opened.restore()


def differing(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in balance(read_inputs(settings)) if not check.ok}


def execute(settings: Settings, statement: str) -> None:
    owner: Role = "transformer" if "marts." in statement or "staging." in statement else "warehouse_owner"
    with closing(psycopg2.connect(**settings.postgres(owner))) as connection, connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        assert cursor.rowcount > 0, "nothing was broken"


def test_books_kept_by_hand_balance(books: Settings) -> None:
    inputs = read_inputs(books)
    assert differing(books) == {}
    # 50 records: 3 quarantined, 2 repeats; one of the quarantined was replayed.
    assert (inputs.ledger.stream.rows_in, inputs.warehouse.facts, inputs.ledger.stream.duplicates) == (
        50,
        46,
        2,
    )
    assert inputs.archive is not None
    assert inputs.archive.accepted == 48
    assert len(inputs.archive.spans) == 4  # objects of 15 records at most: 15 + 15 + 10, and 10


@pytest.mark.parametrize(
    ("statement", "names", "finding"),
    [
        (
            f"delete from core.fact_transaction where transaction_id = '{PLAIN}'",
            ONE_FACT_SHORT | {ROLLUPS, REVENUE},
            "batch 1: facts 26 in ledger, 25 in table",
        ),
        (
            f"update core.fact_transaction set amount = amount + 0.01 where transaction_id = '{PLAIN}'",
            {ROLLUPS, MONEY, REVENUE},
            "EUR 2026-01-02: +0.01 in facts (+0 transactions)",
        ),
        (
            f"update core.fact_transaction set occurred_at = '2026-01-03' where transaction_id = '{PLAIN}'",
            {ROLLUPS, MONEY, REVENUE},
            "EUR 2026-01-03: +6.05 in facts (+1 transactions)",
        ),
        (
            f"update core.fact_transaction set transaction_id = '{NOBODY}' where transaction_id = '{PLAIN}'",
            {MONEY, REVENUE},
            "EUR 2026-01-02: as much money, but not the same transactions",
        ),
        (
            f"delete from core.fact_alert where transaction_id = '{FLAGGED}'",
            {"alerts: ledger = table", "each batch's rows: ledger = tables", "flagged facts = alerts"},
            f"1 flagged facts without an alert, such as {FLAGGED}",
        ),
        (
            f"update core.fact_transaction set is_fraud = false where transaction_id = '{FLAGGED}'",
            {"flagged facts = alerts", ROLLUPS, REVENUE},
            f"1 alerts without a flagged fact, such as {FLAGGED}",
        ),
        (
            f"update core.fact_alert set rules = array['other'] where transaction_id = '{FLAGGED}'",
            {"flagged facts = alerts"},
            f"1 alerts that say other than their facts, such as {FLAGGED}",
        ),
        (
            "update core.rollup_minute set transactions = transactions + 1 where currency = 'SEK'",
            {ROLLUPS},
            "2026-01-02 03:00 SEK: transactions 2 in rollup, 1 in facts",
        ),
        (
            f"delete from core.dim_customer where customer_id = '{identifier(2, 5)}'",
            {"each fact's customer, merchant and ruleset exist"},
            f"1 facts whose customer is in no dimension, such as {identifier(2, 5)}",
        ),
        (
            "delete from ops.ruleset",
            {"each fact's customer, merchant and ruleset exist"},
            "46 facts whose ruleset is not registered, such as 1",
        ),
        (
            f"{STREAM_OFFSET} set next_offset = 39 where query = 'transactions' and kafka_partition = 0",
            {
                "Kafka's end = the ledger's",
                "ledger offsets follow each other",
                "archived events = facts + duplicates",
                MONEY,
            },
            "partition 0: batches end at 40, ops.stream_offset at 39",
        ),
        (
            "delete from ops.quarantine where reason = 'not_json'",
            {
                "rows read = facts + quarantined + duplicates",
                "quarantined: ledger = table",
                "each batch's rows: ledger = tables",
                "what the stream took for events are events",
                "archived events = facts + duplicates",
            },
            "partition 0 offset 7",
        ),
        (
            "update ops.quarantine set resolution = null, resolved_at = null where resolution = 'fact'",
            {"replayed as fact: ledger = table", "archived events = facts + duplicates", MONEY},
            "SEK 2026-01-02: +51.50 in facts (+1 transactions)",
        ),
        (
            f"delete from ops.archive_object where key like '%{OBJECT}'",
            {
                "archived offsets follow each other",
                "each archive object is there and whole",
                "archived events = facts + duplicates",
                MONEY,
            },
            "partition 0: gap of 15 from offset 15 to 30",
        ),
        (
            "update ops.archive_object set rows = rows - 1 where start_offset = 30",
            {"each archive object is there and whole"},
            "10 records, the ledger says 9 in 10 offsets",
        ),
        (
            "update marts.fct_daily_revenue set gross_amount = gross_amount + 0.01 where currency = 'SEK'",
            {REVENUE},
            "SEK 2026-01-02: gross 51.50 in facts, 51.51 in mart",
        ),
        (
            "delete from marts.fct_daily_revenue where currency = 'USD'",
            {REVENUE},
            "in facts, 0 in mart",
        ),
        (
            "update marts.fct_daily_revenue set confirmed_fraud_transactions = 0 where currency = 'EUR'",
            {REVENUE},
            "EUR 2026-01-02: confirmed 1 in facts, 0 in mart",
        ),
        ("delete from marts.fct_daily_revenue where currency = 'SEK'", {HORIZON}, ""),
        (
            f"delete from core.fact_chargeback where transaction_id = '{FLAGGED}'",
            {LABELS_READ, LABEL_BATCHES, LABELS, REVENUE},
            "label batch 1: labels 2 in ledger, 1 in tables",
        ),
        (
            f"update core.fact_chargeback set is_fraud = false where transaction_id = '{FLAGGED}'",
            {LABELS, REVENUE},
            "2026-01-03 fraud: -1 in fact_chargeback",
        ),
        (
            f"update core.fact_chargeback set scenario = null where transaction_id = '{FLAGGED}'",
            {LABELS},
            "2026-01-03 fraud: as many labels, but not the same",
        ),
        (
            f"update core.fact_chargeback set superseded_seq = 2 where transaction_id = '{FLAGGED}'",
            {"the latest label is the current one", REVENUE},
            f"1 labelled transactions without a current label, such as {FLAGGED}",
        ),
        (
            "delete from ops.label_quarantine",
            {LABELS_READ, LABEL_BATCHES, "what was taken for labels are labels"},
            "partition 0 offset 3",
        ),
        (
            f"{STREAM_OFFSET} set next_offset = 6 where query = 'labels' and kafka_partition = 0",
            {"labels: Kafka's end = the ledger's", "label offsets follow each other", LABELS},
            "partition 0: batches end at 7, ops.stream_offset at 6",
        ),
    ],
)
def test_what_is_broken_in_the_warehouse_is_named(
    copied: Settings, statement: str, names: set[str], finding: str
) -> None:
    execute(copied, statement)
    found = differing(copied)
    assert set(found) == names
    assert not finding or any(finding in text for check in found.values() for text in check.findings)


def test_a_mart_that_is_behind_is_not_broken(copied: Settings) -> None:
    # As it was before the third batch, the only one with this currency, had been built.
    execute(copied, "delete from marts.fct_daily_revenue where currency = 'SEK'")
    execute(copied, "update staging.stg_ledger_horizon set transaction_seq = 2")
    checks = balance(read_inputs(copied))
    assert all(check.ok for check in checks)
    assert [(check.name, check.note) for check in checks if check.note] == [
        (
            REVENUE,
            "behind by 1 facts of 1 later batches: `txwatch transform`, or the next daily run, catches up",
        )
    ]


def test_the_result_is_recorded(copied: Settings) -> None:
    environment = {
        "TXWATCH_STATE_DIR": str(copied.state_dir),
        "TXWATCH_POSTGRES_DATABASE": copied.postgres_database,
        "TXWATCH_KAFKA_TRANSACTIONS_TOPIC": copied.kafka_transactions_topic,
        "TXWATCH_KAFKA_LABELS_TOPIC": copied.kafka_labels_topic,
        "TXWATCH_S3_BUCKET": copied.s3_bucket,
    }
    runner = CliRunner()
    good = runner.invoke(app, ["verify", "--record", "--json"], env=environment)
    execute(copied, "update core.rollup_minute set amount = amount + 0.01 where currency = 'SEK'")
    bad = runner.invoke(app, ["verify", "--record", "--json"], env=environment)
    assert (good.exit_code, bad.exit_code) == (0, 1), good.output + bad.output
    pages = [json.loads(each.stdout) for each in (good, bad)]
    with closing(psycopg2.connect(**copied.postgres("analyst"))) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "select run_id::text, count(*), count(*) filter (where not ok) from ops.reconciliation "
            "group by 1 order by min(ran_at)"
        )
        checks = len(pages[0]["checks"])
        assert cursor.fetchall() == [(pages[0]["run_id"], checks, 0), (pages[1]["run_id"], checks, 1)]
        cursor.execute("select check_name, findings, way_out from ops.reconciliation where not ok")
        [(name, findings, way_out)] = cursor.fetchall()
    assert name == ROLLUPS
    assert findings[0].startswith("2026-01-02 03:00 SEK: amount 51.51 in rollup, 51.50")
    assert "core.rollup_minute" in way_out


def test_a_lost_object_is_named(books: Settings, bucket: Bucket) -> None:
    bucket.delete(bucket.key(OBJECT))
    found = differing(books)
    assert set(found) == {
        "each archive object is there and whole",
        "archived events = facts + duplicates",
        MONEY,
    }
    assert found["each archive object is there and whole"].findings == (
        f"raw/{books.kafka_transactions_topic}/{OBJECT}: lost, 15 records",
    )


def test_a_damaged_object_is_named(books: Settings, bucket: Bucket) -> None:
    key = bucket.key(OBJECT)
    bucket.write(key, bucket.read(key)[:-100])
    assert "damaged" in differing(books)["each archive object is there and whole"].findings[0]


def test_an_object_with_the_records_of_another_is_named(books: Settings, bucket: Bucket) -> None:
    bucket.write(bucket.key(OBJECT), bucket.read(bucket.key("00-00000000000000000015.parquet")))
    finding = differing(books)["each archive object is there and whole"].findings[0]
    assert finding.endswith("holds other records than its name says")


def test_an_object_that_nobody_knows_is_named(books: Settings, bucket: Bucket) -> None:
    stray = f"raw/{books.kafka_transactions_topic}/partition=0/stray.parquet"
    bucket.write(stray, b"?")
    found = differing(books)
    assert set(found) == {"each archive object is there and whole"}
    assert found["each archive object is there and whole"].findings == (
        f"{stray}: not in the archive's ledger",
    )


def test_the_command_prints_json_and_exits_1_while_the_stream_is_behind(
    pipeline: Settings, pipeline_environment: dict[str, str]
) -> None:
    runner = CliRunner()
    drained = runner.invoke(app, ["verify", "--json"], env=pipeline_environment)
    assert (drained.exit_code, json.loads(drained.stdout)["ok"]) == (0, True)
    send(pipeline, [event(1), event(2)], partition=2)
    behind = runner.invoke(app, ["verify", "--json"], env=pipeline_environment)
    page = json.loads(behind.stdout)
    assert (behind.exit_code, page["ok"]) == (1, False)
    [stream, archive] = [check for check in page["checks"] if not check["ok"]]
    assert (
        stream["way_out"] == "not drained: 2 records behind; let `txwatch stream` catch up and verify again"
    )
    assert archive["findings"] == ["partition 2: 2 records behind"]
    for_people = runner.invoke(app, ["verify"], env=pipeline_environment | {"COLUMNS": "200"})
    assert "Kafka's end = the ledger's differs by -2" in for_people.stdout


def test_without_the_archive_s3_is_not_asked(books: Settings) -> None:
    away = books.model_copy(update={"s3_endpoint": "http://127.0.0.1:1"})
    assert all(check.ok for check in balance(read_inputs(away, with_archive=False)))
