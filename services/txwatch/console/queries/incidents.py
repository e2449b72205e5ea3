"""The daily pipelines: when each last succeeded, and what went wrong since or lately."""

from datetime import datetime
from typing import NamedTuple

from txwatch.console.database import read
from txwatch.postgres import Connection

PIPELINES = """
select pipeline, succeeded_at, run_id,
    coalesce(succeeded_at, known_since) + late_after < now(),
    (select count(*) from ops.pipeline_incident as incident
        where incident.pipeline = pipeline.pipeline and resolved_at is null)
from ops.pipeline
order by pipeline
"""

INCIDENTS = """
select pipeline, kind, task, detail, occurrences, opened_at, resolved_at, resolved_by
from ops.pipeline_incident
where resolved_at is null or opened_at > now() - interval '7 days'
order by resolved_at is not null, opened_at desc
limit %(limit)s
"""


class Pipeline(NamedTuple):
    """A pipeline that is watched. Lateness is worked out here: it shows also while Airflow is down."""

    name: str
    succeeded_at: datetime | None
    run_id: str | None
    is_late: bool
    open_incidents: int


class Incident(NamedTuple):
    """A failed task, or a run that did not come; `task` is `None` for a run as a whole."""

    pipeline: str
    kind: str
    task: str | None
    detail: str
    occurrences: int
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None


def pipelines(connection: Connection) -> list[Pipeline]:
    """Return every watched pipeline, by name."""
    return read(connection, PIPELINES, {}, Pipeline)


def incidents(connection: Connection, limit: int) -> list[Incident]:
    """Return open incidents, newest first, then those of the last 7 days."""
    return read(connection, INCIDENTS, {"limit": limit}, Incident)
