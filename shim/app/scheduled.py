"""Runs that a job scheduler made: what their messages leave to be worked out."""

from __future__ import annotations

import datetime

from ..message import Message


def date_expiry(message: Message, job_id: str) -> None:
    """Say when a run expires whose schedule says after how many s it does; the id of the run ends
    with the time at which it was due, Unix ms.
    """
    slot = job_id.rpartition(":")[2]
    seconds = message.headers["expires_after"]
    if "expires" in message.headers or not slot.isdigit() or not isinstance(seconds, (int, float)):
        return
    moment = datetime.datetime.fromtimestamp(int(slot) / 1000 + seconds, datetime.timezone.utc)
    message.headers["expires"] = moment.isoformat()
