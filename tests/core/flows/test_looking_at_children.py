"""What a parent can read of its children, and how it waits for them during a run."""

from __future__ import annotations

import pytest

from bullrush.core import Completed, Failed, Page, Parent
from bullrush.core.errors import (
    FailedChildren,
    InvalidOption,
    JobNotFound,
    LockMismatch,
    LockMissing,
    WrongState,
)
from tests.support.kin import everything, queue_of, with_id


@pytest.fixture
def family(flows, stored, other, end):
    """A parent with a child of each kind, and three that fail it."""
    fatal = [with_id(f"x{n}", other, fail_parent_on_failure=True) for n in range(3)]
    flows.add(
        with_id(
            "p",
            stored,
            with_id("ok", other),
            with_id("i", other, ignore_dependency_on_failure=True),
            *fatal,
            with_id("pending", other),
        )
    )
    end(Completed({"v": 1}), Failed("ignored"), *(Failed(str(n)) for n in range(3)))
    return {each: other.keys.job(each) for each in ("ok", "i", "x0", "x1", "x2", "pending")}


def test_values_and_failures_are_read_by_the_keys_of_the_children(queue, family):
    assert queue.get_children_values("p") == {family["ok"]: {"v": 1}}
    assert queue.get_ignored_children_failures("p") == {family["i"]: "ignored"}
    assert queue.get_children_values("nobody") == {}


def test_dependencies_are_sorted_by_what_became_of_them(queue, family):
    found = queue.get_job_dependencies("p")
    assert found.processed == {family["ok"]: {"v": 1}}
    assert found.unprocessed == [family["pending"]]
    assert found.ignored == {family["i"]: "ignored"}
    assert sorted(found.failed) == [family[each] for each in ("x0", "x1", "x2")]
    assert found.cursors == {}


def test_dependencies_are_read_in_pages(queue, family):
    first = queue.get_job_dependencies("p", failed=Page(count=2), processed=Page())
    assert (len(first.failed), first.cursors) == (2, {"failed": 2, "processed": 0})
    assert (first.processed, first.ignored) == ({family["ok"]: {"v": 1}}, {})
    rest = queue.get_job_dependencies("p", failed=Page(first.cursors["failed"], 2))
    assert {*first.failed, *rest.failed} == {family[each] for each in ("x0", "x1", "x2")}
    assert rest.cursors == {"failed": 0}
    assert queue.get_job_dependencies("p", failed=Page(count=3)).cursors == {"failed": 0}


def test_pages_of_many_children_give_each_once(queue, flows, stored, other):
    flows.add(with_id("p", stored, *(with_id(f"c{n}", other) for n in range(700))))
    seen, page = [], Page(count=100)
    while True:
        found = queue.get_job_dependencies("p", unprocessed=page)
        seen += found.unprocessed
        if not found.cursors["unprocessed"]:
            break
        page = Page(found.cursors["unprocessed"], 100)
    assert set(seen) == {other.keys.job(f"c{n}") for n in range(700)}


def test_dependencies_are_counted(queue, family):
    everything_counted = {"processed": 1, "unprocessed": 1, "ignored": 1, "failed": 3}
    assert queue.get_dependencies_count("p") == everything_counted
    assert queue.get_dependencies_count("p", "failed") == {"failed": 3}
    with pytest.raises(InvalidOption, match="did you mean 'processed'"):
        queue.get_dependencies_count("p", "procesed")


def test_children_are_listed_with_their_jobs(queue, family, other):
    page = queue.get_dependencies("p", "processed")
    assert [(each.key, each.value, each.job.id) for each in page.items] == [
        (family["ok"], {"v": 1}, "ok")
    ]
    assert page.items[0].job.queue_name == other.keys.queue
    assert [each.value for each in queue.get_dependencies("p", "ignored").items] == ["ignored"]
    assert [each.key for each in queue.get_dependencies("p", "pending").items] == [
        family["pending"]
    ]
    page = queue.get_dependencies("p", "failed", 1, 1)
    assert (len(page.items), page.total) == (1, 3)
    assert queue.get_dependencies("nobody", "pending").items == []


def test_children_are_listed_by_position(queue, flows, stored, other):
    flows.add(with_id("p", stored, *(with_id(f"c{n}", other) for n in range(300))))
    pages = [queue.get_dependencies("p", "pending", n, n + 99) for n in (0, 100, 200)]
    assert [len(page.items) for page in pages] == [100, 100, 100]
    assert {page.total for page in pages} == {300}
    assert len({each.key for page in pages for each in page.items}) == 300


def test_children_that_are_gone_are_listed_without_a_job(queue, family, other):
    other.run("DEL", family["ok"])
    assert [each.job for each in queue.get_dependencies("p", "processed").items] == [None]


@pytest.mark.parametrize(("kind", "start"), [("finished", 0), ("pending", -1)])
def test_bad_pages_are_refused(queue, kind, start):
    with pytest.raises(InvalidOption, match=r"kind of children|start"):
        queue.get_dependencies("p", kind, start)


def test_a_value_that_is_no_json_is_named_and_harms_no_other(queue, family, stored, other):
    stored.run("HSET", stored.keys.job_part("p", "processed"), "bull:x:bad", "{not json")
    assert queue.get_children_values("p") == {family["ok"]: {"v": 1}, "bull:x:bad": None}
    errors = {each.key: each.error for each in queue.get_dependencies("p", "processed").items}
    assert errors[family["ok"]] is None
    assert "Expecting property name" in errors["bull:x:bad"]


@pytest.fixture
def running(queue, workers, stored):
    """A parent in a worker's hands."""
    queue.add("p", job_id="p")
    return workers[0].take()[0]


def test_a_running_job_waits_for_children_that_it_added(queue, running, stored, other, workers):
    workers[1].queue.add("c", job_id="c", parent=Parent("p", queue.name))
    assert queue.move_to_waiting_children("p", running.token) is True
    assert (stored.ids("active"), stored.ids("waiting_children")) == ([], ["p"])
    assert not stored.exists(stored.keys.job_part("p", "lock"))
    assert stored.events()[-1] == {"event": "waiting-children", "jobId": "p", "prev": "active"}
    workers[1].commit(workers[1].take()[0], Completed(1))
    (again,) = workers[0].take()
    assert (again.job.id, again.job.attempts_made, again.job.attempts_started) == ("p", 0, 2)
    assert workers[0].commit(again, Completed("done")) == 0


def test_nothing_to_wait_for_changes_nothing(queue, running, stored):
    before = everything(stored)
    assert queue.move_to_waiting_children("p", running.token) is False
    assert queue.move_to_waiting_children("p", "not the token") is False
    assert everything(stored) == before


def test_a_job_may_wait_for_one_child(queue, running, stored, other):
    queue_of(other).add("c", job_id="c", parent=Parent("p", queue.name))
    wait = queue.move_to_waiting_children
    assert wait("p", running.token, child=other.keys.job("x")) is False
    assert wait("p", running.token, child={"id": "x", "queue": other.keys.qualified}) is False
    assert wait("p", running.token, child={"id": "c", "queue": other.keys.qualified}) is True
    with pytest.raises(InvalidOption, match="child"):
        wait("p", running.token, child=7)


def test_only_the_holder_of_the_lock_may_let_it_wait(queue, running, stored, other):
    queue.add("c", parent=Parent("p", queue.name))
    with pytest.raises(LockMismatch):
        queue.move_to_waiting_children("p", "somebody else")
    with pytest.raises(JobNotFound):
        queue.move_to_waiting_children("nobody", running.token)
    stored.run("LREM", stored.keys.active, 0, "p")
    with pytest.raises(WrongState):
        queue.move_to_waiting_children("p", running.token)
    assert stored.exists(stored.keys.job_part("p", "lock"))
    stored.run("DEL", stored.keys.job_part("p", "lock"))
    with pytest.raises(LockMissing):
        queue.move_to_waiting_children("p", running.token)


def test_a_job_that_a_child_has_failed_cannot_wait(queue, running, stored, workers):
    workers[1].queue.add("c", parent=Parent("p", queue.name), fail_parent_on_failure=True)
    workers[1].commit(workers[1].take()[0], Failed("broken"))
    with pytest.raises(FailedChildren):
        queue.move_to_waiting_children("p", running.token)
    assert stored.ids("active") == ["p"]


def test_a_slot_that_a_waiting_parent_frees_wakes_a_worker(queue, running, stored):
    stored.run("HSET", stored.keys.meta, "concurrency", 1)
    queue.add("c", parent=Parent("p", queue.name))
    stored.run("DEL", stored.keys.marker)
    assert queue.move_to_waiting_children("p", running.token) is True
    assert stored.marker() == {"0": 0}
