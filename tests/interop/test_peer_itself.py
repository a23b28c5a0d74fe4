"""The Node peer works by itself: what the other interop tests rest on."""

from __future__ import annotations

import pytest

from tests.support.node_peer import VERSIONS, NodeError
from tests.support.waiting import wait_until


def test_the_version_is_the_one_that_was_asked_for(node, node_version):
    assert node.version == VERSIONS[node_version][1]


def test_a_job_added_by_node_is_worked_by_node(node, queue_name):
    node.request("startEvents", queue=queue_name)
    added = node.request("add", queue=queue_name, name="add", data={"args": [2, 3]})
    node.request("startWorker", queue=queue_name, handler="sum")

    result = node.request("waitUntilFinished", queue=queue_name, jobId=added["id"], ttl=10_000)

    assert result == 5
    job = node.request("getJob", queue=queue_name, jobId=added["id"])
    assert (job["data"], job["returnvalue"], job["attemptsMade"]) == ({"args": [2, 3]}, 5, 1)
    assert job["timestamp"] <= job["processedOn"] <= job["finishedOn"]
    node.wait_for("worker.completed", queue=queue_name, result=5)
    event = node.wait_for("queue.completed", queue=queue_name)
    assert event["args"]["jobId"] == added["id"]


def test_a_failing_job_is_retried_and_recovers(node, queue_name):
    data = {"message": "not yet", "failures": 2}
    opts = {"attempts": 3}
    added = node.request("add", queue=queue_name, name="flaky", data=data, opts=opts)
    node.request("startWorker", queue=queue_name, handler="fail")

    node.wait_for("worker.completed", queue=queue_name, result="recovered")

    job = node.request("getJob", queue=queue_name, jobId=added["id"])
    assert job["attemptsMade"] == 3
    assert len(job["stacktrace"]) == 2


def test_progress_and_logs_are_stored_and_reported(node, queue_name):
    node.request("startEvents", queue=queue_name)
    first = node.request("add", queue=queue_name, name="any", data={})
    worker = node.request("startWorker", queue=queue_name, handler="progress")
    node.wait_for("worker.completed", queue=queue_name)
    node.request("stopWorker", worker=worker)
    second = node.request("add", queue=queue_name, name="any", data={"lines": ["a", "b"]})
    node.request("startWorker", queue=queue_name, handler="log")
    node.wait_for("worker.completed", queue=queue_name)

    seen = [node.wait_for("queue.progress", queue=queue_name)["args"]["data"] for _ in range(2)]
    assert seen == [50, {"percent": 100}]
    job = node.request("getJob", queue=queue_name, jobId=first["id"])
    assert job["progress"] == {"percent": 100}
    logs = node.request("getLogs", queue=queue_name, jobId=second["id"])
    assert logs == {"logs": ["a", "b"], "count": 2}


def test_a_hanging_job_stays_active_until_it_is_released(node, queue_name):
    added = node.request("add", queue=queue_name, name="any", data={})
    worker = node.request("startWorker", queue=queue_name, handler="hang")
    node.wait_for("started", queue=queue_name, jobId=added["id"])

    assert node.request("getState", queue=queue_name, jobId=added["id"]) == "active"
    assert node.request("release", worker=worker, value={"let": "go"}) == 1
    node.wait_for("worker.completed", queue=queue_name, result={"let": "go"})


def test_a_killed_process_leaves_its_job_to_the_stalled_check(node, new_node, queue_name):
    doomed = new_node()
    added = node.request("add", queue=queue_name, name="any", data={"kept": True})
    # Its first sweep must not keep the other worker from sweeping for the default of 30 s.
    options = {"lockDuration": 500, "stalledInterval": 100}
    doomed.request("startWorker", queue=queue_name, handler="hang", options=options)
    doomed.wait_for("started", jobId=added["id"])

    doomed.kill()

    options = {"stalledInterval": 100}
    node.request("startWorker", queue=queue_name, handler="echo", options=options)
    node.wait_for("worker.completed", queue=queue_name, result={"kept": True})
    with pytest.raises(RuntimeError, match="Node has ended"):
        doomed.request("getJobCounts", queue=queue_name)


def test_pausing_removing_and_promoting(node, queue_name):
    added = node.request("add", queue=queue_name, name="any", data={}, opts={"delay": 60_000})
    node.request("pause", queue=queue_name)
    assert node.request("isPaused", queue=queue_name) is True

    node.request("promote", queue=queue_name, jobId=added["id"])
    # 5.81 keeps the jobs of a paused queue in a list of their own, and says so.
    state = node.request("getState", queue=queue_name, jobId=added["id"])
    assert state in ("waiting", "paused")

    node.request("resume", queue=queue_name)
    assert node.request("isPaused", queue=queue_name) is False
    assert node.request("remove", queue=queue_name, jobId=added["id"]) == 1
    counts = node.request("getJobCounts", queue=queue_name)
    assert not any(counts.values())


def test_workers_are_listed_by_queue(node, queue_name):
    options = {"name": "ann"}
    node.request("startWorker", queue=queue_name, handler="echo", options=options)

    listed = wait_until(lambda: node.request("getWorkers", queue=queue_name))

    assert [each["name"] for each in listed] == [queue_name]
    assert listed[0]["rawname"].endswith(":w:ann")


def test_an_error_of_node_is_raised_with_its_code(node, queue_name):
    added = node.request("add", queue=queue_name, name="any", data={})

    with pytest.raises(NodeError, match="is not in the failed state") as caught:
        node.request("retryJob", queue=queue_name, jobId=added["id"])

    assert caught.value.code == -3


def test_an_unknown_op_is_an_error(node):
    with pytest.raises(NodeError, match="no op dance"):
        node.request("dance")
