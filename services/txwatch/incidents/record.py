"""The record of incidents in Postgres, kept as role `operator`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function

from txwatch.postgres import connect

Kind = Literal["failed", "late"]
DETAIL_CHARACTERS = 2000


class Incident(NamedTuple):
    """One row of ops.pipeline_incident."""

    incident_id: int
    pipeline: str
    kind: Kind
    task: str | None
    run_id: str | None
    detail: str
    occurrences: int
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None

    def as_json(self) -> dict[str, Any]:
        """For the webhook and for programs; `text` is what chat systems show."""
        state = "open" if self.resolved_at is None else "resolved"
        return {
            **self._asdict(),
            "opened_at": self.opened_at.isoformat(),
            "resolved_at": self.resolved_at and self.resolved_at.isoformat(),
            "state": state,
            "text": f"{state}: {self.sentence}",
        }

    @property
    def sentence(self) -> str:
        """Say for people what is wrong."""
        where = f"{self.pipeline}, task {self.task}" if self.task else self.pipeline
        return f"{where}, {self.kind}: {self.detail}"


_COLUMNS = ", ".join(Incident._fields)
_OPEN = """
insert into ops.pipeline_incident (pipeline, kind, task, run_id, detail)
values (%(pipeline)s, %(kind)s, %(task)s, %(run_id)s, %(detail)s)
on conflict (pipeline, kind, (coalesce(task, ''))) where resolved_at is null
do update set occurrences = pipeline_incident.occurrences + 1, last_seen_at = clock_timestamp(),
    run_id = excluded.run_id, detail = excluded.detail
"""
_RESOLVE = """
update ops.pipeline_incident set resolved_at = clock_timestamp(), resolved_by = %(run_id)s
where pipeline = %(pipeline)s and resolved_at is null
"""
_SUCCEEDED = """
insert into ops.pipeline (pipeline, late_after, succeeded_at, run_id)
values (%(pipeline)s, %(late_after)s, clock_timestamp(), %(run_id)s)
on conflict (pipeline) do update
set late_after = excluded.late_after, succeeded_at = excluded.succeeded_at, run_id = excluded.run_id
"""
_WATCH = """
insert into ops.pipeline (pipeline, late_after) values (%(pipeline)s, %(late_after)s)
on conflict (pipeline) do update set late_after = excluded.late_after
"""
_LATE = """
insert into ops.pipeline_incident (pipeline, kind, detail)
select pipeline, 'late', case
        when succeeded_at is null then
            'no run has succeeded since ' || to_char(known_since at time zone 'UTC', 'YYYY-MM-DD HH24:MI UTC')
        else 'the last success was at ' || to_char(succeeded_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI UTC')
    end
from ops.pipeline
where coalesce(succeeded_at, known_since) + late_after < clock_timestamp()
on conflict (pipeline, kind, (coalesce(task, ''))) where resolved_at is null
do update set occurrences = pipeline_incident.occurrences + 1, last_seen_at = clock_timestamp(),
    detail = excluded.detail
"""
_UNSENT = f"""
select {_COLUMNS} from ops.pipeline_incident
where notified_at is null or (resolved_at is not null and resolution_notified_at is null)
order by opened_at
"""  # noqa: S608 - names of our own columns
_SENT = """
update ops.pipeline_incident
set notified_at = coalesce(notified_at, clock_timestamp()),
    resolution_notified_at = case when %(is_resolved)s then clock_timestamp() else resolution_notified_at end
where incident_id = %(incident_id)s
"""


class IncidentRecord:
    """Opens and resolves incidents. Each method is one transaction, and harmless when it is called again."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Keep the connection options of the role `operator`; a connection is made for each call."""
        self._options = options

    def open_failure(self, pipeline: str, run_id: str, detail: str, task: str | None = None) -> None:
        """Record that a task, or a run as a whole (`task=None`), has failed for good."""
        shown = detail if len(detail) <= DETAIL_CHARACTERS else detail[:DETAIL_CHARACTERS] + " ..."
        entry = {"pipeline": pipeline, "kind": "failed", "task": task, "run_id": run_id, "detail": shown}
        with self._transaction() as cursor:
            cursor.execute(_OPEN, entry)

    def succeed(self, pipeline: str, run_id: str, late_after: timedelta) -> int:
        """Record a run that has succeeded; return how many open incidents of its pipeline that resolves."""
        names = {"pipeline": pipeline, "run_id": run_id, "late_after": late_after}
        with self._transaction() as cursor:
            cursor.execute(_SUCCEEDED, names)
            cursor.execute(_RESOLVE, names)
            return cursor.rowcount

    def open_late(self, pipelines: Sequence[str], late_after: timedelta) -> int:
        """Record the pipelines that have not succeeded for too long; return how many there are.

        Args:
            pipelines: those to watch from now on; a new one is given `late_after` to succeed first.
            late_after: how long after its last success a pipeline is late.
        """
        with self._transaction() as cursor:
            for pipeline in pipelines:
                cursor.execute(_WATCH, {"pipeline": pipeline, "late_after": late_after})
            cursor.execute(_LATE)
            return cursor.rowcount

    def unsent(self) -> list[Incident]:
        """Return the incidents of which the webhook has not been told, or not that they are resolved."""
        return self._select(_UNSENT)

    def sent(self, incident: Incident) -> None:
        """Note that the webhook was told of an incident as it was when it was read."""
        names = {"incident_id": incident.incident_id, "is_resolved": incident.resolved_at is not None}
        with self._transaction() as cursor:
            cursor.execute(_SENT, names)

    def newest(self, limit: int) -> list[Incident]:
        """Return open incidents first, then the newest of the others."""
        statement = f"select {_COLUMNS} from ops.pipeline_incident"  # noqa: S608 - names of our own columns
        order = "order by resolved_at is not null, opened_at desc limit %(limit)s"
        return self._select(f"{statement} {order}", {"limit": limit})

    def _select(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Incident]:
        with self._transaction() as cursor:
            cursor.execute(statement, parameters)
            return [Incident(*row) for row in cursor.fetchall()]

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        with closing(connect(self._options)) as connection, connection, connection.cursor() as cursor:
            yield cursor
