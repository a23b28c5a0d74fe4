"""What was taken away and brought back is Node's as before; and Node sees what services do."""

from __future__ import annotations

import uuid

import pytest
from flask import Flask

from bullrush.core import Queue, QueueEvents
from bullrush.flask_ext import Bullrush, add_job, pause_queue, resume_queue

SHELF = {"shelf": "s", "life": 60_000, "room": 1_000_000}


@pytest.mark.parametrize(
    ("state", "options"),
    [("waiting", {}), ("prioritized", {"priority": 3}), ("delayed", {"delay": 3_600_000})],
)
def test_a_job_of_node_that_was_taken_away_comes_back_and_node_runs_it(
    node, redis_url, queue_name, state, options
):
    with Queue(queue_name, url=redis_url) as queue:
        added = node.request("add", queue=queue_name, name="x", data={"n": 1}, opts=options)
        job_id = str(added["id"])
        assert queue.take_away([job_id], state, **SHELF).ids == [job_id]
        counts = node.request("call", queue=queue_name, method="getJobCounts", args=[state])
        assert counts[state] == 0
        assert queue.restore("s").ids == [job_id]
        assert queue.get_state(job_id) == state
        if state == "delayed":
            queue.promote(job_id)
        with QueueEvents(queue_name, driver=queue.driver) as events:
            node.request("startWorker", queue=queue_name, handler="echo", options={})
            assert events.wait_until_finished(job_id, 20) == {"n": 1}


@pytest.mark.row(84, 89)
def test_node_sees_the_jobs_and_the_pauses_of_the_services(node, redis_url, queue_name):
    app = Flask("shop")
    app.config.from_mapping(BULLRUSH_REDIS_URL=redis_url, BULLRUSH_ADMIN_TOKEN=uuid.uuid4().hex)
    Bullrush(app)
    with app.app_context():
        add_job(queue_name, "send", {"to": "ann"}, priority=2)
        (job,) = node.request("call", queue=queue_name, method="getJobs", args=[["prioritized"]])
        assert (job["name"], job["data"], job["opts"]["priority"]) == ("send", {"to": "ann"}, 2)
        pause_queue(queue_name)
        assert node.request("isPaused", queue=queue_name) is True
        resume_queue(queue_name)
        assert node.request("isPaused", queue=queue_name) is False
    app.extensions["bullrush"].close()
