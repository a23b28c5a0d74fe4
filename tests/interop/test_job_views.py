"""A job is the same to Python and to Node: `Job.to_dict` against `toJSON`, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bullrush.core import Completed, Deduplication, Failed, FlowJob, FlowProducer, Parent, Queue
from bullrush.core.outcome import Retried
from tests.support.node_peer import NodePeer
from tests.support.trips import Hands

#: What 5.81 adds of names that 6.x has given up.
GIVEN_UP = {"debounceId", "nextRepeatableJobId"}


@pytest.fixture
def queue(redis_url: str, queue_name: str) -> Iterator[Queue]:
    """The queue, seen from Python."""
    with Queue(queue_name, url=redis_url) as queue:
        yield queue


def seen_by_node(node: NodePeer, queue: Queue, job_id: str) -> dict[str, Any]:
    """What Node's toJSON says of a job, without what JSON cannot say."""
    view = node.request("callJob", queue=queue.name, jobId=job_id, method="toJSON")
    return {name: value for name, value in view.items() if name not in GIVEN_UP}


def same_to_both(node: NodePeer, queue: Queue, job_id: str) -> dict[str, Any]:
    """The job as both see it."""
    ours = queue.get_job(job_id).to_dict()
    assert ours == seen_by_node(node, queue, job_id)
    return ours


class TestJobsOfPython:
    """Python writes, both read."""

    def test_a_plain_job(self, node, queue):
        same_to_both(node, queue, queue.add("x").id)

    def test_a_job_with_many_options(self, node, queue):
        job = queue.add(
            "x",
            {"deep": [1, None, {"ü": 0.5}]},
            job_id="mine",
            delay=60_000,
            priority=3,
            attempts=5,
            backoff=1000,
            keep_logs=2,
            deduplication=Deduplication("once", ttl=5000),
        )
        view = same_to_both(node, queue, job.id)
        assert (view["deduplicationId"], view["priority"]) == ("once", 3)

    def test_a_job_in_the_middle_of_its_attempts(self, node, queue):
        job, hands = queue.add("x", attempts=3), Hands(queue, "py-1")
        hands.commit(hands.take()[0], Retried(0, "not yet", "Traceback: not yet"))
        queue.update_progress(job.id, {"percent": 50})
        hands.take()
        view = same_to_both(node, queue, job.id)
        assert (view["attemptsMade"], view["attemptsStarted"]) == (1, 2)
        assert view["processedBy"] == "py-1"

    @pytest.mark.parametrize("outcome", [Completed({"v": [1]}), Completed(), Failed("no", "T")])
    def test_a_finished_job(self, node, queue, outcome):
        job, hands = queue.add("x"), Hands(queue)
        hands.commit(hands.take()[0], outcome)
        same_to_both(node, queue, job.id)

    def test_a_parent_and_its_failed_child(self, node, queue):
        child = FlowJob("child", queue.name, options={"fail_parent_on_failure": True})
        with FlowProducer(driver=queue.driver) as flows:
            tree = flows.add(FlowJob("parent", queue.name, children=[child]))
        hands = Hands(queue)
        hands.commit(hands.take()[0], Failed("no"))
        assert same_to_both(node, queue, tree.children[0].job.id)["parent"]["fpof"] is True
        assert "deferredFailure" in same_to_both(node, queue, tree.job.id)


class TestJobsOfOthers:
    """Somebody else writes as little as can be, both read."""

    def test_a_hash_with_hardly_a_field(self, node, queue):
        fields = ("name", "x", "timestamp", 5, "delay", 0, "priority", 0)
        queue.driver.execute(("HSET", queue.keys.job("bare"), *fields))
        assert same_to_both(node, queue, "bare")["opts"] == {"attempts": 0}


class TestJobsOfNode:
    """Node writes, both read."""

    def test_a_job_with_many_options(self, node, queue):
        options = {
            "jobId": "mine",
            "delay": 60_000,
            "priority": 3,
            "attempts": 5,
            "backoff": {"type": "exponential", "delay": 100},
            "keepLogs": 2,
            "deduplication": {"id": "once"},
            "telemetry": {"metadata": "opaque", "omitContext": True},
            "removeOnFail": {"age": 60},
        }
        node.request("add", queue=queue.name, name="x", data={"a": 1}, opts=options)
        same_to_both(node, queue, "mine")

    def test_finished_jobs(self, node, queue):
        node.request("startEvents", queue=queue.name)
        node.request("startWorker", queue=queue.name, handler="fail")
        for failures in (0, 9):
            data = {"failures": failures, "message": "no", "result": {"r": 1}}
            job = node.request("add", queue=queue.name, name="x", data=data)
            name = "queue.failed" if failures else "queue.completed"
            node.wait_for(name, queue=queue.name)
            same_to_both(node, queue, job["id"])

    def test_a_run_of_a_scheduler(self, node, queue):
        repeat = {"every": 60_000, "limit": 3}
        template = {"name": "tick", "data": {"x": 1}, "opts": {"priority": 2}}
        arguments = ["minutely", repeat, template]
        run = node.request("call", queue=queue.name, method="upsertJobScheduler", args=arguments)
        assert same_to_both(node, queue, run["id"])["repeatJobKey"] == "minutely"

    def test_a_child_of_a_python_parent(self, node, queue):
        parent = queue.add("parent", delay=60_000)
        options = {"parent": Parent(parent.id, queue.name).option()}
        child = node.request("add", queue=queue.name, name="child", data={}, opts=options)
        assert same_to_both(node, queue, child["id"])["parentKey"] == parent.key
