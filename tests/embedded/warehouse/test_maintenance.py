"""Housekeeping by its command line: it does its work, and nothing when it is repeated."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest
from typer.testing import CliRunner

from txwatch.cli.main import app
from txwatch.settings import Settings

Run = Callable[..., str]


@pytest.fixture
def run(pipeline_environment: dict[str, str]) -> Run:
    def invoke(*arguments: str, expected: int = 0) -> str:
        result = CliRunner(env=pipeline_environment).invoke(app, arguments)
        assert result.exit_code == expected, result.output
        return result.output

    return invoke


def test_only_checkpoints_of_earlier_starts_are_removed(pipeline: Settings, run: Run) -> None:
    with closing(psycopg2.connect(**pipeline.postgres("stream_writer"))) as connection, connection:
        connection.cursor().execute(
            "insert into ops.stream_query (query, epoch, holder) values ('transactions', 3, 'h')"
        )
    s3: Any = boto3.client("s3", **pipeline.s3())
    kept = {"checkpoints/transactions/epoch=3/offsets/0", "checkpoints/unknown/epoch=1/x", "raw/t/epoch=1/x"}
    for key in (
        *kept,
        "checkpoints/transactions/epoch=2/offsets/0",
        "checkpoints/transactions/epoch=1/metadata",
    ):
        s3.put_object(Bucket=pipeline.s3_bucket, Key=key, Body=b"x")
    local = Path(pipeline.state_dir) / "checkpoints" / "transactions"
    for epoch in (2, 3):
        (local / f"epoch={epoch}" / "offsets").mkdir(parents=True)
    assert "removed 2 objects from S3, 1 folders here" in run("maintain", "checkpoints")
    found = {item["Key"] for item in s3.list_objects_v2(Bucket=pipeline.s3_bucket)["Contents"]}
    assert found == kept
    assert [folder.name for folder in local.iterdir()] == ["epoch=3"]
    assert "removed 0 objects from S3, 0 folders here" in run("maintain", "checkpoints")


def test_statistics_are_refreshed_of_every_table_that_lasts(pipeline: Settings, run: Run) -> None:
    with closing(psycopg2.connect(**pipeline.postgres("transformer"))) as connection, connection:
        connection.cursor().execute("create table marts.fct_made as select 1 as one")
    assert "analyzed" in run("maintain", "statistics")
    assert "analyzed" in run("maintain", "statistics")
    with closing(psycopg2.connect(**pipeline.postgres("warehouse_owner"))) as connection:
        cursor = connection.cursor()
        cursor.execute(
            # Staging tables are not logged, and are emptied with every batch.
            "select schemaname || '.' || statistics.relname from pg_stat_user_tables as statistics "
            "join pg_class on pg_class.oid = statistics.relid and relpersistence = 'p' "
            "where last_analyze is null and schemaname in ('core', 'ops', 'marts')"
        )
        assert cursor.fetchall() == []


def test_the_watch_and_the_list_of_incidents(pipeline: Settings, run: Run) -> None:
    assert "0 pipelines late" in run("incidents", "watch", "daily")
    assert run("incidents", "list").strip() == "none"
    with closing(psycopg2.connect(**pipeline.postgres("operator"))) as connection, connection:
        connection.cursor().execute("update ops.pipeline set known_since = now() - interval '27 hours'")
    assert "1 pipelines late" in run("incidents", "watch", "daily")
    assert "daily, late: no run has succeeded since" in run("incidents", "list", expected=1)
    assert "1 incidents resolved" in run("incidents", "resolve", "daily", "--run", "r1")
    assert "resolved" in run("incidents", "list")
