"""Children are let go, and jobs removed with all below them (protocol part 2)."""

from __future__ import annotations

import pytest

from bullrush.core import Completed, Failed, Parent
from bullrush.core.errors import JobLocked, JobNotFound, ParentNotFound
from tests.support.kin import everything, kin, queue_of, returned, with_id


def test_a_child_that_is_made_independent_releases_its_parent(flows, stored, other):
    flows.add(with_id("p", stored, with_id("c", other), priority=3, delay=1000))
    assert queue_of(other).remove_child_dependency("c") is True
    assert stored.ids("wait") == ["p"]
    assert stored.events()[-1] == {"event": "waiting", "jobId": "p", "prev": "waiting-children"}
    assert not {"parent", "parentKey"} & set(other.hash("c"))
    with pytest.raises(ParentNotFound):
        queue_of(other).remove_child_dependency("c")


def test_a_finished_child_cannot_be_made_independent(flows, stored, other, end):
    flows.add(with_id("p", stored, with_id("c", other)))
    end(Completed(1))
    assert queue_of(other).remove_child_dependency("c") is False
    assert "parent" in other.hash("c")


def test_independence_needs_a_child_and_a_parent(queue, flows, stored, other):
    with pytest.raises(JobNotFound):
        queue.remove_child_dependency("nobody")
    flows.add(with_id("p", stored, with_id("c", other)))
    queue.remove("p", remove_children=False)
    with pytest.raises(ParentNotFound):
        queue_of(other).remove_child_dependency("c")


def test_pending_children_are_removed_and_the_parent_runs(queue, flows, stored, other, end):
    flows.add(
        with_id(
            "p",
            stored,
            with_id("done", other),
            with_id("c", other, with_id("deep", stored, delay=9)),
            with_id("d", stored),
            priority=3,
        )
    )
    end(Completed(1))
    assert queue.remove_unprocessed_children("p") == 3
    assert (stored.ids("wait"), stored.ids("waiting_children")) == (["p"], [])
    assert returned(stored, "p") == {other.keys.job("done"): "1"}
    assert other.ids("completed") == ["done"]
    assert not stored.hash("deep") | stored.hash("d") | other.hash("c")
    removed = {
        (each["jobId"], each["prev"])
        for each in stored.events() + other.events()
        if each["event"] == "removed"
    }
    assert removed == {("c", "waiting-children"), ("deep", "delayed"), ("d", "wait")}


def test_pending_children_that_run_or_have_failed_stay(queue, flows, stored, other, workers, end):
    flows.add(
        with_id(
            "p", stored, with_id("broken", other), with_id("running", other), with_id("x", other)
        )
    )
    end(Failed("broken"))
    workers[1].take()
    assert queue.remove_unprocessed_children("p") == 1
    assert kin(stored, "p") == {other.keys.job("broken"), other.keys.job("running")}
    assert stored.ids("waiting_children") == ["p"]


def test_phantoms_among_the_pending_children_are_dropped(queue, flows, stored, other):
    flows.add(with_id("p", stored, with_id("c", other)))
    other.run("DEL", other.keys.job("c"), other.keys.wait)
    assert queue.remove_unprocessed_children("p") == 0
    assert stored.ids("wait") == ["p"]
    with pytest.raises(JobNotFound):
        queue.remove_unprocessed_children("nobody")


def test_a_removed_job_takes_everything_below_along(queue, flows, stored, other, end):
    flows.add(
        with_id(
            "p",
            stored,
            with_id("ok", other),
            with_id("i", other, ignore_dependency_on_failure=True),
            with_id("x", other, fail_parent_on_failure=True),
            with_id("m", other, with_id("deep", stored, with_id("deeper", other))),
        )
    )
    queue.add("bystander", job_id="bystander")
    end(Completed(1), Failed("i"), Failed("x"))
    assert queue.remove("p") is True
    assert stored.all_keys() == {"id", "meta", "events", "marker", "wait", "bystander"}
    assert other.all_keys() == {"id", "meta", "events", "marker"}
    gone = {
        each["jobId"]: each["prev"]
        for each in stored.events() + other.events()
        if each["event"] == "removed"
    }
    assert gone == {
        "p": "wait",
        "deep": "waiting-children",
        "m": "waiting-children",
        "ok": "completed",
        "i": "failed",
        "x": "failed",
        "deeper": "wait",
    }


def test_a_removed_child_releases_its_parent(flows, queue, stored, other):
    flows.add(with_id("p", stored, with_id("c", other), priority=3))
    queue_of(other).remove("c")
    assert (stored.ids("wait"), stored.marker()) == (["p"], {"0": 0})


def test_nothing_is_removed_while_one_below_is_running(queue, flows, stored, other, workers):
    flows.add(with_id("p", stored, with_id("m", stored, with_id("c", other)), with_id("d", stored)))
    workers[1].take()
    before = everything(stored, other)
    with pytest.raises(JobLocked, match="a child of it"):
        queue.remove("p")
    assert everything(stored, other) == before


def test_children_may_be_left_behind(queue, flows, stored, other, end):
    flows.add(with_id("p", stored, with_id("c", other, fail_parent_on_failure=True)))
    queue.remove("p", remove_children=False)
    assert stored.all_keys() == {"id", "meta", "events"}
    end(Failed("nobody cares"))
    assert other.ids("failed") == ["c"]
    assert stored.all_keys() == {"id", "meta", "events"}


def test_a_job_that_took_the_id_of_a_former_child_stays(queue, flows, stored, other, end):
    flows.add(with_id("p", stored, with_id("c", other)))
    end(Completed(1))
    queue_of(other).remove("c")
    queue_of(other).add("new", job_id="c")
    queue.remove("p")
    assert (other.ids("wait"), other.hash("c")["name"]) == (["c"], "new")


@pytest.mark.parametrize("number", [10, 500])
def test_many_children_are_removed_in_one_step(queue, flows, stored, other, number):
    for place in (stored, other):
        queue_of(place).add("bystander", job_id="bystander")
    children = [with_id(f"c{n}", (stored, other)[n % 2]) for n in range(number)]
    flows.add(
        with_id(
            "p",
            stored,
            *children,
            with_id("late", other, delay=99),
            with_id("first", other, priority=1),
        )
    )
    queue_of(other).add("last", job_id="last")
    assert queue.remove("p") is True
    assert stored.ids("wait") == ["bystander"]
    assert other.ids("wait") == ["last", "bystander"]
    assert stored.all_keys() == {"id", "meta", "events", "marker", "wait", "bystander"}


def test_a_chain_of_a_thousand_is_removed_in_one_step(queue, flows, stored):
    flow = with_id("n0", stored)
    for number in range(1, 1000):
        flow = with_id(f"n{number}", stored, flow)
    flows.add(flow)
    assert queue.remove("n999") is True
    assert stored.all_keys() == {"id", "meta", "events", "marker"}


def test_a_damaged_circle_is_removed_once(queue, flows, stored):
    flows.add(with_id("a", stored, with_id("b", stored)))
    stored.run("SADD", stored.keys.job_part("b", "dependencies"), stored.keys.job("a"))
    stored.run("HSET", stored.keys.job("a"), "parentKey", stored.keys.job("b"))
    assert queue.remove("b") is True
    assert not stored.hash("a") | stored.hash("b")
    assert stored.event_names().count("removed") == 2


def test_a_child_whose_id_has_colons_harms_no_other_key(queue, flows, stored, other):
    flows.add(with_id("p", stored, with_id("plain", other)))
    child = other.keys.job("x:y:z")
    other.run("HSET", child, "name", "n", "parentKey", stored.keys.job("p"))
    other.run("LPUSH", other.keys.wait, "x:y:z")
    stored.run("SADD", stored.keys.job_part("p", "dependencies"), child)
    assert queue.remove("p") is True
    assert other.all_keys() == {"id", "meta", "events", "marker"}
    assert {"event": "removed", "jobId": "x:y:z", "prev": "wait"} in other.events()


def test_removing_the_last_child_releases_a_parent_whose_id_has_colons(queue, stored):
    stored.run("HSET", stored.keys.job("repeat:s:1"), "name", "n")
    stored.run("ZADD", stored.keys.waiting_children, 1, "repeat:s:1")
    queue.add("c", job_id="c", parent=Parent("repeat:s:1", queue.name))
    assert queue.remove("c") is True
    assert stored.ids("wait") == ["repeat:s:1"]
