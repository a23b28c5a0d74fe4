"""Flows over jobs that exist already (protocol part 2, section 1.4)."""

from __future__ import annotations

import json

import pytest

from bullrush.core import Completed, Deduplication, Failed, FlowJob, Parent
from bullrush.core.calls import run
from bullrush.core.errors import CircularParents, ParentNotFound, ParentNotReplaceable
from tests.support.kin import everything, kin, returned, with_id


def test_adding_a_flow_again_changes_nothing(flows, stored, other):
    flow = with_id("p", stored, with_id("c", other), with_id("d", other))
    flows.add(flow)
    before = {each: stored.hash(each) | other.hash(each) for each in ("p", "c", "d")}
    flows.add(flow)
    assert {each: stored.hash(each) | other.hash(each) for each in ("p", "c", "d")} == before
    assert sorted(other.ids("wait")) == ["c", "d"]
    assert stored.ids("waiting_children") == ["p"]
    assert stored.event_names() == ["added", "waiting-children", "duplicated"]
    assert other.event_names()[-2:] == ["duplicated", "duplicated"]


def test_a_waiting_parent_gets_more_children(flows, stored, other):
    flows.add(with_id("p", stored, with_id("c", other)))
    flows.add(with_id("p", stored, with_id("d", other)))
    assert kin(stored, "p", "dependencies") == {other.keys.job("c"), other.keys.job("d")}


def test_a_child_that_has_completed_already_counts(flows, stored, other, make_hands):
    hands = make_hands(other.keys.queue)
    hands.queue.add("c", job_id="c")
    hands.commit(hands.take()[0], Completed({"v": 1}))
    flows.add(
        with_id("p", stored, with_id("c", other, fail_parent_on_failure=True), with_id("d", other))
    )
    assert returned(stored, "p") == {other.keys.job("c"): '{"v":1}'}
    assert kin(stored, "p", "dependencies") == {other.keys.job("d")}
    assert stored.ids("waiting_children") == ["p"]
    assert json.loads(other.hash("c")["parent"])["fpof"] is True
    assert "parent" not in json.loads(other.hash("c")["opts"])


def test_a_parent_of_completed_children_alone_runs_at_once(flows, stored, other, make_hands):
    hands = make_hands(other.keys.queue)
    for each in "cd":
        hands.queue.add(each, job_id=each)
    hands.trip([(taken, Completed(1)) for taken in hands.take(2)])
    flows.add(with_id("p", stored, with_id("c", other), with_id("d", other), priority=2))
    assert (stored.ids("prioritized"), stored.ids("waiting_children")) == (["p"], [])
    assert stored.events()[-1] == {"event": "waiting", "jobId": "p", "prev": "waiting-children"}


def test_a_failed_child_is_adopted_with_its_failure(flows, stored, other, make_hands):
    hands = make_hands(other.keys.queue)
    hands.queue.add("c", job_id="c")
    hands.commit(hands.take()[0], Failed("broken"))
    flows.add(with_id("p", stored, with_id("c", other, ignore_dependency_on_failure=True)))
    assert returned(stored, "p", "failed") == {other.keys.job("c"): "broken"}
    assert stored.ids("wait") == ["p"]


def test_a_failed_child_without_policy_holds_its_new_parent(flows, stored, other, make_hands):
    hands = make_hands(other.keys.queue)
    hands.queue.add("c", job_id="c")
    hands.commit(hands.take()[0], Failed("broken"))
    flows.add(with_id("p", stored, with_id("c", other)))
    assert kin(stored, "p", "dependencies") == {other.keys.job("c")}
    hands.queue.retry_job("c")
    hands.commit(hands.take()[0], Completed(1))
    assert stored.ids("wait") == ["p"]


def test_adding_again_does_not_wait_for_a_failure_that_was_ignored(
    flows, stored, other, make_hands
):
    flow = with_id(
        "p", stored, with_id("c", other, ignore_dependency_on_failure=True), with_id("d", other)
    )
    flows.add(flow)
    hands = make_hands(other.keys.queue)
    hands.commit(hands.take()[0], Failed("broken"))
    flows.add(flow)
    assert kin(stored, "p", "dependencies") == {other.keys.job("d")}
    assert returned(stored, "p", "failed") == {other.keys.job("c"): "broken"}


def test_a_child_of_a_parent_that_is_gone_is_adopted(flows, queue, stored, other):
    flows.add(with_id("old", stored, with_id("c", other)))
    queue.remove("old", remove_children=False)
    flows.add(with_id("new", stored, with_id("c", other)))
    assert other.hash("c")["parentKey"] == stored.keys.job("new")
    assert kin(stored, "new", "dependencies") == {other.keys.job("c")}


def test_a_child_of_another_parent_refuses_the_whole_flow(flows, stored, other):
    flows.add(with_id("owner", stored, with_id("c", other, with_id("below", other))))
    before = everything(stored, other)
    thief = with_id("thief", stored, with_id("x", other), with_id("c", other, with_id("n", other)))
    with pytest.raises(ParentNotReplaceable, match=stored.keys.job("owner")) as raised:
        flows.add(thief)
    assert raised.value.code == -7
    with pytest.raises(ParentNotReplaceable):
        flows.add_bulk([with_id("fine", stored), thief])
    assert everything(stored, other) == before


def test_a_missing_parent_refuses_the_whole_flow(flows, queue, stored, other):
    orphan = with_id("r", stored, with_id("c", other), parent=Parent("nobody", other.keys.queue))
    with pytest.raises(ParentNotFound, match=other.keys.job("nobody")) as raised:
        flows.add(orphan)
    assert raised.value.code == -5
    with pytest.raises(ParentNotFound):
        flows.add_bulk([with_id("fine", stored), orphan])
    with pytest.raises(ParentNotFound):
        queue.add("c", parent=Parent("nobody", queue.name))
    assert stored.all_keys() | other.all_keys() == set()


def test_a_parent_under_another_prefix_is_another_job(queue, stored):
    queue.add("p", job_id="p")
    before = everything(stored)
    with pytest.raises(ParentNotFound, match=f"zoo:{queue.name}:p"):
        queue.add("c", parent=Parent("p", queue.name, "zoo"))
    assert everything(stored) == before


@pytest.mark.parametrize("again", ["root", "middle"])
def test_a_job_cannot_be_below_itself(flows, stored, again):
    flow = with_id("root", stored, with_id("middle", stored, with_id(again, stored)))
    with pytest.raises(CircularParents):
        flows.add(flow)
    assert stored.all_keys() == set()


def test_an_existing_job_cannot_become_the_child_of_its_own_descendant(flows, queue, stored):
    flows.add(with_id("a", stored, with_id("b", stored, with_id("c", stored))))
    before = everything(stored)
    with pytest.raises(CircularParents):
        queue.add("a", job_id="a", parent=Parent("c", queue.name))
    with pytest.raises(CircularParents):
        queue.add("c", job_id="a", parent=Parent("a", queue.name))
    assert everything(stored) == before


def test_the_same_child_twice_is_one_child(flows, stored):
    flows.add(with_id("p", stored, with_id("c", stored), with_id("c", stored)))
    assert stored.ids("wait") == ["c"]
    assert stored.event_names()[-1] == "duplicated"


def test_a_lone_root_may_be_deduplicated(flows, stored):
    rule = Deduplication("only-one")
    first = flows.add(FlowJob("x", stored.keys.queue, options={"deduplication": rule}))
    second = flows.add(FlowJob("x", stored.keys.queue, options={"deduplication": rule}))
    assert first.job.id == second.job.id
    assert stored.ids("wait") == [first.job.id]


def test_a_parent_that_was_half_made_gets_its_place(flows, stored, other):
    flows.add(with_id("p", stored, with_id("c", other)))
    stored.run("DEL", stored.keys.waiting_children)
    flows.add(with_id("p", stored, with_id("d", other)))
    assert stored.ids("waiting_children") == ["p"]


@pytest.mark.parametrize("outcome", [Completed("old"), Failed("old")], ids=["done", "failed"])
def test_a_finished_child_is_renewed_under_a_new_parent(queue, stored, hands, outcome):
    for each in ("old", "new"):
        queue.add(each, job_id=each, delay=60_000)
    queue.add("c", job_id="c", parent=Parent("old", queue.name))
    hands.commit(hands.take()[0], outcome)
    options = {"job_id": "c", "parent": Parent("new", queue.name)}
    run(hands.queue.driver, hands.queue.send_jobs([renewed(hands.queue, options)], list))
    assert (stored.ids("wait"), stored.ids("completed"), stored.ids("failed")) == (["c"], [], [])
    assert not {"returnvalue", "failedReason"} & set(stored.hash("c"))
    assert (kin(stored, "old"), kin(stored, "new")) == (set(), {stored.keys.job("c")})
    prev = "completed" if isinstance(outcome, Completed) else "failed"
    assert {"event": "removed", "jobId": "c", "prev": prev} in stored.events()


def renewed(queue, options):
    """A job that takes the place of a finished one of its id."""
    return queue.prepare("c", None, options, renew=True)
