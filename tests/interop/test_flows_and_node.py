"""Flows that cross languages: Python and real Node BullMQ, 6.7 and 5.81, over several queues of the
same Redis.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bullrush.core import FlowProducer, Queue, QueueEvents, WaitingChildrenError
from bullrush.core.drivers import Driver, connect
from bullrush.core.worker import Worker
from tests.support.kin import everything
from tests.support.stored import Stored
from tests.support.waiting import wait_until


@pytest.fixture
def driver(redis_url: str) -> Iterator[Driver]:
    """A connection that the Python side shares."""
    driver = connect(redis_url)
    yield driver
    driver.close()


@pytest.fixture
def flows(driver: Driver) -> FlowProducer:
    """Python's producer."""
    return FlowProducer(driver=driver)


@pytest.fixture
def names(queue_name: str) -> tuple[str, str, str]:
    """Three queues."""
    return (f"{queue_name}-a", f"{queue_name}-b", f"{queue_name}-c")


@pytest.fixture
def queues(driver: Driver, names: tuple[str, str, str]) -> list[Queue]:
    """The same, seen from Python."""
    return [Queue(name, driver=driver) for name in names]


@pytest.fixture
def start_worker(redis_url: str) -> Iterator[Callable[..., Worker]]:
    """Starts Python workers; all are stopped at the end."""
    started: list[Worker] = []

    def start(names: Any, handler: Any, **options: Any) -> Worker:
        started.append(Worker(names, handler, url=redis_url, **options))
        return started[-1].start()

    yield start
    for worker in started:
        worker.stop(timeout=10)


def three_levels(names: tuple[str, str, str]) -> dict[str, Any]:
    """A flow over three queues in the shape that both sides take."""
    a, b, c = names
    return {
        "name": "root",
        "queueName": a,
        "data": {"own": "root"},
        "opts": {"jobId": "root", "priority": 3},
        "children": [
            {
                "name": "middle",
                "queueName": b,
                "data": {"own": "ünï"},
                "opts": {"jobId": "middle", "failParentOnFailure": True},
                "children": [
                    {"name": "x", "queueName": c, "data": {"own": [1]}, "opts": {"jobId": "x"}},
                    {"name": "y", "queueName": a, "data": {"own": {}}, "opts": {"jobId": "y"}},
                ],
            },
            {
                "name": "z",
                "queueName": b,
                "opts": {"jobId": "z", "delay": 1, "ignoreDependencyOnFailure": True},
            },
        ],
    }


def expected_result(names: tuple[str, str, str]) -> dict[str, Any]:
    """What the root returns when every job returns its own data and its children's values."""
    a, b, c = (f"bull:{name}" for name in names)
    middle = {
        f"{c}:x": {"own": [1], "values": {}},
        f"{a}:y": {"own": {}, "values": {}},
    }
    return {
        "own": "root",
        "values": {
            f"{b}:middle": {"own": "ünï", "values": middle},
            f"{b}:z": {"own": None, "values": {}},
        },
    }


def family(delivery: Any) -> Any:
    """The handler that peer.js has under the same name."""
    delivery.log("ran")
    if delivery.data.get("fails"):
        raise ValueError(delivery.data["fails"])
    values = delivery.queue.get_children_values(delivery.job.id)
    return {"own": delivery.data.get("own"), "values": values}


def shape(node: dict[str, Any]) -> Any:
    """A tree by ids, from either side."""
    return {node["job"]["id"]: sorted((shape(child) for child in node["children"]), key=str)}


def python_shape(node: Any) -> Any:
    """The same for Python's trees."""
    return {node.job.id: sorted((python_shape(child) for child in node.children), key=str)}


def test_node_works_off_a_flow_of_python(node, flows, queues, names, redis_url):
    flows.add(three_levels(names))
    for name in names:
        node.request("startWorker", queue=name, handler="family")
    with QueueEvents(names[0], url=redis_url) as events:
        assert events.wait_until_finished("root", 20) == expected_result(names)
    values = node.request("callJob", queue=names[0], jobId="root", method="getChildrenValues")
    assert values == expected_result(names)["values"] == queues[0].get_children_values("root")


def test_python_works_off_a_flow_of_node(node, queues, names, start_worker, redis_url):
    node.request("flowAdd", flow=three_levels(names))
    start_worker(list(names), family)
    with QueueEvents(names[0], url=redis_url) as events:
        assert events.wait_until_finished("root", 20) == expected_result(names)
    assert queues[0].get_children_values("root") == expected_result(names)["values"]


def test_a_flow_may_have_a_worker_of_each_language(node, flows, names, start_worker, redis_url):
    flows.add(three_levels(names))
    node.request("startWorker", queue=names[1], handler="family")
    start_worker([names[0], names[2]], family)
    with QueueEvents(names[0], url=redis_url) as events:
        assert events.wait_until_finished("root", 20) == expected_result(names)


def test_both_sides_read_the_tree_of_the_other(node, flows, names):
    other = tuple(f"{name}2" for name in names)
    flows.add(three_levels(names))
    node.request("flowAdd", flow=three_levels(other))
    for place in (names, other):
        seen = node.request("flowGet", queue=place[0], jobId="root")
        assert shape(seen) == python_shape(flows.get_flow(place[0], "root"))
        assert shape(seen) == {"root": [{"middle": [{"x": []}, {"y": []}]}, {"z": []}]}
    seen = node.request("flowGet", queue=names[0], jobId="root")
    middle = next(child for child in seen["children"] if child["job"]["id"] == "middle")
    assert middle["job"]["opts"]["failParentOnFailure"] is True
    assert middle["job"]["parent"]["fpof"] is True
    assert middle["job"]["opts"]["parent"] == {"id": "root", "queue": f"bull:{names[0]}"}


def readable(value: Any) -> Any:
    """Texts that hold JSON as what they say: Node's encoder orders and escapes as it likes."""
    if isinstance(value, bytes):
        try:
            return json.loads(value)
        except ValueError:
            return value.decode()
    if isinstance(value, dict):
        return {readable_key(key): readable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [readable(each) for each in value]
    return sorted(map(readable_key, value)) if isinstance(value, set) else value


def readable_key(key: Any) -> Any:
    """A member or a field name."""
    return key.decode() if isinstance(key, bytes) else key


def content(driver: Driver, names: tuple[str, ...]) -> dict[str, Any]:
    """All keys of the queues, under names that do not differ, without the ids of stream entries."""
    found = {}
    for key, value in everything(*(Stored(driver, name) for name in names)).items():
        entries = [entry for _, entry in value] if key.endswith(":events") else value
        text = json.dumps([key, readable(entries)])
        for number, name in enumerate(names):
            text = text.replace(name, f"queue-{number}")
        key, entries = json.loads(text)
        if not key.endswith(":meta"):
            found[key] = sorted(entries) if key.endswith(":dependencies") else entries
    return found


def at(flow: dict[str, Any], timestamp: int) -> dict[str, Any]:
    """The flow with the same time of adding everywhere."""
    children = [at(child, timestamp) for child in flow.get("children", ())]
    options = {**flow.get("opts", {}), "timestamp": timestamp}
    return {**flow, "opts": options, **({"children": children} if children else {})}


def test_both_sides_leave_the_same_keys_and_events(node, flows, driver, names):
    other = tuple(f"{uuid.uuid4().hex[:8]}-{name[-1]}" for name in names)
    flows.add(at(three_levels(names), 1_700_000_000_000))
    node.request("flowAdd", flow=at(three_levels(other), 1_700_000_000_000))
    assert content(driver, names) == content(driver, other)


def two_levels(names: tuple[str, ...]) -> dict[str, Any]:
    """A parent whose children are in every way of waiting."""
    children = [
        {"name": "x", "queueName": names[1], "opts": {"jobId": "x"}},
        {"name": "y", "queueName": names[1], "opts": {"jobId": "y", "priority": 2}},
        {"name": "z", "queueName": names[2], "opts": {"jobId": "z", "delay": 5}},
    ]
    flow = {"name": "p", "queueName": names[0], "opts": {"jobId": "p", "priority": 4}}
    return at({**flow, "children": children}, 1_700_000_000_000)


def test_both_sides_let_go_of_children_alike(node, flows, driver, queues, names):
    other = tuple(f"{uuid.uuid4().hex[:8]}-{name[-1]}" for name in names)
    for place in (names, other):
        flows.add(two_levels(place))
    assert queues[2].remove_child_dependency("z") is True
    assert queues[0].remove_unprocessed_children("p") == 2
    node.request("callJob", queue=other[2], jobId="z", method="removeChildDependency")
    node.request("callJob", queue=other[0], jobId="p", method="removeUnprocessedChildren")
    mine, theirs = content(driver, names), content(driver, other)
    for found in (mine, theirs):
        # The children of a set come in no order.
        found["bull:queue-1:events"] = sorted(found["bull:queue-1:events"])
    assert mine == theirs


def test_a_node_job_waits_for_a_child_that_python_runs(
    node, queues, names, start_worker, redis_url
):
    node.request("startWorker", queue=names[0], handler="spawn")
    job = queues[0].add("p", {"queue": names[1], "data": [7]})
    wait_until(lambda: queues[0].get_state(job.id) == "waiting-children", timeout=20)
    start_worker(names[1], lambda delivery: {"ran": delivery.data})
    with QueueEvents(names[0], url=redis_url) as events:
        values = events.wait_until_finished(job.id, 20)
    assert list(values.values()) == [{"ran": [7]}]
    assert queues[0].get_job(job.id).attempts_made == 1
    assert queues[0].get_job(job.id).attempts_started == 2


def test_a_python_job_waits_for_a_child_that_node_runs(
    node, queues, names, start_worker, redis_url
):
    def spawn(delivery: Any) -> Any:
        mine, job = delivery.queue, delivery.job
        values = mine.get_children_values(job.id)
        if values:
            return list(values.values())
        parent = {"id": job.id, "queue": mine.keys.qualified}
        queues[1].add("c", {"own": 5}, parent=parent)
        if mine.move_to_waiting_children(job.id, delivery.token):
            raise WaitingChildrenError
        return "nothing to wait for"

    start_worker(names[0], spawn)
    job = queues[0].add("p")
    wait_until(lambda: queues[0].get_state(job.id) == "waiting-children", timeout=20)
    node.request("startWorker", queue=names[1], handler="family")
    with QueueEvents(names[0], url=redis_url) as events:
        assert events.wait_until_finished(job.id, 20) == [{"own": 5, "values": {}}]
    assert queues[0].get_job(job.id).attempts_started == 2


def test_both_sides_count_and_list_dependencies_alike(node, flows, queues, names):
    flows.add(three_levels(names))
    node.request("startWorker", queue=names[2], handler="family")
    wait_until(lambda: queues[2].get_state("x") == "completed")
    theirs = node.request("callJob", queue=names[1], jobId="middle", method="getDependencies")
    mine = queues[1].get_job_dependencies("middle")
    assert (theirs["processed"], theirs["unprocessed"]) == (mine.processed, mine.unprocessed)
    counts = node.request("callJob", queue=names[1], jobId="middle", method="getDependenciesCount")
    assert counts == queues[1].get_dependencies_count("middle")
    page = node.request(
        "call", queue=names[1], method="getDependencies", args=["middle", "processed", 0, 10]
    )
    seen = queues[1].get_dependencies("middle", "processed", 0, 10)
    assert [(each["id"], each["v"]) for each in page["items"]] == [
        (each.key, each.value) for each in seen.items
    ]
    assert page["total"] == seen.total == 1


def test_a_flow_of_ten_thousand_children_is_released_by_the_last(flows, queues, names, redis_url):
    children = [{"name": "c", "queueName": names[1], "data": n} for n in range(10_000)]
    tree = flows.add({"name": "p", "queueName": names[0], "children": children})
    counts = queues[0].get_dependencies_count(tree.job.id)
    assert counts["unprocessed"] == 10_000
    with Worker(names[1], lambda delivery: delivery.data, url=redis_url, concurrency=50):
        wait_until(lambda: queues[0].get_state(tree.job.id) == "waiting", timeout=50)
    assert queues[0].get_dependencies_count(tree.job.id)["processed"] == 10_000
    assert sorted(queues[0].get_children_values(tree.job.id).values()) == list(range(10_000))
    assert queues[0].remove(tree.job.id) is True
    assert sum(queues[1].get_job_counts().values()) == 0
