"""A WSGI application behind a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

_PATIENCE = 20.0


@contextmanager
def serving(app: Flask, threads: int, **options: Any) -> Iterator[tuple[str, int]]:
    """The application on waitress with its options; gives host and port."""
    sockets: dict[int, object] = {}
    places = {"host": "127.0.0.1", "port": 0, "threads": threads}
    server = create_server(app, map=sockets, **places, **options)
    thread = threading.Thread(target=server.run, name="served", daemon=True)
    thread.start()
    try:
        yield "127.0.0.1", server.effective_port
    finally:
        # In its own thread, which would otherwise wait on sockets that are closed already.
        server.trigger.pull_trigger(lambda: wasyncore.close_all(sockets, ignore_all=True))
        thread.join(_PATIENCE)
        server.task_dispatcher.shutdown()
