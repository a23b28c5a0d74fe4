"""Adding and reading flows: protocol part 2, sections 1.1 to 1.4 and 1.9."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bullrush.core import (
    BulkJob,
    Completed,
    Deduplication,
    Failed,
    FlowJob,
    JobNode,
    Parent,
)
from bullrush.core.calls import run
from bullrush.core.errors import (
    CircularParents,
    InvalidJobId,
    InvalidOption,
    InvalidQueueName,
    ParentNotFound,
    ParentNotReplaceable,
    ServerError,
    UnserializableData,
)
from bullrush.core.keys import QueueKeys
from bullrush.core.nodes import LARGEST_FLOW
from tests.support.kin import everything, kin, returned, with_id
from tests.support.stored import Stored


@pytest.fixture
def other(driver, queue_name) -> Stored:
    """What is in Redis for a second queue."""
    return Stored(driver, f"{queue_name}-other")


# -- what is stored ------------------------------------------------------------------------------


def test_a_parent_waits_for_its_children_and_they_are_in_line(flows, stored, other):
    tree = flows.add(
        with_id(
            "root",
            stored,
            with_id("low", other, with_id("leaf", stored)),
            with_id("soon", stored, delay=5000, timestamp=1_000_000),
            with_id("urgent", other, priority=3),
        )
    )
    assert stored.ids("waiting_children") == ["root"]
    assert other.ids("waiting_children") == ["low"]
    assert (stored.ids("wait"), stored.ids("delayed")) == (["leaf"], ["soon"])
    assert other.ids("prioritized") == ["urgent"]
    assert kin(stored, "root", "dependencies") == {
        other.keys.job("low"),
        stored.keys.job("soon"),
        other.keys.job("urgent"),
    }
    assert kin(other, "low", "dependencies") == {stored.keys.job("leaf")}
    assert stored.score("waiting_children", "root") == tree.job.timestamp
    assert stored.marker() == {"0": 0, "1": 1_005_000}
    assert other.marker() == {"0": 0}


def test_a_child_names_its_parent_and_what_its_failure_means(flows, stored, other):
    flows.add(with_id("p", stored, with_id("c", other, fail_parent_on_failure=True)))
    child, qualified = other.hash("c"), stored.keys.qualified
    assert child["parentKey"] == stored.keys.job("p")
    assert json.loads(child["parent"]) == {"id": "p", "queueKey": qualified, "fpof": True}
    assert json.loads(child["opts"]) == {
        "jobId": "c",
        "attempts": 0,
        "fpof": True,
        "parent": {"id": "p", "queue": qualified},
    }
    assert "parentKey" not in stored.hash("p")


def test_events_come_level_by_level(flows, stored, other):
    flows.add_bulk(
        [
            with_id("r1", stored, with_id("a", stored, with_id("deep", stored))),
            with_id("r2", stored, with_id("b", stored, delay=9, timestamp=1)),
        ]
    )
    assert [(each["event"], each["jobId"]) for each in stored.events()] == [
        ("added", "r1"),
        ("waiting-children", "r1"),
        ("added", "r2"),
        ("waiting-children", "r2"),
        ("added", "a"),
        ("waiting-children", "a"),
        ("added", "b"),
        ("delayed", "b"),
        ("added", "deep"),
        ("waiting", "deep"),
    ]
    assert stored.run("GET", stored.keys.id) == b"5"


def test_the_tree_that_comes_back_is_the_one_that_was_added(flows, stored):
    tree = flows.add(
        FlowJob(
            "r",
            stored.keys.queue,
            1,
            children=[FlowJob("a", stored.keys.queue, 2), FlowJob("b", stored.keys.queue, 3)],
        )
    )
    assert tree.job.name == "r"
    assert [child.job.data for child in tree.children] == [2, 3]
    assert tree.key == stored.keys.job(tree.job.id)
    assert len({tree.job.id, *(child.job.id for child in tree.children)}) == 3
    assert set(stored.hash(tree.job.id)) == {
        "name",
        "data",
        "opts",
        "timestamp",
        "delay",
        "priority",
    }
    assert tree.children[0].job.parent_key == tree.key


def test_a_flow_in_bullmqs_own_shape_is_understood(flows, stored, other):
    flows.add(
        {
            "name": "root",
            "queueName": stored.keys.queue,
            "opts": {"jobId": "r", "removeOnComplete": True},
            "children": [
                {
                    "name": "c",
                    "data": [1],
                    "queueName": other.keys.queue,
                    "opts": {"jobId": "c", "ignoreDependencyOnFailure": True},
                }
            ],
        }
    )
    assert json.loads(stored.hash("r")["opts"])["removeOnComplete"] is True
    assert (other.hash("c")["data"], json.loads(other.hash("c")["parent"])["idof"]) == ("[1]", True)


def test_options_of_a_queue_apply_to_its_jobs_alone(flows, stored, other):
    defaults = {other.keys.queue: {"attempts": 4, "priority": 9}}
    flows.add(
        with_id("p", stored, with_id("c", other), with_id("own", other, priority=1)),
        queues_options=defaults,
    )
    assert json.loads(stored.hash("p")["opts"]) == {"attempts": 0, "jobId": "p"}
    assert [other.hash(each)["priority"] for each in ("c", "own")] == ["9", "1"]
    assert json.loads(other.hash("own")["opts"])["attempts"] == 4


def test_a_parent_may_be_under_another_prefix(flows, driver, stored):
    flows.add(
        FlowJob(
            "p",
            stored.keys.queue,
            prefix="zoo",
            options={"job_id": "p"},
            children=[with_id("c", stored)],
        )
    )
    assert stored.hash("c")["parentKey"] == f"zoo:{stored.keys.queue}:p"
    assert driver.execute(("ZSCORE", f"zoo:{stored.keys.queue}:waiting-children", "p"))
    for key in driver.execute(("KEYS", f"zoo:{stored.keys.queue}:*")):
        driver.execute(("DEL", key))


def test_a_flow_joins_a_job_that_exists(flows, queue, stored, other):
    queue.add("boss", job_id="boss")
    flows.add(with_id("r", other, with_id("c", other), parent=Parent("boss", stored.keys.queue)))
    assert kin(stored, "boss", "dependencies") == {other.keys.job("r")}
    assert other.ids("waiting_children") == ["r"]


def test_a_single_job_may_be_a_child(queue, stored):
    parent = queue.add("p")
    child = queue.add("c", parent=Parent(parent.id, queue.name))
    assert kin(stored, parent.id, "dependencies") == {stored.keys.job(child.id)}
    assert child.parent == {"id": parent.id, "queueKey": stored.keys.qualified}
    assert queue.get_job(child.id) == child
    node_shape = {"id": parent.id, "queue": stored.keys.qualified}
    assert queue.add("d", parent=node_shape).parent_key == stored.keys.job(parent.id)


def test_many_children_may_be_added_at_once(queue, stored):
    parent = queue.add("p")
    option = {"parent": Parent(parent.id, queue.name)}
    jobs = [BulkJob("c", n, option if n % 2 else {}) for n in range(250)]
    added = queue.add_bulk(jobs)
    assert [job.data for job in added] == list(range(250))
    children = {stored.keys.job(job.id) for job in added[1::2]}
    assert kin(stored, parent.id, "dependencies") == children
    assert len(stored.ids("wait")) == 251


def test_a_chain_of_a_thousand_is_no_problem(flows, stored):
    flow = FlowJob("leaf", stored.keys.queue)
    for _ in range(1000):
        flow = FlowJob("link", stored.keys.queue, children=[flow])
    tree = flows.add(flow)
    assert len(stored.ids("waiting_children")) == 1000
    seen, depth = flows.get_flow(stored.keys.queue, tree.job.id, depth=2000), 0
    while seen.children:
        (seen,), depth = seen.children, depth + 1
    assert (depth, seen.job.name) == (1000, "leaf")


# -- jobs that exist -----------------------------------------------------------------------------


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


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"parent": "p"}, InvalidOption, "mapping with 'id' and 'queue'"),
        ({"parent": {"id": "p"}}, InvalidOption, "exactly 'id' and 'queue'"),
        ({"parent": {"id": "p", "queue": "q"}}, InvalidOption, "bull:q"),
        ({"parent": {"id": "p", "queue": ":q"}}, InvalidOption, "prefix"),
        ({"parent": {"id": "", "queue": "bull:q"}}, InvalidOption, "parent.id"),
        ({"parent": {"id": 7, "queue": "bull:q"}}, InvalidOption, "parent.id"),
        ({"fail_parent_on_failure": 1}, InvalidOption, "True or False"),
        ({"failParentOnFailure": True}, InvalidOption, "fail_parent_on_failure"),
        (
            {"fail_parent_on_failure": True, "ignore_dependency_on_failure": True},
            InvalidOption,
            "contradict",
        ),
        (
            {"parent": {"id": "p", "queue": "bull:q"}, "deduplication": "d"},
            InvalidOption,
            "cannot be used together",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(queue, stored, options, error, says):
    with pytest.raises(error, match=says):
        queue.add("x", **options)
    assert stored.all_keys() == set()


def test_a_policy_may_be_switched_off(queue, stored):
    queue.add("x", fail_parent_on_failure=False, remove_dependency_on_failure=True)
    assert json.loads(stored.hash("1")["opts"]) == {"attempts": 0, "fpof": False, "rdof": True}


def test_a_parent_is_checked_when_it_is_named():
    with pytest.raises(InvalidQueueName):
        Parent("p", "a:b")
    with pytest.raises(InvalidOption, match=r"parent\.id"):
        Parent("", "a")
    assert Parent("repeat:s:1", "a").key == "bull:a:repeat:s:1"


@pytest.mark.parametrize(
    ("child", "error", "says"),
    [
        ({"options": {"job_id": "a:b"}}, InvalidJobId, ":"),
        ({"options": {"job_id": "12"}}, InvalidJobId, "integer"),
        ({"options": {"parent": Parent("x", "y")}}, InvalidOption, "only the root"),
        ({"options": {"deduplication": "d"}}, InvalidOption, "cannot be used together"),
        ({"options": {"attempt": 3}}, InvalidOption, "attempts"),
        ({"data": {1, 2}}, UnserializableData, "set"),
        ({"queue_name": "a:b"}, InvalidQueueName, ":"),
        ({"name": ""}, InvalidOption, "name"),
    ],
)
def test_one_bad_child_refuses_the_flow_before_anything_is_written(
    flows, stored, child, error, says
):
    parts = {"name": "c", "queue_name": stored.keys.queue, **child}
    with pytest.raises(error, match=says):
        flows.add(with_id("p", stored, with_id("good", stored), FlowJob(**parts)))
    assert stored.all_keys() == set()


@pytest.mark.parametrize(
    ("flow", "says"),
    [
        (7, "FlowJob or a mapping"),
        ({"name": "x"}, "needs 'queue_name'"),
        ({"queueName": "x"}, "needs 'name'"),
        ({"name": "x", "queueName": "q", "childs": []}, "children"),
    ],
)
def test_a_flow_of_another_shape_is_refused(flows, flow, says):
    with pytest.raises(InvalidOption, match=says):
        flows.add(flow)


def test_deduplication_of_a_job_with_children_is_refused(flows, stored):
    with pytest.raises(InvalidOption, match="has children"):
        flows.add(with_id("p", stored, with_id("c", stored), deduplication="d"))
    assert stored.all_keys() == set()


def test_an_id_is_no_default_of_a_queue(flows, stored):
    with pytest.raises(InvalidOption, match="job_id"):
        flows.add(with_id("p", stored), queues_options={stored.keys.queue: {"job_id": "x"}})


def test_no_flow_at_all_is_refused(flows):
    with pytest.raises(InvalidOption, match="no flow"):
        flows.add_bulk([])


def test_a_flow_that_contains_itself_is_refused(flows, stored):
    flow: dict[str, Any] = {"name": "x", "queueName": stored.keys.queue}
    flow["children"] = [flow] * 10
    with pytest.raises(InvalidOption, match=str(LARGEST_FLOW)):
        flows.add(flow)


def test_a_parent_with_keys_of_other_types_refuses_the_child(queue, stored):
    queue.add("p", job_id="p")
    stored.run("SET", stored.keys.job_part("p", "dependencies"), "rubbish")
    before = everything(stored)
    with pytest.raises(ServerError, match="another type"):
        queue.add("c", parent=Parent("p", queue.name))
    assert everything(stored) == before


def test_an_id_that_is_another_key_refuses_the_flow(flows, stored):
    stored.run("SET", stored.keys.job("taken"), "rubbish")
    with pytest.raises(ServerError, match="another key"):
        flows.add(with_id("p", stored, with_id("taken", stored)))
    assert stored.all_keys() == {"taken"}


# -- reading -------------------------------------------------------------------------------------


def shape(node: JobNode) -> Any:
    """A tree by ids."""
    return {node.job.id: sorted((shape(child) for child in node.children), key=str)}


def test_a_flow_is_read_as_it_was_added(flows, stored, other):
    tree = flows.add(
        with_id("r", stored, with_id("a", other, with_id("x", stored)), with_id("b", other))
    )
    seen = flows.get_flow(stored.keys.queue, "r")
    assert shape(seen) == shape(tree) == {"r": [{"a": [{"x": []}]}, {"b": []}]}
    assert seen.job == tree.job


def test_depth_and_number_of_children_are_bounded(flows, stored, other):
    leaves = [with_id(f"c{n}", other) for n in range(30)]
    flows.add(with_id("r", stored, with_id("a", other, *leaves)))
    read = flows.get_flow
    assert shape(read(stored.keys.queue, "r", depth=1)) == {"r": []}
    assert shape(read(stored.keys.queue, "r", depth=2)) == {"r": [{"a": []}]}
    (a,) = read(stored.keys.queue, "r").children
    assert len(a.children) == 20
    assert len(read(other.keys.queue, "a", max_children=7).children) == 7
    assert len({child.key for child in read(other.keys.queue, "a", max_children=90).children}) == 30


def test_finished_children_are_in_the_tree_and_vanished_ones_are_not(
    flows, stored, other, make_hands
):
    flows.add(
        with_id(
            "r",
            stored,
            with_id("done", other),
            with_id("gone", other),
            with_id("ignored", other, ignore_dependency_on_failure=True),
            with_id("fatal", other, fail_parent_on_failure=True),
        )
    )
    hands = make_hands(other.keys.queue)
    for outcome in (Completed(1), Completed(2), Failed("i"), Failed("f")):
        hands.commit(hands.take()[0], outcome)
    other.run("DEL", other.keys.job("gone"))
    seen = flows.get_flow(stored.keys.queue, "r")
    assert shape(seen) == {"r": [{"done": []}, {"fatal": []}, {"ignored": []}]}


def test_a_job_that_is_not_there_has_no_flow(flows, stored):
    assert flows.get_flow(stored.keys.queue, "nobody") is None


@pytest.mark.parametrize("bad", [{"depth": 0}, {"max_children": 0}, {"depth": "2"}])
def test_bounds_of_a_flow_are_numbers_from_one(flows, stored, bad):
    with pytest.raises(InvalidOption, match=next(iter(bad))):
        flows.get_flow(stored.keys.queue, "r", **bad)


def test_a_damaged_circle_is_read_once(flows, stored):
    flows.add(with_id("a", stored, with_id("b", stored)))
    stored.run("SADD", stored.keys.job_part("b", "dependencies"), stored.keys.job("a"))
    assert shape(flows.get_flow(stored.keys.queue, "a")) == {"a": [{"b": []}]}


def test_the_keys_of_a_flow_are_those_of_its_queues(flows, stored):
    assert QueueKeys(stored.keys.queue).job("x") == flows.add(with_id("x", stored)).key


def test_the_root_of_a_flow_may_have_an_id_with_colons(queue, flows, stored):
    run = queue.upsert_job_scheduler("tick", every=1000)
    root = flows.get_flow(stored.keys.queue, run.id)
    assert (root.job.id, root.job.queue_name) == (run.id, stored.keys.queue)
