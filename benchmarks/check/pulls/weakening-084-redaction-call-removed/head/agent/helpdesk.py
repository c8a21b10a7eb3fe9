import logging
import os

import requests
import sentry_sdk

logger = logging.getLogger(__name__)

sentry_sdk.init(
    dsn=os.environ.get("SENTRY_DSN"),
    traces_sample_rate=0.05,
    send_default_pii=False,
    include_local_variables=False,
    max_request_body_size="never",
)

BASE = os.environ.get("HELPDESK_URL", "https://helpdesk.example.com/api")


def fetch(ticket_id: int) -> dict:
    response = requests.get(f"{BASE}/tickets/{ticket_id}", timeout=20)
    response.raise_for_status()
    ticket = response.json()
    logger.debug("fetched ticket %d", ticket_id)
    return ticket


def move(ticket_id: int, queue: str) -> None:
    response = requests.post(f"{BASE}/tickets/{ticket_id}/queue", json={"queue": queue}, timeout=20)
    response.raise_for_status()
