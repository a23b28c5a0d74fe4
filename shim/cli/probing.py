"""What shows a worker to orchestrators and to Prometheus: the options, and what they start."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from bullrush.core.worker import Worker
from bullrush.core.worker.probes import ProbeServer, Routes, health_routes, metrics_routes

from ..probe import VARIABLE

#: Set for workers that a supervisor has started: they answer at the same port.
SHARED = "BULLRUSH_SHARED_PORTS"
_PORT = click.IntRange(0, 65535)
_option = click.option
#: Names of the options that `watched` takes.
NAMES = ("health_port", "metrics_port", "probe_host", "ready_without_durability")
PROBE_OPTIONS = (
    _option(
        "--health-port",
        type=_PORT,
        envvar="BULLRUSH_HEALTH_PORT",
        help="Serve /live, /health and /ready by HTTP there.",
    ),
    _option("--metrics-port", type=_PORT, help="Serve /metrics for Prometheus there."),
    _option("--probe-host", default="0.0.0.0", help="The address of both; all by default."),
    _option(
        "--ready-without-durability",
        is_flag=True,
        help="Be ready although Redis keeps nothing on a disk.",
    ),
    _option(
        "--heartbeat-file",
        envvar=VARIABLE,
        help="Write this file every 10 s, for bullrush health --worker.",
    ),
    _option(
        "--require-ready", is_flag=True, help="Exit with 1 when Redis cannot be reached at first."
    ),
)


@contextmanager
def watched(worker: Worker, asked: Mapping[str, Any]) -> Iterator[None]:
    """While it runs, what was asked for is served."""
    ports: dict[int, dict[str, Any]] = {}
    if asked["health_port"] is not None:
        needs_durable = not asked["ready_without_durability"]
        routes: Routes = health_routes(worker, needs_durable=needs_durable)
        ports.setdefault(asked["health_port"], {}).update(routes)
    if asked["metrics_port"] is not None:
        ports.setdefault(asked["metrics_port"], {}).update(metrics_routes(worker))
    with ExitStack() as servers:
        for port, routes in ports.items():
            servers.enter_context(_server(asked["probe_host"], port, routes))
        yield


def _server(host: str, port: int, routes: Routes) -> ProbeServer:
    try:
        return ProbeServer(host, port, routes, shared=SHARED in os.environ)
    except OSError as error:
        raise click.ClickException(f"port {port} of {host}: {error.strerror}") from None
