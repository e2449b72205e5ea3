"""What Airflow calls when a task has failed for good, or a run has. It reads the settings of the process."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import structlog

from txwatch.errors import TxwatchError
from txwatch.incidents.record import IncidentRecord
from txwatch.incidents.report import tell
from txwatch.settings import load_settings

log = structlog.get_logger()


class Failure(NamedTuple):
    """What Airflow's context says of a failure."""

    pipeline: str
    run_id: str
    task: str | None
    detail: str


def record_failure(context: Mapping[str, Any]) -> None:
    """Open an incident; as `on_failure_callback` of tasks and of DAGs.

    It logs what keeps it from doing so: Airflow has the failure on its own record whatever happens here.
    """
    failure = read_failure(context)
    settings = load_settings()
    try:
        record = IncidentRecord(settings.postgres("operator"))
        record.open_failure(failure.pipeline, failure.run_id, failure.detail, failure.task)
        tell(record, settings)
    except TxwatchError as error:
        log.error("an incident could not be recorded", reason=str(error), **failure._asdict())  # noqa: TRY400


def read_failure(context: Mapping[str, Any]) -> Failure:
    """Read a failure out of Airflow's context.

    A run's context has a reason, and may name the task instance that ended last. A task's has none; it has
    the exception, unless its worker was killed and the DAG processor speaks for it.
    """
    task, reason = context.get("task_instance") or context.get("ti"), context.get("reason")
    named = context.get("dag_run") or task
    # A run that failed before any task ended comes with the bare DAG and the run's name.
    pipeline, run_id = (named.dag_id, named.run_id) if named else (context["dag"].dag_id, context["run_id"])
    if task is None or reason is not None:
        return Failure(pipeline, run_id, None, _one_line(reason or "the run has failed"))
    exception = context.get("exception") or "the task was killed, or its worker reports no more"
    return Failure(pipeline, run_id, task.task_id, _one_line(exception))


def _one_line(said: object) -> str:
    return " ".join(str(said).split())
