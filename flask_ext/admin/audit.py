"""The audit log: who did what, and who was refused. It never has what a job carries.

Attempts of somebody unknown are counted for each address and minute, in a stream of their own: who
tries all the time pushes nothing out of the log.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from flask import Response, current_app, g, request
from pydantic import Field

from bullrush.core.calls import Batch, Call, run
from bullrush.core.clock import now_ms
from bullrush.core.errors import BullrushError
from bullrush.core.keys import admin_key

from ..access.door import Caller
from ..access.refusals import tally
from ..binding import current_binding
from .models import Answer, Query
from .routing import Asked, Route, Routes

logger = logging.getLogger(__name__)
ROUTES = Routes()

#: About how many entries are kept.
MOST = 10_000
_TEXT = 200


class Entry(Answer):
    """What somebody did, or tried to do."""

    id: str = Field(description="of the entry; later ones are greater")
    at: int = Field(description="Unix ms")
    who: str = Field(description="or the address of somebody unknown")
    role: str
    action: str
    queue: str
    job: str
    count: int | None = Field(description="how many jobs were changed")
    outcome: str = Field(description="`done`, `dry run`, or why it was refused")
    status: int = Field(description="of the answer")
    attempts: int | None = Field(
        None, description="how often somebody unknown was refused, in the minute from `at` on"
    )


class AuditQuery(Query):
    """Which entries are shown."""

    count: int = Field(50, ge=1, le=500)
    before: str | None = Field(
        None,
        pattern=r"^[1-9][0-9]{0,14}-[0-9]{1,9}$",
        description="older than the entry of that id",
    )


class Entries(Answer):
    """Entries, the newest first."""

    entries: list[Entry]
    next: str | None = Field(description="`before` of the next page; null at the end")


@ROUTES.get("/admin/audit")
def show_audit(asked: Asked, query: AuditQuery) -> Entries:
    """Who did what, the newest first."""
    end = f"({query.before}" if query.before else "+"
    binding, prefix = asked.binding, asked.binding.settings.prefix
    refused = tally(prefix)
    calls = [
        Call(("XREVRANGE", key, end, "-", "COUNT", query.count), list)
        for key in (admin_key(prefix, "audit"), refused.closed)
    ]
    done, closed = run(binding.driver, Batch([refused.close(), *calls], list))[1:]
    entries = [_entry(entry_id.decode(), _texts(flat)) for entry_id, flat in done]
    entries += [_sum(entry_id.decode(), _texts(flat)) for entry_id, flat in closed]
    entries = sorted(entries, key=_place, reverse=True)[: query.count]
    more = len(entries) == query.count
    return Entries(entries=entries, next=entries[-1].id if more else None)


def record(response: Response) -> Response:
    """Write down an action, whatever became of it. That this fails does not undo the action."""
    route = current_app.view_functions.get(str(request.endpoint))
    caller: Caller | None = g.get("bullrush_caller")
    if not isinstance(route, Route) or route.action is None or caller is None:
        return response
    fields = _fields(route.action, caller, response)
    if not g.get("bullrush_unavailable"):
        _write(fields)
    logger.info("admin: %s", " ".join(f"{name}={value}" for name, value in fields.items()))
    return response


def _fields(action: str, caller: Caller, response: Response) -> dict[str, str]:
    asked: Asked | None = g.get("bullrush_asked")
    path = request.view_args or {}
    refused = response.status_code >= 400
    outcome = _refusal(response) if refused else asked.note if asked else "done"
    return {
        "at": str(now_ms()),
        "who": _clean(caller.principal.name),
        "role": caller.principal.role.name.lower(),
        "action": action,
        "queue": _clean(str(path.get("queue", ""))),
        "job": _clean(str(path.get("job_id") or path.get("scheduler_id") or "")),
        "count": "" if refused or asked is None or asked.count is None else str(asked.count),
        "outcome": outcome,
        "status": str(response.status_code),
    }


def _refusal(response: Response) -> str:
    """The kind of refusal alone: its text may quote what was sent."""
    return f"refused: {response.status.partition(' ')[2].lower()}"


def _write(fields: Mapping[str, str]) -> None:
    binding = current_binding()
    key = admin_key(binding.settings.prefix, "audit")
    flat = [part for pair in fields.items() for part in pair]
    try:
        binding.driver.execute(("XADD", key, "MAXLEN", "~", MOST, "*", *flat))
    except BullrushError as error:
        logger.error("the audit log could not be written: %s", error)


def _clean(text: str) -> str:
    """One line, not too long."""
    return re.sub(r"[^ -~\u00a0-\ud7ff\ue000-\U0010ffff]", "?", text[:_TEXT])


def _texts(flat: list[bytes]) -> dict[str, str]:
    texts = [each.decode("utf-8", "replace") for each in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _place(entry: Entry) -> tuple[int, ...]:
    return tuple(map(int, entry.id.split("-")))


def _entry(entry_id: str, stored: Mapping[str, str]) -> Entry:
    return Entry(
        id=entry_id,
        at=_number(stored, "at"),
        who=stored.get("who", ""),
        role=stored.get("role", ""),
        action=stored.get("action", ""),
        queue=stored.get("queue", ""),
        job=stored.get("job", ""),
        count=_number(stored, "count") if stored.get("count") else None,
        outcome=stored.get("outcome", ""),
        status=_number(stored, "status"),
        attempts=None,
    )


def _sum(entry_id: str, stored: Mapping[str, str]) -> Entry:
    """What was refused of one address in a minute."""
    attempts = _number(stored, "count")
    return Entry(
        id=entry_id,
        at=_number(stored, "at"),
        who=_clean(stored.get("name", "")),
        role="",
        action="sign_in",
        queue="",
        job="",
        count=None,
        outcome=f"refused: unauthorized, {attempts} in a minute",
        status=401,
        attempts=attempts,
    )


def _number(stored: Mapping[str, str], name: str) -> int:
    return int(stored[name]) if stored.get(name, "").isdecimal() else 0
