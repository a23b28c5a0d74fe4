"""A small HTTP server for workers: what orchestrators and Prometheus ask, without a framework."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

from typing_extensions import Self

from ..exposition import CONTENT_TYPE, exposition
from ..health import Bounded, Sign, examine, is_ready, queue_shown
from ..snapshot import take
from .worker import Worker

logger = logging.getLogger("bullrush.worker")

#: s that a slow client may take for its request.
PATIENCE = 5.0
#: Code, content type, body.
Page: TypeAlias = tuple[int, str, bytes]
Routes: TypeAlias = Mapping[str, Callable[[], Page]]


class ProbeServer:
    """Answers GET for some paths, each request in a thread of its own. A context manager.

    Args:
        host, port: where to listen; port 0 takes a free one.
        routes: path -> what gives its page.
        shared: let further processes listen there too; each request reaches one of them.

    Raises:
        OSError: somebody listens there already.
    """

    def __init__(self, host: str, port: int, routes: Routes, *, shared: bool = False) -> None:
        kind = _SharedServer if shared else _Server
        self._server = kind((host, port), _handler_of(routes))
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="bullrush-probes", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        logger.info("probes: listening on port %d", self.port)
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _SharedServer(_Server):
    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()


def health_routes(worker: Worker, *, needs_durable: bool = True) -> Routes:
    """``/live``, ``/health`` and ``/ready`` of a worker.

    It is ready while it takes jobs and Redis answers, and, as its jobs must outlive a crash, when
    Redis is known to keep them on a disk or does not tell.

    Args:
        needs_durable: not ready when Redis keeps nothing on a disk.
    """
    pulse = Bounded(lambda: examine(worker.driver))

    def live() -> Page:
        return _page({"status": "ok"})

    def health() -> Page:
        sign = pulse.answer()
        return _page({"status": _status(worker, sign, needs_durable), **_shown(worker, sign)})

    def ready() -> Page:
        sign = pulse.answer()
        status = _status(worker, sign, needs_durable)
        body = {"status": status, **_shown(worker, sign)}
        return _page(body, 200 if status == "ok" else 503)

    return {"/live": live, "/health": health, "/ready": ready}


def metrics_routes(worker: Worker) -> Routes:
    """``/metrics``: of the queues that a worker serves.

    Raises:
        InvalidOption: prometheus-client is not installed.
    """
    away = exposition(None)
    prefix = worker.prefix

    def read() -> bytes:
        names = [queue.name for queue in worker.queues]
        return exposition(take(worker.driver, prefix, names, measures=True))

    scrape = Bounded(read)
    return {"/metrics": lambda: (200, CONTENT_TYPE, scrape.answer() or away)}


def _status(worker: Worker, sign: Sign | None, needs_durable: bool) -> str:
    if not is_ready(sign):
        return "unavailable"
    if needs_durable and sign is not None and sign.durable is False:
        return "not durable"
    return "ok" if worker.takes_jobs() else "stopping"


def _shown(worker: Worker, sign: Sign | None) -> dict[str, Any]:
    running, slots = len(worker.running()), worker.concurrency
    return {"queue": queue_shown(sign), "worker": {"running": running, "slots": slots}}


def _page(body: Mapping[str, Any], code: int = 200) -> Page:
    return code, "application/json", json.dumps(body).encode() + b"\n"


def _handler_of(routes: Routes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE
        server_version = "bullrush"
        sys_version = ""

        def do_GET(self) -> None:
            page = routes.get(self.path.partition("?")[0])
            code, kind, body = (404, "text/plain", b"not found\n") if page is None else page()
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            logger.debug("probes: " + format, *args)

    return Handler
