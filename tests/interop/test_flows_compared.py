"""What Node 6.7 and Python leave in Redis after the same story of a flow: every key and event,
but for times.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bullrush.core.drivers import Driver, connect
from tests.support.flow_sides import NodeSide, PythonSide, Side, job, spelled, take
from tests.support.kin import everything
from tests.support.node_peer import NodePeer
from tests.support.stored import Stored

Story = Callable[[Side, Stored, Stored], None]

#: What a story may leave that tells when it was told, or in which language.
_TIMES = re.compile(r"\b(1[6-9]\d{11}|7\d{15})(\.\d+)?\b")


def parent(place: Stored, job_id: str) -> dict[str, str]:
    """The option `parent` for a job of that queue."""
    return {"id": job_id, "queue": place.keys.qualified}


def released_with_priority(side: Side, par: Stored, ch: Stored) -> None:
    side.add_flow(job("p", par, job("a", ch), job("b", ch, priority=2), priority=4))
    side.finish(take(ch))
    side.finish(take(ch))


def released_with_delay(side: Side, par: Stored, ch: Stored) -> None:
    side.add_flow(job("p", par, job("a", ch), delay=90_000))
    side.finish(take(ch))


def failed(policy: str, keep: bool, **opts: Any) -> Story:
    def story(side: Side, par: Stored, ch: Stored) -> None:
        options = {policy: True} if policy else {}
        failing = job("c", ch, removeOnFail=not keep, **options)
        side.add_flow(job("p", par, failing, job("d", ch), **opts))
        side.finish(take(ch), fails="broken")
        side.finish(take(ch))

    return story


def failed_parent_among_its_children(side: Side, par: Stored, ch: Stored) -> None:
    fatal = {"failParentOnFailure": True}
    side.add_flow(job("p", par, job("c", ch, **fatal), job("d", ch, **fatal)))
    side.finish(take(ch), fails="broken")
    side.finish(take(par), fails=f"child {ch.keys.job('c')} failed")
    side.finish(take(ch), fails="broken too")


def failed_up_to_the_top(side: Side, par: Stored, ch: Stored) -> None:
    fatal = {"failParentOnFailure": True}
    side.add_flow(job("top", par, job("mid", par, job("c", ch, **fatal), **fatal)))
    side.finish(take(ch), fails="broken")
    side.finish(take(par), fails=f"child {ch.keys.job('c')} failed")


def retried_before_it_failed(side: Side, par: Stored, ch: Stored) -> None:
    side.add_flow(job("p", par, job("c", ch, attempts=2, ignoreDependencyOnFailure=True)))
    side.finish(take(ch), fails="once")
    side.finish(take(ch), fails="twice")


def completed_child_adopted(side: Side, par: Stored, ch: Stored) -> None:
    side.add(ch.keys.queue, "c")
    side.finish(take(ch))
    side.add_flow(job("p", par, job("c", ch), job("d", ch)))


def completed_children_alone(side: Side, par: Stored, ch: Stored) -> None:
    side.add(ch.keys.queue, "c")
    side.finish(take(ch))
    side.add_flow(job("p", par, job("c", ch, ignoreDependencyOnFailure=True), priority=3))


def completed_child_adopted_by_a_plain_add(side: Side, par: Stored, ch: Stored) -> None:
    side.add(ch.keys.queue, "c")
    side.finish(take(ch))
    side.add(par.keys.queue, "p")
    running = take(par)
    side.add(ch.keys.queue, "c", parent=parent(par, "p"))
    side.add(ch.keys.queue, "d", parent=parent(par, "p"))
    side.wait_for_children(running)
    side.finish(take(ch))


def added_twice(side: Side, par: Stored, ch: Stored) -> None:
    for _ in range(2):
        side.add_flow(job("p", par, job("c", ch), job("m", par, job("d", ch))))


def more_children_for_a_waiting_parent(side: Side, par: Stored, ch: Stored) -> None:
    side.add_flow(job("p", par, job("c", ch)))
    side.add_flow(job("p", par, job("d", ch), job("m", par, job("e", ch, delay=1, timestamp=1))))
    side.add(ch.keys.queue, "f", parent=parent(par, "p"))


def more_children_for_a_completed_parent(side: Side, par: Stored, ch: Stored) -> None:
    side.add(par.keys.queue, "p")
    side.finish(take(par))
    side.add_flow(job("p", par, job("d", ch)))
    side.finish(take(ch))


def attached_to_a_job_that_exists(side: Side, par: Stored, ch: Stored) -> None:
    side.add(par.keys.queue, "boss")
    side.add_flow(job("r", ch, job("c", par), parent=parent(par, "boss")))


def waited_during_the_run(side: Side, par: Stored, ch: Stored) -> None:
    side.add(par.keys.queue, "p", priority=2)
    running = take(par)
    options = spelled(side, failParentOnFailure=True)
    side.add(ch.keys.queue, "c", parent=parent(par, "p"), **options)
    side.wait_for_children(running)
    side.finish(take(ch), fails="broken")


def ran_again_after_a_failure(side: Side, par: Stored, ch: Stored) -> None:
    side.add_flow(job("p", par, job("c", ch, failParentOnFailure=True)))
    side.finish(take(ch), fails="broken")
    side.call(ch.keys.queue, "c", "retry failed")
    side.finish(take(ch))


def ran_again_after_a_success(side: Side, par: Stored, ch: Stored) -> None:
    side.add_flow(job("p", par, job("c", ch), job("d", ch)))
    side.finish(take(ch))
    side.call(ch.keys.queue, "c", "retry completed")


def last_child_removed(side: Side, par: Stored, ch: Stored) -> None:
    side.add_flow(job("p", par, job("c", ch), priority=3, delay=50_000))
    side.call(ch.keys.queue, "c", "remove")


def removed_by_its_own_policy(side: Side, par: Stored, ch: Stored) -> None:
    side.add_flow(job("p", par, job("c", ch, removeOnComplete=True), job("d", ch)))
    side.finish(take(ch))


def paused_queue_of_the_parent(side: Side, par: Stored, ch: Stored) -> None:
    par.run("HSET", par.keys.meta, "paused", "1")
    side.add_flow(job("p", par, job("c", ch)))
    side.finish(take(ch))


STORIES: dict[str, Story] = {
    each.__name__: each
    for each in (
        released_with_priority,
        released_with_delay,
        failed_parent_among_its_children,
        failed_up_to_the_top,
        retried_before_it_failed,
        completed_child_adopted,
        completed_children_alone,
        completed_child_adopted_by_a_plain_add,
        added_twice,
        more_children_for_a_waiting_parent,
        more_children_for_a_completed_parent,
        attached_to_a_job_that_exists,
        waited_during_the_run,
        ran_again_after_a_failure,
        ran_again_after_a_success,
        last_child_removed,
        removed_by_its_own_policy,
        paused_queue_of_the_parent,
    )
} | {
    f"failed {policy or 'without policy'}, {'kept' if keep else 'removed'}, {opts}": failed(
        policy, keep, **opts
    )
    for policy in (
        "",
        "failParentOnFailure",
        "continueParentOnFailure",
        "ignoreDependencyOnFailure",
        "removeDependencyOnFailure",
    )
    for keep in (True, False)
    for opts in ({}, {"priority": 2}, {"delay": 70_000})
}


@pytest.fixture
def driver(redis_url: str) -> Iterator[Driver]:
    """A connection for the Python side, and to look with."""
    driver = connect(redis_url)
    yield driver
    driver.close()


@pytest.fixture
def newest_node(shared_nodes: Callable[[str], NodePeer]) -> Iterator[NodePeer]:
    """Node 6.7: what 5.81 does otherwise is in the tables of the protocol."""
    peer = shared_nodes("bullmq-6.7")
    yield peer
    peer.reset()


def told(side: Side, driver: Driver, story: Story) -> dict[str, Any]:
    """What is in Redis after a story, under names that do not tell the side."""
    queues = [f"{uuid.uuid4().hex[:10]}-{part}" for part in ("par", "ch")]
    places = [Stored(driver, queue) for queue in queues]
    story(side, *places)
    found = {}
    for key, value in everything(*places).items():
        entries = [entry for _, entry in value] if key.endswith(":events") else value
        text = json.dumps([key, _readable(entries)], sort_keys=True)
        for number, queue in enumerate(queues):
            text = text.replace(queue, f"queue-{number}")
        name, entries = json.loads(_TIMES.sub("0", text))
        if not name.endswith((":meta", ":logs")):
            found[name] = sorted(entries) if isinstance(value, set) else entries
    return found


def _readable(value: Any) -> Any:
    """Bytes as what they say; JSON in any order; no stack texts, which tell the language."""
    if isinstance(value, bytes):
        try:
            return json.loads(value)
        except ValueError:
            return value.decode()
    if isinstance(value, dict):
        kept = {key.decode(): each for key, each in value.items() if key != b"stacktrace"}
        return {key: _readable(each) for key, each in kept.items()}
    return [_readable(each) for each in value]


@pytest.mark.parametrize("story", STORIES)
def test_both_sides_leave_the_same(newest_node, driver, story):
    theirs = told(NodeSide(newest_node), driver, STORIES[story])
    mine = told(PythonSide(driver, lambda *_: None), driver, STORIES[story])
    assert mine == theirs
