"""Probes of the processes that are no workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from bullrush.core.health import Bounded, examine, is_ready, queue_shown
from bullrush.core.worker.probes import Page, ProbeServer

from ..app import Celery

F = TypeVar("F", bound=Callable[..., Any])


def probe_options(function: F) -> F:
    """The option that `answering` takes."""
    return click.option(
        "--health-port",
        type=click.IntRange(0, 65535),
        envvar="BULLRUSH_HEALTH_PORT",
        help="Serve /live, /health and /ready by HTTP there.",
    )(function)


@contextmanager
def answering(app: Celery, role: str, port: int | None) -> Iterator[None]:
    """Answer probes while the body runs.

    Args:
        role: what this process says it is.
        port: where; 0 for any that is free, None for nowhere.

    Raises:
        click.ClickException: the port is taken.
    """
    if port is None:
        yield
        return
    pulse = Bounded(lambda: examine(app.driver))

    def page(strict: bool) -> Page:
        sign = pulse.answer()
        ready = is_ready(sign)
        body = {"status": "ok" if ready else "unavailable", "role": role}
        return _page({**body, "queue": queue_shown(sign)}, 503 if strict and not ready else 200)

    routes = {
        "/live": lambda: _page({"status": "ok", "role": role}),
        "/health": lambda: page(False),
        "/ready": lambda: page(True),
    }
    try:
        server = ProbeServer("0.0.0.0", port, routes)
    except OSError as error:
        raise click.ClickException(f"--health-port {port}: {error}") from None
    with server:
        yield


def _page(body: dict[str, Any], code: int = 200) -> Page:
    return code, "application/json", json.dumps(body).encode() + b"\n"
