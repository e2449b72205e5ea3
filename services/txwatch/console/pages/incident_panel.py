"""The health page's part on the daily pipelines and their incidents."""

from typing import NamedTuple

from txwatch.console import formats
from txwatch.console.markup import Html, Row, badge, heading, notice, table
from txwatch.console.queries import incidents
from txwatch.postgres import Connection

LISTED = 8
SHOWN_CHARACTERS = 240
PIPELINE_HEADERS = ("Pipeline", "State", "Last success, UTC", "Run")
INCIDENT_HEADERS = ("Pipeline", "Task", "Kind", "State", "Opened, UTC", "Times", "What")


class IncidentView(NamedTuple):
    """All that the panel shows."""

    pipelines: list[incidents.Pipeline]
    incidents: list[incidents.Incident]


def read(connection: Connection) -> IncidentView:
    """Read the panel's rows."""
    return IncidentView(incidents.pipelines(connection), incidents.incidents(connection, LISTED))


def panel(view: IncidentView) -> list[Html]:
    """Lay the panel out; a warehouse without daily pipelines has none."""
    if not view.pipelines and not view.incidents:
        return []
    drawn = [heading("Daily pipelines", "run by Airflow")]
    if attention := needs_attention(view):
        drawn.append(notice("incidents", "A pipeline needs somebody", attention, "bad"))
    drawn.append(table("pipelines", PIPELINE_HEADERS, map(pipeline_row, view.pipelines)))
    if view.incidents:
        drawn.append(table("incidents", INCIDENT_HEADERS, map(incident_row, view.incidents), numeric=(5,)))
    return drawn


def needs_attention(view: IncidentView) -> str:
    """Say what is wrong now; empty where all is well."""
    failing = {incident.pipeline for incident in view.incidents if incident.resolved_at is None}
    late = {pipeline.name for pipeline in view.pipelines if pipeline.is_late}
    said = [f"{name} has not succeeded for too long" for name in sorted(late)]
    said += [f"{name} has open incidents" for name in sorted(failing - late)]
    return (
        f"{'; '.join(said)}. See the task's log in Airflow; clear the task once it is mended." if said else ""
    )


def pipeline_row(pipeline: incidents.Pipeline) -> Row:
    """Write one pipeline's line."""
    state = "late" if pipeline.is_late else "failing" if pipeline.open_incidents else "ok"
    last = formats.moment(pipeline.succeeded_at) if pipeline.succeeded_at else None
    return [pipeline.name, badge(state), last, pipeline.run_id]


def incident_row(incident: incidents.Incident) -> Row:
    """Write one incident's line."""
    detail = incident.detail
    shown = detail if len(detail) <= SHOWN_CHARACTERS else detail[:SHOWN_CHARACTERS] + " …"
    state = f"resolved {formats.moment(incident.resolved_at)}" if incident.resolved_at else badge("open")
    opened = formats.moment(incident.opened_at)
    return [
        incident.pipeline,
        incident.task,
        incident.kind,
        state,
        opened,
        f"{incident.occurrences:,}",
        shown,
    ]
