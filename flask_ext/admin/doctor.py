"""What may be wrong with Redis, the settings and the queues: what ``bullrush doctor`` says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from pydantic import Field

from bullrush.core.errors import BullrushError
from bullrush.diagnosis import FAIL, Finding, examine, worst

from ..binding import Binding
from ..server import NO_ANSWER, ServerState, read_server
from .models import Answer
from .routing import Asked, Routes
from .shown import redaction_of

ROUTES = Routes()


class Checked(Answer):
    """One thing that was looked at."""

    check: str
    status: str = Field(description="`ok`, `warn` or `fail`")
    message: str
    fix: str = Field(description="what mends it; may be empty")


class Server(Answer):
    """What Redis says of itself; null where it does not."""

    location: str = Field(description="without user and password")
    volatile: bool = Field(description="whether the data ends with a process")
    version: str | None
    role: str | None
    uptime: int | None = Field(description="s")
    memory: int | None = Field(description="bytes")
    memory_peak: int | None = Field(description="bytes")
    memory_limit: int | None = Field(description="bytes; 0: none")
    eviction: str | None
    evicted: int | None = Field(description="keys that were thrown away since it started")
    append_only: bool | None
    clients: int | None
    blocked: int | None = Field(description="clients that wait for a key, as idle workers do")
    per_second: int | None = Field(description="commands")


class Examined(Answer):
    """Everything that was looked at."""

    status: str = Field(description="the worst of all: `ok`, `warn` or `fail`")
    findings: list[Checked]
    server: Server


@ROUTES.get("/admin/doctor")
def examine_setup(asked: Asked) -> Examined:
    """Look for what is wrong with Redis, the settings and the queues, and say what mends it. It
    answers without Redis, too.
    """
    # What tasks a web process knows says nothing of the workers.
    findings = [each for each in examine(asked.binding.celery) if each.check != "application"]
    text = redaction_of(asked.binding).text
    return Examined(
        status=worst(findings),
        findings=[
            Checked(
                check=each.check,
                status=each.status,
                message=text(each.message),
                fix=text(each.fix),
            )
            for each in findings
        ],
        server=Server(**asdict(_server(asked.binding, findings))),
    )


def _server(binding: Binding, findings: Sequence[Finding]) -> ServerState:
    """What it says; it is not waited for again when it did not answer before."""
    if any(each.check == "connection" and each.status == FAIL for each in findings):
        return NO_ANSWER
    try:
        return read_server(binding.driver)
    except BullrushError:
        return NO_ANSWER
