"""Airflow runs the daily pipeline for real: a broken model becomes an incident, its repair a success.

One start of Airflow and one run of the DAG for all: the run fails at a broken model, the model is mended, and
the run goes on from there.
"""

import json
from collections import Counter
from decimal import Decimal

import known_books
import pytest
from airflow_story import DAG, RETRIES, Story, incidents

from oracle.feed import event

pytestmark = pytest.mark.timeout(1800)  # the first test's includes Airflow's start and the whole run
BROKEN = "marts.fct_daily_revenue_model_build"
NO_FACTS = {(0, 7), (0, 12), (0, 35), (1, 9)}
"""Partition and offset of what is malformed, and of what repeats an id."""


def test_a_broken_model_is_tried_again_and_fails_the_run(story: Story) -> None:
    broken = story.failed_tasks[BROKEN]
    assert (broken["state"], broken["try_number"]) == ("failed", 1 + RETRIES)
    others = {name: task["state"] for name, task in story.failed_tasks.items() if name != BROKEN}
    after = {"totals", "reconcile", "dashboards", "report_success"}
    assert {name for name, state in others.items() if state == "upstream_failed"} == after
    assert {state for name, state in others.items() if name not in after} == {"success"}


def test_the_project_is_parsed_once_for_all_tasks(story: Story) -> None:
    for task in story.failed_tasks:
        if task == "source_tests" or task.startswith("marts."):
            log = story.api.log(DAG, story.run, task, 1)
            assert "Running with dbt" in log, task
            assert "full parse" not in log, task


def test_a_task_parses_the_project_where_no_other_left_it_parsed(story: Story) -> None:
    attempt = story.api.tasks(DAG, story.run)[BROKEN]["try_number"]
    assert "full parse" in story.api.log(DAG, story.run, BROKEN, attempt)


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
    logs = {name: story.api.log(DAG, story.run, name, tasks[name]["try_number"])[-5000:] for name in failed}
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
