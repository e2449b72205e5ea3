"""Reporting an incident: recorded first, told second, so that a webhook that is away loses nothing."""

from txwatch.incidents.record import IncidentRecord
from txwatch.incidents.webhook import post
from txwatch.settings import Settings


def tell(record: IncidentRecord, settings: Settings) -> int:
    """Send what the webhook has not been told yet; return how many documents it took.

    What it did not take stays unsent, and the next call (of the watch at the latest) sends it again.
    """
    if settings.incident_webhook_url is None:
        return 0
    url = settings.incident_webhook_url.get_secret_value()
    taken = 0
    for incident in record.unsent():
        if post(url, incident.as_json()):
            record.sent(incident)
            taken += 1
    return taken
