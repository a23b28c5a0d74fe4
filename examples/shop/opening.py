"""Opening the shop: a Redis, a mail server, a web server and a worker, all on free ports of this
machine.
"""

from __future__ import annotations

import json
import secrets
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from app import create_app
from mail_server import MailServer
from werkzeug.serving import make_server

from bullrush import Celery
from bullrush.core import Job
from bullrush.flask_ext import Binding

QUEUES = ("email-queue", "images", "payments", "reminders", "stock")


@dataclass(frozen=True)
class Shop:
    """A shop that is open.

    Attributes:
        url: where its web server is.
        redis_port: where its Redis is.
        binding: its queues.
        mail: what its customers get.
        token: opens the admin routes.
    """

    url: str
    redis_port: int
    binding: Binding
    mail: MailServer
    token: str

    @property
    def celery(self) -> Celery:
        """Its Celery application."""
        return self.binding.celery

    def post(self, path: str, body: bytes | dict[str, Any]) -> dict[str, str]:
        """A real web request; gives the ids of the jobs that came of it."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        request = Request(self.url + path, data, {"Content-Type": kind})
        with urlopen(request, timeout=10) as answer:
            jobs: dict[str, str] = json.load(answer)
        return jobs

    def ask_admin(self, path: str) -> str:
        """The admin JSON at that path, indented."""
        request = Request(self.url + path, headers={"Authorization": f"Bearer {self.token}"})
        with urlopen(request, timeout=10) as answer:
            return json.dumps(json.load(answer), indent=2)

    def finished(self, queue: str, job_id: str, patience: float = 10.0) -> tuple[Job, str]:
        """A job and its state, as soon as it has finished.

        Raises:
            TimeoutError: it did not within `patience` s.
        """
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            view = self.binding.queue(queue).view(job_id)
            if view.job is not None and view.state in ("completed", "failed"):
                return view.job, view.state
            time.sleep(0.02)
        raise TimeoutError(f"job {job_id} of {queue} did not finish within {patience:g} s")


def open_shop(stack: ExitStack) -> Shop:
    """Start everything; the stack stops it again, in the opposite order."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bullrush-shop-"))
    mail = stack.enter_context(MailServer())
    token = secrets.token_urlsafe()
    app = create_app(
        BULLRUSH_REDIS_URL="embedded://",
        BULLRUSH_ADMIN_TOKEN=token,
        PHOTO_FOLDER=folder,
        SMTP_PORT=mail.port,
    )
    binding: Binding = app.extensions["bullrush"]
    stack.callback(binding.close)
    binding.start_worker(QUEUES, concurrency=4)
    redis_port = urlsplit(binding.driver.location).port or 0
    return Shop(_serve(app, stack), redis_port, binding, mail, token)


def _serve(app: Any, stack: ExitStack) -> str:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="web-server")
    thread.start()
    stack.callback(server.server_close)
    stack.callback(thread.join)
    stack.callback(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}"
