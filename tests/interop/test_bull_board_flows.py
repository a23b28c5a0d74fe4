"""bull-board over flows that only Python has written: it shows the tree, and what it does to a part
of it releases or holds the rest as Python expects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bullrush.core import Completed, Failed, FlowJob, FlowProducer, Queue
from bullrush.core.worker import Worker
from tests.support.bull_board import JOB, BullBoard
from tests.support.trips import Hands
from tests.support.waiting import wait_until


@pytest.fixture
def queue(redis_url: str, queue_name: str) -> Iterator[Queue]:
    """The queue of the parents."""
    with Queue(queue_name, url=redis_url) as queue:
        yield queue


@pytest.fixture
def below(board: BullBoard, queue: Queue) -> Iterator[Queue]:
    """The queue of the children; the board shows both."""
    with Queue(f"{queue.name}-below", driver=queue.driver) as below:
        board.serve(queue.name, below.name)
        yield below


@pytest.fixture
def flows(queue: Queue) -> Iterator[FlowProducer]:
    """Adds flows."""
    with FlowProducer(driver=queue.driver) as flows:
        yield flows


@pytest.fixture
def work(queue: Queue, below: Queue) -> Iterator[Callable[[], list[str]]]:
    """Starts a worker of both queues; the list it gives grows by every job's name."""
    started: list[Worker] = []

    def start() -> list[str]:
        ran: list[str] = []

        def handler(delivery: Any) -> Any:
            ran.append(delivery.job.name)
            return sorted(queue.get_children_values(delivery.job.id).values())

        worker = Worker([queue.name, below.name], handler, driver=queue.driver)
        started.append(worker.start())
        return ran

    yield start
    for worker in started:
        worker.stop(timeout=10)


def tree_from(board: BullBoard, queue: Queue, job_id: str, **query: str) -> dict[str, Any]:
    """The flow as the page of one of its jobs draws it."""
    return dict(board.call("GET", f"{JOB}/flow", queueName=queue.name, jobId=job_id, **query))


def outline(node: dict[str, Any]) -> Any:
    """A drawn tree as (name, queue, state, [children])."""
    children = sorted((outline(child) for child in node["children"]), key=str)
    return (node["name"], node["queueName"], node["state"], children)


def test_the_tree_is_the_same_from_every_job_of_it(board, queue, below, flows):
    leaf = FlowJob("leaf", below.name)
    middle = FlowJob("middle", below.name, children=[leaf, FlowJob("late", below.name)])
    root = FlowJob("root", queue.name, children=[middle, FlowJob("side", queue.name)])
    tree = flows.add(root)
    drawn = (
        "root",
        queue.name,
        "waiting-children",
        [
            (
                "middle",
                below.name,
                "waiting-children",
                [("late", below.name, "waiting", []), ("leaf", below.name, "waiting", [])],
            ),
            ("side", queue.name, "waiting", []),
        ],
    )
    by_name = {each.job.name: each.job for each in tree.children}
    by_name |= {each.job.name: each.job for child in tree.children for each in child.children}
    for start, home in ((tree.job, queue), (by_name["middle"], below), (by_name["leaf"], below)):
        answer = tree_from(board, home, start.id)
        assert answer["isFlowNode"] is True
        assert answer["nodeId"] == start.id
        assert outline(answer["flowRoot"]) == drawn


def test_a_job_without_kin_is_no_flow(board, queue):
    assert tree_from(board, queue, queue.add("x").id)["isFlowNode"] is False


def test_children_are_counted_by_what_became_of_them(board, queue, below, flows):
    ignored = {"ignore_dependency_on_failure": True}
    children = [
        FlowJob("done", below.name),
        FlowJob("ignored", below.name, options=ignored),
        FlowJob("pending", below.name),
    ]
    tree = flows.add(FlowJob("root", queue.name, children=children))
    hands = Hands(below)
    first, second = hands.take(2)
    hands.trip([(first, Completed(1)), (second, Failed("out of paper"))])
    root = tree_from(board, queue, tree.job.id)["flowRoot"]
    assert root["dependencies"] == {"processed": 1, "unprocessed": 1, "ignored": 1, "failed": 0}
    assert list(root["ignoredChildFailureReasons"].values()) == ["out of paper"]
    states = {child["name"]: child["state"] for child in root["children"]}
    assert states == {"done": "completed", "ignored": "failed", "pending": "waiting"}


def test_why_a_parent_will_fail_is_shown(board, queue, below, flows):
    children = [FlowJob("child", below.name, options={"fail_parent_on_failure": True})]
    tree = flows.add(FlowJob("root", queue.name, children=children))
    hands = Hands(below)
    hands.commit(hands.take()[0], Failed("no"))
    page = board.job(queue.name, tree.job.id)
    assert page["job"]["deferredFailure"] == f"child {tree.children[0].key} failed"


def test_children_that_it_removes_release_the_parent_to_python(board, queue, below, flows, work):
    children = [FlowJob(f"child-{n}", below.name) for n in range(3)]
    tree = flows.add(FlowJob("root", queue.name, children=children))
    hands = Hands(below)
    hands.commit(hands.take()[0], Completed("kept"))
    route = f"{JOB}/remove-unprocessed-children"
    board.call("PUT", route, queueName=queue.name, jobId=tree.job.id)
    assert below.get_job_counts("waiting", "completed") == {"waiting": 0, "completed": 1}
    ran = work()
    wait_until(lambda: queue.get_state(tree.job.id) == "completed")
    assert (ran, queue.get_job(tree.job.id).returnvalue) == (["root"], ["kept"])


def test_a_failed_child_that_it_retries_is_waited_for_again(board, queue, below, flows, work):
    tree = flows.add(FlowJob("root", queue.name, children=[FlowJob("child", below.name)]))
    child = tree.children[0].job
    hands = Hands(below)
    hands.commit(hands.take()[0], Failed("no"))
    assert queue.get_state(tree.job.id) == "waiting-children"
    board.call("PUT", f"{JOB}/retry", queueName=below.name, jobId=child.id)
    ran = work()
    wait_until(lambda: queue.get_state(tree.job.id) == "completed")
    assert ran == ["child", "root"]


def test_a_child_that_it_promotes_goes_before_its_parent(board, queue, below, flows, work):
    children = [FlowJob("child", below.name, options={"delay": 3_600_000})]
    tree = flows.add(FlowJob("root", queue.name, children=children))
    ran = work()
    board.call("PUT", f"{JOB}/promote", queueName=below.name, jobId=tree.children[0].job.id)
    wait_until(lambda: queue.get_state(tree.job.id) == "completed")
    assert ran == ["child", "root"]


def test_a_parent_that_it_removes_takes_its_children_along(board, queue, below, flows):
    tree = flows.add(FlowJob("root", queue.name, children=[FlowJob("child", below.name)]))
    board.call("PUT", f"{JOB}/clean", queueName=queue.name, jobId=tree.job.id)
    assert (queue.get_jobs(), below.get_jobs()) == ([], [])


def test_a_child_that_it_removes_releases_the_parent_to_python(board, queue, below, flows, work):
    tree = flows.add(FlowJob("root", queue.name, children=[FlowJob("child", below.name)]))
    board.call("PUT", f"{JOB}/clean", queueName=below.name, jobId=tree.children[0].job.id)
    ran = work()
    wait_until(lambda: queue.get_state(tree.job.id) == "completed")
    assert ran == ["root"]


def test_a_child_of_a_failed_policy_is_drawn_with_its_state(board, queue, below, flows):
    children = [FlowJob("child", below.name, options={"fail_parent_on_failure": True})]
    tree = flows.add(FlowJob("root", queue.name, children=children))
    hands = Hands(below)
    hands.commit(hands.take()[0], Failed("no"))
    root = tree_from(board, below, tree.children[0].job.id)["flowRoot"]
    assert root["dependencies"]["failed"] == 1
    assert [child["state"] for child in root["children"]] == ["failed"]
