"""Fixtures of all tests: a real Redis and real Node processes, one of each kind per test
process.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from tests.support.node_peer import VERSIONS, NodePeer
from tests.support.redis_server import empty_private_server, running_redis

#: Suites of projects, which are run as their owners run them.
collect_ignore = ["projects"]

# How long a busy machine takes for an example says nothing of the code.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _nothing_runs_on() -> Iterator[None]:
    """A test ends the threads that it starts: what runs on is heard in the tests after it."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 10
    left = [each for each in threading.enumerate() if each not in before and not _is_shared(each)]
    for each in left:
        each.join(max(0.0, deadline - time.monotonic()))
    alive = [each for each in left if each.is_alive()]
    assert not alive, f"started by this test and still running: {alive}"


def _is_shared(thread: threading.Thread) -> bool:
    """Whether it reads from a Node process that all tests use."""
    return thread.name.startswith("bullmq")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis; BULLRUSH_TEST_REDIS_URL names one that is running already."""
    with running_redis() as url:
        yield url


@pytest.fixture(scope="module", autouse=True)
def _redis_stays_small() -> Iterator[None]:
    """What the tests of a module leave in Redis goes: some look at all the keys there are."""
    yield
    empty_private_server()


@pytest.fixture(params=["redis", "memory"])
def url(request: pytest.FixtureRequest) -> str:
    """Where the data of this test is."""
    if request.param == "redis":
        return str(request.getfixturevalue("redis_url"))
    return f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def queue_name() -> str:
    """A name that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(params=list(VERSIONS))
def node_version(request: pytest.FixtureRequest) -> str:
    """Each version of Node BullMQ that we promise to work with; a key of `VERSIONS`."""
    return str(request.param)


@pytest.fixture(scope="session")
def shared_nodes(redis_url: str) -> Iterator[Callable[[str], NodePeer]]:
    """Gives the Node process of a version; started when first asked for, ended with the session."""
    started: dict[str, NodePeer] = {}

    def get(version: str) -> NodePeer:
        if version not in started:
            started[version] = NodePeer(VERSIONS[version][0], redis_url)
        return started[version]

    yield get
    for peer in started.values():
        peer.close()


@pytest.fixture
def node(node_version: str, shared_nodes: Callable[[str], NodePeer]) -> Iterator[NodePeer]:
    """A Node process, once for each version. It is shared: a test that kills takes `new_node`."""
    peer = shared_nodes(node_version)
    yield peer
    unhandled = peer.events("unhandled")
    peer.reset()
    assert not unhandled, f"Node did not handle: {unhandled}"


@pytest.fixture
def new_node(node_version: str, redis_url: str) -> Iterator[Callable[[], NodePeer]]:
    """Starts further Node processes of the version under test, for this test alone."""
    with ExitStack() as peers:
        yield lambda: peers.enter_context(NodePeer(VERSIONS[node_version][0], redis_url))
