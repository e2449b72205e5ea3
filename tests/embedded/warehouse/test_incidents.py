"""Incidents open once, count, wait for their webhook, and end with the next success."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from pydantic import SecretStr
from running_airflow import Webhook

from txwatch.console.database import snapshot
from txwatch.console.pages import incident_panel
from txwatch.incidents import callbacks
from txwatch.incidents.record import DETAIL_CHARACTERS, IncidentRecord
from txwatch.incidents.report import tell
from txwatch.settings import Settings

DAY = timedelta(hours=26)


@pytest.fixture
def record(pipeline: Settings) -> IncidentRecord:
    return IncidentRecord(pipeline.postgres("operator"))


def told(pipeline: Settings, webhook: Webhook) -> Settings:
    return pipeline.model_copy(update={"incident_webhook_url": SecretStr(webhook.url)})


def test_failing_again_is_counted_and_the_next_success_resolves_all(record: IncidentRecord) -> None:
    record.open_failure("daily", "run1", "broke", "a")
    record.open_failure("daily", "run2", "broke again", "a")
    record.open_failure("daily", "run2", "x" * 5000, "b")
    record.open_failure("other", "run1", "broke", "a")
    by_task = {one.task: one for one in record.newest(9) if one.pipeline == "daily"}
    of_a, of_b = by_task["a"], by_task["b"]
    assert (of_a.occurrences, of_a.run_id, of_a.detail) == (2, "run2", "broke again")
    assert len(of_b.detail) == DETAIL_CHARACTERS + len(" ...")
    assert record.succeed("daily", "run3", DAY) == 2
    assert record.succeed("daily", "run4", DAY) == 0
    after = {(one.pipeline, one.task): one.resolved_by for one in record.newest(9)}
    assert after == {("daily", "a"): "run3", ("daily", "b"): "run3", ("other", "a"): None}


def test_a_new_failure_after_a_success_is_a_new_incident(record: IncidentRecord) -> None:
    record.open_failure("daily", "run1", "broke", "a")
    record.succeed("daily", "run2", DAY)
    record.open_failure("daily", "run3", "broke", "a")
    assert [(one.run_id, one.resolved_by) for one in record.newest(9)] == [("run3", None), ("run1", "run2")]


def test_a_pipeline_is_late_when_its_time_is_over_until_it_succeeds(record: IncidentRecord) -> None:
    assert record.open_late(["daily", "other"], DAY) == 0  # it is given its time first
    record.succeed("other", "run1", DAY)
    assert record.open_late(["daily"], timedelta(0)) == 1
    assert record.open_late(["daily"], timedelta(0)) == 1
    (late,) = record.newest(9)
    assert (late.pipeline, late.kind, late.occurrences) == ("daily", "late", 2)
    assert late.detail.startswith("no run has succeeded since")
    record.succeed("daily", "run1", DAY)
    assert record.open_late(["daily"], DAY) == 0
    assert record.newest(9)[0].resolved_by == "run1"


def test_the_webhook_hears_of_each_opening_and_each_end_once(
    pipeline: Settings, record: IncidentRecord
) -> None:
    with Webhook(refusals=1) as webhook:
        settings = told(pipeline, webhook)
        record.open_failure("daily", "run1", "broke", "a")
        assert tell(record, settings) == 0  # refused, so still to be sent
        assert tell(record, settings) == 1
        assert tell(record, settings) == 0
        record.succeed("daily", "run2", DAY)
        assert tell(record, settings) == 1
        assert tell(record, settings) == 0
    assert [(one["state"], one["task"], one["resolved_by"]) for one in webhook.taken] == [
        ("open", "a", None),
        ("resolved", "a", "run2"),
    ]
    assert tell(record, settings) == 0
    record.open_failure("daily", "run3", "broke", "a")
    assert tell(record, settings) == 0  # nobody listens any more
    assert tell(record, pipeline) == 0  # no webhook is set


def test_a_failure_that_cannot_be_recorded_does_not_raise(
    pipeline: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = pipeline.model_copy(update={"operator_password": SecretStr("wrong")})
    monkeypatch.setattr(callbacks, "load_settings", lambda: wrong)
    run = SimpleNamespace(dag_id="daily", run_id="run1")
    callbacks.record_failure({"dag_run": run, "reason": "timed_out"})
    assert "an incident could not be recorded" in "".join(capsys.readouterr())


def test_the_console_shows_what_is_open_and_what_is_late(pipeline: Settings, record: IncidentRecord) -> None:
    record.succeed("fine", "run1", DAY)
    record.succeed("late", "run1", timedelta(0))
    record.open_failure("failing", "run1", "<b>broke</b>", "a")
    with snapshot(pipeline) as connection:
        view = incident_panel.read(connection)
    drawn = "".join(incident_panel.panel(view))
    assert incident_panel.needs_attention(view).startswith(
        "late has not succeeded for too long; failing has open incidents"
    )
    assert "&lt;b&gt;broke" in drawn
    assert {pipeline.name: pipeline.is_late for pipeline in view.pipelines} == {"fine": False, "late": True}
    record.succeed("failing", "run2", DAY)
    record.succeed("late", "run2", DAY)
    with snapshot(pipeline) as connection:
        assert incident_panel.needs_attention(incident_panel.read(connection)) == ""
