"""Tells somebody elsewhere of an incident: a JSON document, posted."""

from typing import Any

import requests
import structlog

TIMEOUT_SECONDS = 10

log = structlog.get_logger()


def post(url: str, document: dict[str, Any]) -> bool:
    """Send a document and say whether it was taken; being refused is logged, never raised.

    The address is a secret (it lets anybody write there), so it is never logged.
    """
    try:
        answer = requests.post(url, json=document, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
    except requests.HTTPError as error:
        log.warning("the webhook refused an incident", status=error.response.status_code)
        return False
    except requests.RequestException as error:
        log.warning("the webhook does not answer", reason=type(error).__name__)
        return False
    return True
