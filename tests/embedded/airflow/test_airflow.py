"""Airflow runs the daily pipeline for real: a broken model becomes an incident, its repair a success.

One start of Airflow and one run of the DAG for all: the run fails at a broken model, the model is mended, and
the run goes on from there.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import known_books
import psycopg2
import pytest
from running_airflow import Api, Webhook, copy_of_code, running

from oracle.feed import event
from txwatch.embedded.airflow import Airflow
from txwatch.embedded.runtime import Runtime
from txwatch.settings import PREFIX, Settings
from txwatch.transform.environment import dbt_variables
from txwatch.warehouse.migrations import migrate

REPOSITORY = Path(__file__).resolve().parents[3]
DBT = REPOSITORY / ".txwatch" / "venv-dbt" / "bin" / "python"
DAG = "warehouse_daily"
BROKEN = "marts.fct_daily_revenue_model_build"
RETRIES = 1
NO_FACTS = {(0, 7), (0, 12), (0, 35), (1, 9)}
"""Partition and offset of what is malformed, and of what repeats an id."""


@dataclass
class Story:
    """What was seen in the order in which it happened."""

    api: Api
    settings: Settings
    webhook: Webhook
    run: str
    failed_tasks: dict[str, dict[str, Any]]
    incidents_before: list[dict[str, Any]]
    told_before: list[dict[str, Any]]
    final_state: str

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return rows(self.settings, query)


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(**settings.postgres("analyst"))) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        return cursor.fetchall()


def incidents(settings: Settings) -> list[dict[str, Any]]:
    found = rows(settings, "select to_jsonb(i) from ops.pipeline_incident as i order by incident_id")
    return [row for (row,) in found]


@pytest.fixture(scope="module")
def books(runtime: Settings, shared_runtime: Runtime) -> Settings:
    """Return settings of a pipeline with known facts, which balances."""
    name = f"airflow-{uuid4().hex[:12]}"
    changes = {"kafka_transactions_topic": name, "postgres_database": name, "s3_bucket": name}
    settings = runtime.model_copy(update=changes)
    Runtime(settings).complete()
    migrate(settings, shared_runtime.superuser())
    with pytest.MonkeyPatch.context() as patch:
        # A currency that has rates: the marts refuse others.
        patch.setattr(known_books, "FIXED_LATER", event(50, currency="SEK"))
        patch.setitem(known_books.RECORDS[0], 8, known_books.FIXED_LATER)  # type: ignore[call-overload]
        known_books.keep_books(settings)
    return settings


@pytest.fixture(scope="module")
def story(books: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    code = copy_of_code(tmp_path_factory.mktemp("code"))
    model = code / "dbt" / "models" / "marts" / "fct_daily_revenue.sql"
    sound = model.read_text()
    with Webhook(refusals=1) as webhook:
        names = ("kafka_transactions_topic", "postgres_database", "s3_bucket")
        variables = {
            **dbt_variables(books),
            **{f"{PREFIX}{name.upper()}": str(getattr(books, name)) for name in names},
            f"{PREFIX}INCIDENT_WEBHOOK_URL": webhook.url,
            f"{PREFIX}AIRFLOW_RETRIES": str(RETRIES),
            f"{PREFIX}AIRFLOW_RETRY_SECONDS": "1",
        }
        settings = books.model_copy(update={"airflow_environment": REPOSITORY / ".txwatch" / "venv-airflow"})
        with running(Airflow(settings, variables, DBT, code)) as api:
            model.write_text(sound.replace("sum(amount)", "sum(no_such_column)"))
            run = api.trigger(DAG)
            assert api.wait(DAG, run) == "failed"
            tasks, before, told = api.tasks(DAG, run), incidents(books), list(webhook.taken)
            model.write_text(sound)
            api.clear_failed(DAG, run)
            state = api.wait(DAG, run)
            yield Story(api, books, webhook, run, tasks, before, told, state)


def test_a_broken_model_is_tried_again_and_fails_the_run(story: Story) -> None:
    broken = story.failed_tasks[BROKEN]
    assert (broken["state"], broken["try_number"]) == ("failed", 1 + RETRIES)
    others = {name: task["state"] for name, task in story.failed_tasks.items() if name != BROKEN}
    after = {"totals", "reconcile", "dashboards", "report_success"}
    assert {name for name, state in others.items() if state == "upstream_failed"} == after
    assert {state for name, state in others.items() if name not in after} == {"success"}


def test_the_failure_is_an_open_incident(story: Story) -> None:
    by_task = {incident["task"]: incident for incident in story.incidents_before}
    assert set(by_task) == {BROKEN, None}  # the task, and the run as a whole
    assert by_task[BROKEN]["kind"] == "failed"
    assert by_task[BROKEN]["run_id"] == story.run
    assert by_task[BROKEN]["resolved_at"] is None


def test_the_webhook_is_told_though_it_refused_at_first(story: Story) -> None:
    opened = [(message["task"], message["state"]) for message in story.told_before]
    assert Counter(opened) == Counter([(BROKEN, "open"), (None, "open")])


def test_mended_the_run_goes_on_and_succeeds(story: Story) -> None:
    tasks = story.api.tasks(DAG, story.run)
    failed = {name for name, task in tasks.items() if task["state"] != "success"}
    logs = {name: story.api.log(DAG, story.run, name, tasks[name]["try_number"]) for name in failed}
    assert story.final_state == "success", json.dumps(logs)
    assert tasks["marts.fct_merchant_daily_model_build"]["try_number"] == 1  # was not done again


def test_success_resolves_the_incidents_and_says_so(story: Story) -> None:
    assert {incident["resolved_by"] for incident in incidents(story.settings)} == {story.run}
    resolved = story.webhook.taken[len(story.told_before) :]
    assert Counter(message["task"] for message in resolved) == Counter([BROKEN, None])
    assert {message["state"] for message in resolved} == {"resolved"}
    ((succeeded,),) = story.rows(f"select run_id from ops.pipeline where pipeline = '{DAG}'")
    assert succeeded == story.run


def test_the_marts_hold_each_fact_to_the_cent(story: Story) -> None:
    expected: dict[str, Decimal] = {}
    for partition, values in known_books.RECORDS.items():
        for offset, value in enumerate(values):
            if (partition, offset) not in NO_FACTS:
                raw = event(50, currency="SEK") if (partition, offset) == (0, 8) else value
                fields = json.loads(raw or b"", parse_float=Decimal)
                expected.setdefault(fields["currency"], Decimal(0))
                expected[fields["currency"]] += fields["amount"]
    found = story.rows("select currency, sum(gross_amount) from marts.fct_daily_revenue group by 1")
    assert dict(found) == expected
    ((days,),) = story.rows("select array_agg(distinct occurred_on::text) from marts.fct_daily_revenue")
    assert days == ["2026-01-02"]
