"""Invariants 1 to 14 of protocol part 2, section 9: each with writer and reader in both languages.

`writer` adds flows and edits them; `worker` ends jobs. Each is Python or the Node version under
test, in all pairs where at least one is Node.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bullrush.core.drivers import Driver, connect
from bullrush.core.worker import Worker
from tests.support.flow_sides import (
    NodeSide,
    PythonSide,
    Refused,
    Side,
    job,
    seen,
    spelled,
    state,
    take,
)
from tests.support.kin import everything, kin, returned
from tests.support.node_peer import NodePeer
from tests.support.stored import Stored
from tests.support.waiting import wait_until


@pytest.fixture
def driver(redis_url: str) -> Iterator[Driver]:
    """A connection to look at the stored data with."""
    driver = connect(redis_url)
    yield driver
    driver.close()


@pytest.fixture
def python(driver: Driver, redis_url: str) -> Iterator[PythonSide]:
    """Python; its workers are stopped at the end."""
    started: list[Worker] = []

    def start(names: list[str], handler: Any) -> Worker:
        started.append(Worker(names, handler, url=redis_url))
        return started[-1].start()

    yield PythonSide(driver, start)
    for worker in started:
        worker.stop(timeout=10)


@pytest.fixture(params=["python-node", "node-python", "node-node"])
def sides(request: pytest.FixtureRequest, python: PythonSide, node: NodePeer) -> tuple[Side, Side]:
    """(who writes, who works)."""
    known: dict[str, Side] = {"python": python, "node": NodeSide(node)}
    writer, worker = str(request.param).split("-")
    return known[writer], known[worker]


@pytest.fixture
def writer(sides: tuple[Side, Side]) -> Side:
    """Who adds and edits."""
    return sides[0]


@pytest.fixture
def worker(sides: tuple[Side, Side]) -> Side:
    """Who ends jobs."""
    return sides[1]


@pytest.fixture(params=["python", "node"])
def side(request: pytest.FixtureRequest, python: PythonSide, node: NodePeer) -> Side:
    """Who does everything, where one operation is looked at."""
    return python if request.param == "python" else NodeSide(node)


@pytest.fixture
def places(driver: Driver, queue_name: str) -> tuple[Stored, Stored]:
    """What is in Redis for the queue of the parents and that of the children."""
    return Stored(driver, f"{queue_name}-par"), Stored(driver, f"{queue_name}-ch")


@pytest.fixture
def par(places: tuple[Stored, Stored]) -> Stored:
    """The queue of the parents."""
    return places[0]


@pytest.fixture
def ch(places: tuple[Stored, Stored]) -> Stored:
    """The queue of the children."""
    return places[1]


def untouched(*places: Stored) -> dict[str, Any]:
    """Every key but `meta`, into which Node writes its version when it first looks at a queue."""
    found = everything(*places)
    return {key: value for key, value in found.items() if not key.endswith(":meta")}


def test_invariant_2_01_a_flow_over_three_queues_is_worked_off(writer, worker, par, ch, driver):
    third = Stored(driver, f"{ch.keys.queue}-3")
    writer.add_flow(
        job("root", par, job("mid", ch, job("leaf", third, data={"own": "ü"})), job("side", third))
    )
    worker.start(par.keys.queue, ch.keys.queue, third.keys.queue)
    wait_until(lambda: state(par, "root") == "completed", timeout=20)
    leaf = {third.keys.job("leaf"): {"own": "ü", "values": {}}}
    values = {
        ch.keys.job("mid"): {"own": None, "values": leaf},
        third.keys.job("side"): {"own": None, "values": {}},
    }
    assert seen(par, "root").returnvalue == {"own": None, "values": values}
    assert writer.call(par.keys.queue, "root", "getChildrenValues") == values


def test_invariant_2_02_every_job_of_a_new_flow_is_in_its_one_place(side, par, ch):
    side.add_flow(
        job(
            "root",
            par,
            job("mid", ch, job("a", par), job("b", ch, priority=2)),
            job("c", ch, delay=60_000),
            priority=5,
        )
    )
    assert (par.ids("waiting_children"), par.ids("wait"), par.ids("prioritized")) == (
        ["root"],
        ["a"],
        [],
    )
    assert ch.ids("waiting_children") == ["mid"]
    assert (ch.ids("wait"), ch.ids("prioritized"), ch.ids("delayed")) == ([], ["b"], ["c"])
    assert kin(par, "root") == {ch.keys.job("mid"), ch.keys.job("c")}
    assert kin(ch, "mid") == {par.keys.job("a"), ch.keys.job("b")}


def test_invariant_2_03_without_its_parent_a_flow_writes_nothing(side, par, ch):
    parent = {"id": "nobody", "queue": ch.keys.qualified}
    with pytest.raises(Refused) as refused:
        side.add_flow(job("root", par, job("c", ch), parent=parent))
    assert refused.value.code == -5
    assert not (par.all_keys() | ch.all_keys()) - {"meta"}


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "with-another"])
def test_invariant_2_04_a_completed_child_counts_when_all_are_attached(
    python, par, ch, new_node_side, alone
):
    for writer in (python, new_node_side):
        done, parent = f"done-{writer is python}", f"p-{writer is python}"
        writer.add(ch.keys.queue, done)
        python.finish(take(ch))
        others = [] if alone else [job(f"new-{parent}", ch, delay=60_000)]
        writer.add_flow(job(parent, par, job(done, ch), *others))
        assert returned(par, parent) == {ch.keys.job(done): '"done"'}
        assert state(par, parent) == ("waiting" if alone else "waiting-children")


@pytest.fixture
def new_node_side(shared_nodes: Callable[[str], NodePeer]) -> Iterator[NodeSide]:
    """Node 6.7, for what 5.81 does otherwise: it releases a parent while its flow is being
    added.
    """
    peer = shared_nodes("bullmq-6.7")
    yield NodeSide(peer)
    peer.reset()


def test_invariant_2_05_the_child_of_another_living_parent_stays_with_it(side, par, ch):
    side.add_flow(job("owner", par, job("c", ch)))
    parent = {"id": "other", "queue": par.keys.qualified}
    side.add(par.keys.queue, "other")
    with pytest.raises(Refused) as refused:
        side.add(ch.keys.queue, "c", parent=parent)
    assert refused.value.code == -7
    assert ch.hash("c")["parentKey"] == par.keys.job("owner")
    assert kin(par, "other") == set()


def test_invariant_2_05_the_child_of_a_vanished_parent_is_adopted(python, par, ch, new_node_side):
    for writer in (python, new_node_side):
        child, new = f"c-{writer is python}", f"new-{writer is python}"
        writer.add_flow(job("owner", par, job(child, ch)))
        par.run("DEL", par.keys.job("owner"), par.keys.job_part("owner", "dependencies"))
        writer.add(par.keys.queue, new)
        parent = {"id": new, "queue": par.keys.qualified}
        writer.add(ch.keys.queue, child, parent=parent)
        assert ch.hash(child)["parentKey"] == par.keys.job(new)
        assert kin(par, new) == {ch.keys.job(child)}


def test_invariant_2_06_a_released_parent_has_its_priority(writer, worker, par, ch):
    writer.add_flow(job("p", par, job("c", ch), priority=7))
    worker.finish(take(ch))
    assert par.score("prioritized", "p") == 7 * 2**32 + 1


def test_invariant_2_06_the_delay_of_a_parent_counts_from_its_release(writer, worker, par, ch):
    writer.add_flow(job("p", par, job("c", ch), delay=60_000, timestamp=1_000))
    worker.finish(take(ch))
    due = (par.score("delayed", "p") or 0) // 4096
    finished = seen(ch, "c").finished_on
    assert finished is not None
    assert 60_000 <= due - finished <= 61_000


POLICIES = {
    "none": {},
    "fpof": {"failParentOnFailure": True},
    "cpof": {"continueParentOnFailure": True},
    "idof": {"ignoreDependencyOnFailure": True},
    "rdof": {"removeDependencyOnFailure": True},
}


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "removed"])
@pytest.mark.parametrize("policy", POLICIES)
def test_invariant_2_07_a_policy_leaves_exactly_its_keys(writer, worker, par, ch, policy, keep):
    failing = job("c", ch, removeOnFail=not keep, **POLICIES[policy])
    writer.add_flow(job("p", par, failing, job("sibling", ch)))
    worker.finish(take(ch), fails="broken")
    child, sibling = ch.keys.job("c"), ch.keys.job("sibling")
    pending = {child, sibling} if policy == "none" and keep else {sibling}
    assert kin(par, "p") == pending
    assert kin(par, "p", "unsuccessful") == ({child} if policy == "fpof" else set())
    assert returned(par, "p", "failed") == ({child: "broken"} if policy in ("cpof", "idof") else {})
    assert returned(par, "p") == {}
    assert bool(ch.hash("c")) is keep
    assert state(par, "p") == ("waiting" if policy in ("fpof", "cpof") else "waiting-children")
    worker.finish(take(ch))
    waits = policy == "none" and keep
    assert state(par, "p") == ("waiting-children" if waits else "waiting")


def test_invariant_2_08_a_failure_climbs_three_levels_without_a_run(writer, worker, par, ch):
    upwards = {"failParentOnFailure": True}
    writer.add_flow(
        job(
            "top",
            par,
            job("mid", par, job("c", ch, data={"fails": "the cause"}, **upwards), **upwards),
        )
    )
    worker.start(par.keys.queue, ch.keys.queue)
    wait_until(lambda: state(par, "top") == "failed", timeout=20)
    assert seen(ch, "c").failed_reason == "the cause"
    assert seen(par, "mid").failed_reason == f"child {ch.keys.job('c')} failed"
    assert seen(par, "top").failed_reason == f"child {par.keys.job('mid')} failed"
    for each in ("mid", "top"):
        assert seen(par, each).deferred_failure is None
        assert not par.exists(par.keys.job_part(each, "logs")), "its handler was called"


def test_invariant_2_09_a_failure_pulls_a_delayed_parent_into_line(writer, worker, par, ch):
    fatal = {"failParentOnFailure": True}
    writer.add_flow(job("p", par, job("c", ch, **fatal), job("d", ch, **fatal), delay=60_000))
    worker.finish(take(ch), fails="one")
    assert state(par, "p") == "delayed"
    worker.finish(take(ch), fails="two")
    assert state(par, "p") == "waiting"
    assert seen(par, "p").delay == 0
    assert seen(par, "p").deferred_failure == f"child {ch.keys.job('d')} failed"


def test_invariant_2_09_a_failure_during_the_run_only_marks_the_parent(writer, worker, par, ch):
    writer.add(par.keys.queue, "p", attempts=5)
    running = take(par)
    parent = {"id": "p", "queue": par.keys.qualified}
    options = {"parent": parent, **spelled(writer, failParentOnFailure=True)}
    writer.add(ch.keys.queue, "c", **options)
    worker.finish(take(ch), fails="broken")
    assert state(par, "p") == "active"
    assert seen(par, "p").deferred_failure == f"child {ch.keys.job('c')} failed"
    with pytest.raises(Refused) as refused:
        worker.finish(running)
    assert refused.value.code == -9
    assert state(par, "p") == "active"


def test_invariant_2_09_a_worker_fails_such_a_parent_whatever_attempts_it_has(
    side, python, par, ch, node
):
    reference = {"id": "p", "queue": par.keys.qualified}
    if side is python:
        release = threading.Event()
        python.start_worker([par.keys.queue], lambda delivery: release.wait(20))
        python.add(par.keys.queue, "p", attempts=5)
        wait_until(lambda: state(par, "p") == "active", timeout=20)
        let_go = release.set
    else:
        hanging = node.request("startWorker", queue=par.keys.queue, handler="hang")
        side.add(par.keys.queue, "p", attempts=5)
        node.wait_for("started", queue=par.keys.queue)

        def let_go() -> None:
            node.request("release", worker=hanging)

    options = spelled(side, failParentOnFailure=True)
    side.add(ch.keys.queue, "c", parent=reference, **options)
    side.finish(take(ch), fails="broken")
    let_go()
    wait_until(lambda: state(par, "p") == "failed", timeout=20)
    assert seen(par, "p").attempts_made == 1


def test_invariant_2_10_completing_with_pending_children_changes_nothing(writer, worker, par, ch):
    writer.add(par.keys.queue, "p")
    running = take(par)
    writer.add(ch.keys.queue, "c", parent={"id": "p", "queue": par.keys.qualified})
    before = untouched(par, ch)
    with pytest.raises(Refused) as refused:
        worker.finish(running)
    assert refused.value.code == -4
    assert untouched(par, ch) == before


def test_invariant_2_11_a_running_job_waits_only_for_pending_children(writer, worker, par, ch):
    writer.add(par.keys.queue, "p")
    running = take(par)
    assert worker.wait_for_children(running) is False
    assert par.exists(par.keys.job_part("p", "lock"))
    writer.add(ch.keys.queue, "c", parent={"id": "p", "queue": par.keys.qualified})
    assert worker.wait_for_children(running) is True
    assert state(par, "p") == "waiting-children"
    assert not par.exists(par.keys.job_part("p", "lock"))
    assert seen(par, "p").attempts_made == 0
    worker.finish(take(ch))
    assert state(par, "p") == "waiting"


def test_invariant_2_12_only_free_pending_children_are_removed(writer, worker, par, ch):
    each = ("done", "failed-1", "running", "free-1", "free-2")
    writer.add_flow(job("p", par, *(job(name, ch) for name in each)))
    worker.finish(take(ch))
    worker.finish(take(ch), fails="broken")
    running = take(ch)
    writer.call(par.keys.queue, "p", "removeUnprocessedChildren")
    assert {name for name in each if ch.hash(name)} == {"done", "failed-1", "running"}
    assert state(par, "p") == "waiting-children"
    worker.finish(running)
    writer.call(ch.keys.queue, "failed-1", "remove")
    assert state(par, "p") == "waiting"


def test_invariant_2_12_without_pending_children_the_parent_is_released(writer, par, ch):
    writer.add_flow(job("p", par, job("a", ch), job("b", par, job("c", ch)), priority=2))
    writer.call(par.keys.queue, "p", "removeUnprocessedChildren")
    assert (par.ids("wait"), par.ids("waiting_children")) == (["p"], [])


def test_invariant_2_13_a_parent_with_a_running_child_is_not_removed(writer, worker, par, ch):
    writer.add_flow(job("p", par, job("m", par, job("c", ch)), job("d", par)))
    running = take(ch)
    before = untouched(par, ch)
    assert writer.call(par.keys.queue, "p", "remove") == 0
    assert untouched(par, ch) == before
    worker.finish(running)
    assert writer.call(par.keys.queue, "p", "remove") == 1
    own = {"id", "meta", "events", "marker", "pc"}
    assert par.all_keys() | ch.all_keys() <= own


@pytest.mark.parametrize("policy", ["completed", "fpof", "cpof", "idof"])
def test_invariant_2_14_a_child_that_runs_again_is_waited_for_again(
    writer, worker, par, ch, policy
):
    options = POLICIES.get(policy, {})
    writer.add_flow(job("p", par, job("c", ch, **options), job("d", ch)))
    worker.finish(take(ch), fails="" if policy == "completed" else "broken")
    assert kin(par, "p") == {ch.keys.job("d")}
    ended = "completed" if policy == "completed" else "failed"
    writer.call(ch.keys.queue, "c", f"retry {ended}")
    assert kin(par, "p") == {ch.keys.job("c"), ch.keys.job("d")}
    assert returned(par, "p") == returned(par, "p", "failed") == {}
    assert kin(par, "p", "unsuccessful") == set()
