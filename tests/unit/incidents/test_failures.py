"""What is read out of Airflow's context, and what an incident says."""

from datetime import UTC, datetime
from types import SimpleNamespace

from txwatch.incidents.callbacks import Failure, read_failure
from txwatch.incidents.record import Incident

RUN = SimpleNamespace(dag_id="warehouse_daily", run_id="scheduled__1")
OPENED = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)


def test_a_failed_task_is_named_with_its_exception() -> None:
    context = {
        "dag_run": RUN,
        "task_instance": SimpleNamespace(task_id="marts.fct"),
        "exception": ValueError("line 1\n  line 2"),
    }
    expected = Failure("warehouse_daily", "scheduled__1", "marts.fct", "line 1 line 2")
    assert read_failure(context) == expected


def test_a_failed_run_names_its_reason_and_no_task() -> None:
    context = {"dag_run": RUN, "ti": SimpleNamespace(task_id="last"), "reason": "timed_out"}
    assert read_failure(context) == Failure("warehouse_daily", "scheduled__1", None, "timed_out")


def test_a_killed_task_is_named_though_nobody_raised_anything() -> None:
    task = SimpleNamespace(dag_id="warehouse_daily", run_id="scheduled__1", task_id="reconcile")
    found = read_failure({"ti": task})
    assert found[:3] == ("warehouse_daily", "scheduled__1", "reconcile")
    assert found.detail.startswith("the task was killed")


def test_a_run_that_failed_before_any_task_is_named_too() -> None:
    context = {"dag": SimpleNamespace(dag_id="warehouse_daily"), "run_id": "manual__1", "reason": "timed_out"}
    assert read_failure(context) == Failure("warehouse_daily", "manual__1", None, "timed_out")


def test_an_incident_says_where_and_whether_it_is_over() -> None:
    incident = Incident(1, "warehouse_daily", "failed", "fct", "r1", "it broke", 2, OPENED, None, None)
    assert incident.as_json()["text"] == "open: warehouse_daily, task fct, failed: it broke"
    over = incident._replace(resolved_at=OPENED, resolved_by="r2", task=None)
    assert over.as_json()["text"] == "resolved: warehouse_daily, failed: it broke"
    assert over.as_json()["resolved_at"] == "2026-03-01T02:30:00+00:00"
