"""What was taken away comes back as it was."""

from __future__ import annotations

import pytest

from bullrush.core import Failed, FlowJob, Queue
from bullrush.core.flow import FlowProducer
from tests.support.dump import dump
from tests.support.trips import Hands

SHELF = {"shelf": "s", "life": 60_000, "room": 1_000_000}


@pytest.fixture
def queue(driver, queue_name):
    """A queue on this driver."""
    return Queue(queue_name, driver=driver)


def stored(queue):
    """All that Redis has of the queue but events, markers and what is on the shelf."""
    found = dump(queue.driver, f"{queue.keys.base}*")
    passing = {each.encode() for each in (queue.keys.events, queue.keys.marker, queue.keys.meta)}
    return {key: value for key, value in found.items() if key not in passing}


def take_all(queue, state, **options):
    """Take every job of a state away."""
    ids = queue.get_ranges(state, ascending=True)
    return queue.take_away(ids, state, **{**SHELF, **options})


def fill(queue):
    """Jobs in every state but active."""
    for number in range(3):
        queue.add("wait", number)
        queue.add("later", delay=60_000 + number, deduplication=f"only-{number}")
        queue.add("urgent", "\u00e4\x00", priority=3 - number)
    job = queue.add("fail", lifo=True)
    queue.add_log(job.id, "a row")
    hands = Hands(queue)
    (delivery,) = hands.take()
    hands.commit(delivery, Failed("no", "a stack"))


@pytest.mark.parametrize("state", ["waiting", "delayed", "prioritized", "failed"])
def test_jobs_come_back_byte_for_byte(queue, state):
    fill(queue)
    before, order = stored(queue), queue.get_ranges(state, ascending=True)
    taken = take_all(queue, state)
    assert (taken.ids, taken.full) == (order, False)
    assert queue.get_ranges(state) == []
    back = queue.restore("s")
    assert (sorted(back.ids), back.taken, back.left) == (sorted(order), [], 0)
    assert stored(queue) == before
    assert queue.get_ranges(state, ascending=True) == order


def test_what_does_not_fit_stays(queue):
    for number in range(3):
        queue.add("send", "x" * 1000, job_id=f"j{number}")
    taken = take_all(queue, "waiting", room=2500)
    assert (taken.ids, taken.full) == (["j0", "j1"], True)
    assert queue.get_state("j2") == "waiting"


def test_only_jobs_in_that_state_go(queue):
    job = queue.add("send", delay=1000)
    assert queue.take_away([job.id], "failed", **SHELF).ids == []
    assert queue.take_away([job.id], "delayed", before=1, **SHELF).ids == []
    assert queue.get_state(job.id) == "delayed"


def test_jobs_that_a_worker_has_go_by_force_alone(queue):
    job = queue.add("send")
    Hands(queue).take()
    assert queue.take_away([job.id], "active", **SHELF).ids == []
    assert queue.take_away([job.id], "active", force=True, **SHELF).ids == [job.id]
    queue.restore("s")
    assert queue.get_state(job.id) == "waiting"


def test_an_id_that_is_in_use_again_stays_as_it_is(queue):
    queue.add("old", job_id="one")
    take_all(queue, "waiting")
    queue.add("new", job_id="one")
    assert queue.restore("s").taken == ["one"]
    assert queue.get_job("one").name == "new"


def test_a_parent_goes_and_comes_back_with_its_children(queue, driver):
    flows = FlowProducer(driver=driver)
    children = [FlowJob("part", queue.name) for _ in range(2)]
    root = flows.add(FlowJob("whole", queue.name, children=children)).job.id
    before = stored(queue)
    take_all(queue, "waiting")
    assert queue.get_job(root) is None
    queue.restore("s")
    after = stored(queue)
    assert queue.get_state(root) == "waiting-children"
    assert queue.get_dependencies_count(root)["unprocessed"] == 2
    assert after.keys() == before.keys()


def test_the_next_run_of_a_scheduler_stays(queue):
    queue.upsert_job_scheduler("tick", every=3_600_000)
    queue.upsert_job_scheduler("tock", pattern="0 0 1 1 *")
    assert take_all(queue, "delayed").ids == []


def test_settings_and_schedulers_come_back(queue):
    queue.upsert_job_scheduler("tick", pattern="0 0 1 1 *", data={"n": 1})
    queue.set_global_concurrency(4)
    queue.add("send")
    queue.pause()
    before = stored(queue)
    for state in ("waiting", "delayed"):
        take_all(queue, state, force=True)
    queue.shelve_settings(shelf="s", life=60_000, paused=False)
    queue.obliterate()
    assert stored(queue) == {}
    queue.restore("s")
    assert stored(queue) == before
    assert (queue.is_paused(), queue.get_global_concurrency()) == (False, 4)
