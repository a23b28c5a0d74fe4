"""Fixtures that pytest finds by itself: an application with a worker, on a clock that tests move.

| fixture | what it is |
|---|---|
| `bullrush_redis` | the URL of the test's Redis: ``--bullrush-redis=fake``, ``embedded`` or a URL |
| `bullrush_app` | an application on it, with keys of its own |
| `bullrush_worker` | a worker of it, in threads of the test |
| `bullrush_clock` | the clock: ``bullrush_clock.advance("2h")`` |
| `run_until_idle` | have everything run that can run now |
| `assert_enqueued` | assert that calls wait |
| `bullrush_stub` | nothing is sent anywhere: what would be is recorded |
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from bullrush.core.drivers import connect, forget_memory
from bullrush.core.worker import Worker

from ..app.base import Celery
from ..contrib.testing.app import TestApp, setup_default_app
from ..worker import make_worker
from .ageing import find_keys
from .clock import VirtualClock
from .enqueued import AssertEnqueued, pending_calls
from .stub import Stub

#: Settings of the marker that are not those of the application.
_OWN = ("eager", "now", "pool", "concurrency", "queues", "config")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--bullrush-redis``."""
    parser.getgroup("bullrush").addoption(
        "--bullrush-redis",
        metavar="WHERE",
        default="fake",
        help="where the jobs of tests are: fake (the default: in memory), embedded (a real server, "
        "if one is installed) or a URL",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "bullrush(eager=False, now=None, pool='threads', concurrency=1, queues=None, config=None): "
        "how bullrush_app and bullrush_worker are in this test",
    )


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the markers of a test say; the nearest wins."""
    options: dict[str, Any] = {}
    for marker in request.node.iter_markers("bullrush"):
        unknown = sorted(marker.kwargs.keys() - set(_OWN))
        if unknown or marker.args:
            raise pytest.UsageError(
                f"@pytest.mark.bullrush knows {', '.join(_OWN)}; "
                f"not {', '.join(unknown) or 'values without a name'}"
            )
        options = {**marker.kwargs, **options}
    return options


@pytest.fixture
def bullrush_redis(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of the Redis of a test."""
    where = request.config.getoption("--bullrush-redis")
    if where != "fake":
        yield "embedded://" if where == "embedded" else where
        return
    name = f"test-{uuid.uuid4().hex}"
    yield f"memory://{name}"
    forget_memory(name)


@pytest.fixture
def bullrush_project() -> Celery | None:
    """Override it with the project's application; else the tests get an empty one."""
    return None


@pytest.fixture
def bullrush_app(
    request: pytest.FixtureRequest, bullrush_redis: str, bullrush_project: Celery | None
) -> Iterator[Celery]:
    """The application of a test, current while it runs. Time stands still."""
    options = _options(request)
    settings = {
        "broker_url": bullrush_redis,
        "bullrush_prefix": f"test-{uuid.uuid4().hex[:12]}",
        **(
            {"task_always_eager": True, "task_eager_propagates": True}
            if options.get("eager")
            else {}
        ),
        **(options.get("config") or {}),
    }
    own = bullrush_project is None
    app = (
        TestApp("bullrush.tests", config=settings) if bullrush_project is None else bullrush_project
    )
    app.disconnect()
    with ExitStack() as stack:
        stack.callback(app.close if own else app.disconnect)
        if not own:
            stack.enter_context(app.conf.replaced(settings))
        stack.enter_context(setup_default_app(app))
        stack.callback(_remove_keys, bullrush_redis, app.prefix)
        yield app


@pytest.fixture
def bullrush_clock(request: pytest.FixtureRequest, bullrush_app: Celery) -> Iterator[VirtualClock]:
    """The clock of a test: it stands still but for ``advance``."""
    options = _options(request)
    with VirtualClock(
        bullrush_app, options.get("now"), serve_all=not options.get("queues")
    ) as clock:
        yield clock
        clock.forget_beat()


@pytest.fixture
def bullrush_worker(
    request: pytest.FixtureRequest, bullrush_app: Celery, bullrush_clock: VirtualClock
) -> Iterator[Worker]:
    """A worker of the application, which takes jobs while `run_until_idle` or
    `bullrush_clock.advance` run. It serves every queue in which there are jobs, unless the marker
    names queues.
    """
    options = _options(request)
    worker = make_worker(
        bullrush_app,
        options.get("queues") or (),
        pool=options.get("pool", "threads"),
        concurrency=options.get("concurrency", 1),
    )
    bullrush_clock.follow(worker)
    worker.start()
    yield worker
    worker.stop(timeout=10)


@pytest.fixture
def run_until_idle(bullrush_worker: Worker, bullrush_clock: VirtualClock) -> Callable[[], None]:
    """A function that has everything run that can run now."""
    return bullrush_clock.run_until_idle


@pytest.fixture
def assert_enqueued(request: pytest.FixtureRequest) -> AssertEnqueued:
    """A function that asserts that calls wait, in `bullrush_stub` where a test has it."""
    if "bullrush_stub" in request.fixturenames:
        return AssertEnqueued(request.getfixturevalue("bullrush_stub").calls)
    app: Celery = request.getfixturevalue("bullrush_app")
    return AssertEnqueued(lambda: pending_calls(app))


@pytest.fixture
def bullrush_stub() -> Iterator[Stub]:
    """While the test runs nothing is sent anywhere: jobs are recorded, their id is
    ``test-job-id``, and every queue is empty.
    """
    with Stub() as stub:
        yield stub


def _remove_keys(url: str, prefix: str) -> None:
    """Leave nothing in a Redis that others use."""
    driver = connect(url)
    keys = list(find_keys(driver, prefix))
    if keys:
        driver.execute(("UNLINK", *keys))
    driver.close()
