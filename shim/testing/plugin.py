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

Every run of pytest imports this module, so what the fixtures need is loaded with the first of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bullrush.core.worker import Worker

    from ..app.base import Celery
    from .clock import VirtualClock
    from .enqueued import AssertEnqueued
    from .stub import Stub

#: What the marker takes.
_OPTIONS = ("eager", "now", "pool", "concurrency", "queues", "config")


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


def _fixtures() -> Any:
    return import_module(".fixtures", __package__)


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the markers of a test say; the nearest wins."""
    options: dict[str, Any] = {}
    for marker in request.node.iter_markers("bullrush"):
        unknown = sorted(marker.kwargs.keys() - set(_OPTIONS))
        if unknown or marker.args:
            raise pytest.UsageError(
                f"@pytest.mark.bullrush knows {', '.join(_OPTIONS)}; "
                f"not {', '.join(unknown) or 'values without a name'}"
            )
        options = {**marker.kwargs, **options}
    return options


@pytest.fixture
def bullrush_redis(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of the Redis of a test."""
    with _fixtures().redis_at(request.config.getoption("--bullrush-redis")) as url:
        yield url


@pytest.fixture
def bullrush_project() -> Celery | None:
    """Override it with the project's application; else the tests get an empty one."""
    return None


@pytest.fixture
def bullrush_app(
    request: pytest.FixtureRequest, bullrush_redis: str, bullrush_project: Celery | None
) -> Iterator[Celery]:
    """The application of a test, current while it runs."""
    with _fixtures().app_at(bullrush_redis, bullrush_project, _options(request)) as app:
        yield app


@pytest.fixture
def bullrush_clock(request: pytest.FixtureRequest, bullrush_app: Celery) -> Iterator[VirtualClock]:
    """The clock of a test: it stands still but for ``advance``."""
    with _fixtures().clock_of(bullrush_app, _options(request)) as clock:
        yield clock


@pytest.fixture
def bullrush_worker(
    request: pytest.FixtureRequest, bullrush_app: Celery, bullrush_clock: VirtualClock
) -> Iterator[Worker]:
    """A worker of the application, which takes jobs while `run_until_idle` or
    `bullrush_clock.advance` run. It serves every queue in which there are jobs, unless the marker
    names queues.
    """
    with _fixtures().worker_of(bullrush_app, bullrush_clock, _options(request)) as worker:
        yield worker


@pytest.fixture
def run_until_idle(bullrush_worker: Worker, bullrush_clock: VirtualClock) -> Callable[[], None]:
    """A function that has everything run that can run now."""
    return bullrush_clock.run_until_idle


@pytest.fixture
def assert_enqueued(request: pytest.FixtureRequest) -> AssertEnqueued:
    """A function that asserts that calls wait, in `bullrush_stub` where a test has it."""
    stubbed = "bullrush_stub" in request.fixturenames
    found: AssertEnqueued
    if stubbed:
        found = _fixtures().assertion_for_stub(request.getfixturevalue("bullrush_stub"))
    else:
        found = _fixtures().assertion_for(request.getfixturevalue("bullrush_app"))
    return found


@pytest.fixture
def bullrush_stub() -> Iterator[Stub]:
    """While the test runs nothing is sent anywhere: jobs are recorded, their id is
    ``test-job-id``, and every queue is empty.
    """
    with _fixtures().Stub() as stub:
        yield stub
