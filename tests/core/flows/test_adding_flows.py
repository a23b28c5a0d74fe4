"""A flow is added at once, and comes back as a tree (protocol part 2, sections 1.1 to 1.4)."""

from __future__ import annotations

import json

from bullrush.core import BulkJob, FlowJob, Parent
from tests.support.kin import kin, with_id


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
