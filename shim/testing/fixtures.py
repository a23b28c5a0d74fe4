"""What the fixtures of `plugin` are made of, which loads this when a test asks for one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from bullrush.core.drivers import connect, forget_memory
from bullrush.core.worker import Worker

from ..app.base import Celery
from ..contrib.testing.app import TestApp, setup_default_app
from ..worker import make_worker
from .ageing import find_keys
from .clock import VirtualClock
from .enqueued import AssertEnqueued, pending_calls
from .stub import Stub as Stub

_EAGER = {"task_always_eager": True, "task_eager_propagates": True}


@contextmanager
def redis_at(where: str) -> Iterator[str]:
    """The URL of the Redis of a test.

    Args:
        where: what ``--bullrush-redis`` says.
    """
    if where != "fake":
        yield "embedded://" if where == "embedded" else where
        return
    name = f"test-{uuid.uuid4().hex}"
    yield f"memory://{name}"
    forget_memory(name)


@contextmanager
def app_at(url: str, project: Celery | None, options: Mapping[str, Any]) -> Iterator[Celery]:
    """The application of a test, current while the block runs, with keys of its own.

    Args:
        project: the project's, which is what it was afterwards; else an empty one is made.
        options: those of the marker.
    """
    settings = {
        "broker_url": url,
        "bullrush_prefix": f"test-{uuid.uuid4().hex[:12]}",
        **(_EAGER if options.get("eager") else {}),
        **(options.get("config") or {}),
    }
    app = TestApp("bullrush.tests", config=settings) if project is None else project
    app.disconnect()
    with ExitStack() as stack:
        stack.callback(app.close if project is None else app.disconnect)
        if project is not None:
            stack.enter_context(app.conf.replaced(settings))
        stack.enter_context(setup_default_app(app))
        stack.callback(_remove_keys, url, app.prefix)
        yield app


@contextmanager
def clock_of(app: Celery, options: Mapping[str, Any]) -> Iterator[VirtualClock]:
    """The clock of a test."""
    with VirtualClock(app, options.get("now"), serve_all=not options.get("queues")) as clock:
        yield clock
        clock.forget_beat()


@contextmanager
def worker_of(app: Celery, clock: VirtualClock, options: Mapping[str, Any]) -> Iterator[Worker]:
    """A worker of the application, on that clock."""
    worker = make_worker(
        app,
        options.get("queues") or (),
        pool=options.get("pool", "threads"),
        concurrency=options.get("concurrency", 1),
    )
    clock.follow(worker)
    worker.start()
    yield worker
    worker.stop(timeout=10)


def assertion_for(app: Celery) -> AssertEnqueued:
    """Asserts what waits in the queues of an application."""
    return AssertEnqueued(lambda: pending_calls(app))


def assertion_for_stub(stub: Stub) -> AssertEnqueued:
    """Asserts what a stub has recorded."""
    return AssertEnqueued(stub.calls)


def _remove_keys(url: str, prefix: str) -> None:
    """Leave nothing in a Redis that others use."""
    driver = connect(url)
    keys = list(find_keys(driver, prefix))
    if keys:
        driver.execute(("UNLINK", *keys))
    driver.close()
