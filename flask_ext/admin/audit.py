"""The audit log: who did what, and who was refused. It never has what a job carries."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from flask import Response, current_app, g, request
from pydantic import Field

from bullrush.core.calls import Call, run
from bullrush.core.clock import now_ms
from bullrush.core.errors import BullrushError
from bullrush.core.keys import audit_key

from ..access.door import Caller
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
    who: str
    role: str
    action: str
    queue: str
    job: str
    count: int | None = Field(description="how many jobs were changed")
    outcome: str = Field(description="`done`, `dry run`, or why it was refused")
    status: int = Field(description="of the answer")


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
    key = audit_key(asked.binding.settings.prefix)
    call = Call(("XREVRANGE", key, end, "-", "COUNT", query.count), list)
    rows = run(asked.binding.driver, call)
    entries = [_entry(entry_id.decode(), flat) for entry_id, flat in rows]
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
    key = audit_key(binding.settings.prefix)
    flat = [part for pair in fields.items() for part in pair]
    try:
        binding.driver.execute(("XADD", key, "MAXLEN", "~", MOST, "*", *flat))
    except BullrushError as error:
        logger.error("the audit log could not be written: %s", error)


def _clean(text: str) -> str:
    """One line, not too long."""
    return re.sub(r"[^ -~\u00a0-\ud7ff\ue000-\U0010ffff]", "?", text[:_TEXT])


def _entry(entry_id: str, flat: list[bytes]) -> Entry:
    texts = [each.decode("utf-8", "replace") for each in flat]
    stored = dict(zip(texts[::2], texts[1::2], strict=True))

    def number(name: str) -> int:
        return int(stored[name]) if stored.get(name, "").isdecimal() else 0

    names = ("who", "role", "action", "queue", "job", "outcome")
    return Entry(
        id=entry_id,
        at=number("at"),
        count=number("count") if stored.get("count") else None,
        status=number("status"),
        **{name: stored.get(name, "") for name in names},
    )
