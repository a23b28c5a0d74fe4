"""Python and real Node BullMQ, 6.7 and 5.81, on the same queues of the same Redis."""

from __future__ import annotations

import threading
import time

import pytest

from bullrush.core import (
    Backoff,
    BulkJob,
    Completed,
    Failed,
    JobFailed,
    Keep,
    Queue,
    UnrecoverableError,
)
from tests.support.node_peer import NodeError, NodePeer
from tests.support.trips import Hands
from tests.support.waiting import wait_until


class TestPythonAddsAndNodeWorks:
    """What a Node team gets from a Python producer."""

    def test_node_reads_every_part_of_a_job(self, node, queue):
        job = queue.add(
            "send",
            {"args": [1, "ü"], "kwargs": {"deep": {"list": [], "none": None}}},
            delay=60_000,
            priority=7,
            attempts=4,
            backoff=Backoff("exponential", 100, jitter=0.5),
            remove_on_complete=Keep(count=5, age=60),
            keep_logs=3,
            stack_trace_limit=2,
            lifo=True,
        )
        seen = node.request("getJob", queue=queue.name, jobId=job.id)
        assert (seen["name"], seen["data"]) == ("send", job.data)
        assert (seen["delay"], seen["priority"]) == (60_000, 7)
        assert seen["timestamp"] == job.timestamp
        expected = {
            "attempts": 4,
            "delay": 60_000,
            "priority": 7,
            "lifo": True,
            "backoff": {"type": "exponential", "delay": 100, "jitter": 0.5},
            "removeOnComplete": {"count": 5, "age": 60},
            "keepLogs": 3,
            "stackTraceLimit": 2,
        }
        assert {name: seen["opts"].get(name) for name in expected} == expected
        assert node.request("getState", queue=queue.name, jobId=job.id) == "delayed"

    def test_python_waits_for_the_value_that_node_returns(self, node, queue, events):
        node.request("startWorker", queue=queue.name, handler="sum")
        job = queue.add("add", {"args": [2, 3], "kwargs": {}})
        assert events.wait_until_finished(job.id, 20) == 5
        done = queue.get_job(job.id)
        assert (done.returnvalue, done.attempts_made, queue.get_state(job.id)) == (
            5,
            1,
            "completed",
        )

    def test_node_retries_with_the_attempts_and_backoff_that_python_asked_for(
        self, node, queue, events
    ):
        node.request("startWorker", queue=queue.name, handler="fail")
        data = {"failures": 2, "message": "not yet", "result": "third"}
        job = queue.add("x", data, attempts=3, backoff=20)
        assert events.wait_until_finished(job.id, 20) == "third"
        done = queue.get_job(job.id)
        assert (done.attempts_made, done.failed_reason, len(done.stacktrace)) == (3, "not yet", 2)

    def test_a_final_failure_in_node_is_raised_in_python(self, node, queue, events):
        node.request("startWorker", queue=queue.name, handler="fail")
        job = queue.add("x", {"failures": 9, "message": "for good"}, attempts=2)
        with pytest.raises(JobFailed, match="for good"):
            events.wait_until_finished(job.id, 20)

    def test_progress_of_node_is_heard_in_python(self, node, queue, events):
        heard = []
        events.on("progress", lambda event: heard.append(event.value))
        node.request("startWorker", queue=queue.name, handler="progress")
        job = queue.add("x")
        assert events.wait_until_finished(job.id, 20) == "done"
        wait_until(lambda: len(heard) == 2, 20)
        assert heard == [50, {"percent": 100}]
        assert queue.get_job(job.id).progress == {"percent": 100}

    def test_rows_that_node_logs_are_read_in_python(self, node, queue, events):
        node.request("startWorker", queue=queue.name, handler="log")
        job = queue.add("x", {"lines": ["one", "zwei ü"]})
        events.wait_until_finished(job.id, 20)
        assert queue.get_logs(job.id) == ["one", "zwei ü"]

    def test_node_runs_python_jobs_in_the_order_of_the_protocol(self, node, queue):
        for name, options in (
            ("fifth", {"priority": 9}),
            ("third", {"priority": 1}),
            ("fourth", {"priority": 1}),
            ("second", {}),
            ("first", {"lifo": True}),
        ):
            queue.add(name, **options)
        node.request("startEvents", queue=queue.name)
        node.request("startWorker", queue=queue.name, handler="echo")
        wait_until(lambda: queue.get_job_counts("completed") == {"completed": 5})
        done = queue.get_jobs("completed", ascending=True)
        ordered = sorted(done, key=lambda job: (job.finished_on, job.processed_on))
        assert {job.name for job in ordered} == {"first", "second", "third", "fourth", "fifth"}
        names = {job.id: job.name for job in done}
        active = [
            names[event["args"]["jobId"]]
            for event in (node.wait_for("queue.active", queue=queue.name) for _ in range(5))
        ]
        assert active == ["first", "second", "third", "fourth", "fifth"]

    def test_node_starts_a_delayed_job_of_python_at_its_time(self, node, queue, events):
        node.request("startWorker", queue=queue.name, handler="echo")
        job = queue.add("x", delay=400)
        events.wait_until_finished(job.id, 20)
        assert queue.get_job(job.id).processed_on >= job.timestamp + 400

    def test_an_idle_node_worker_starts_a_python_job_at_once(self, node, queue, events):
        options = {"drainDelay": 30}
        node.request("startWorker", queue=queue.name, handler="echo", options=options)
        events.wait_until_finished(queue.add("warm up").id, 20)
        added = time.monotonic()
        events.wait_until_finished(queue.add("x").id, 20)
        assert time.monotonic() - added < 10

    def test_node_hears_the_events_of_python(self, node, queue):
        node.request("startEvents", queue=queue.name)
        job = queue.add("x")
        queue.update_progress(job.id, {"half": True})
        hands = Hands(queue)
        hands.commit(hands.take()[0], Completed({"v": [1]}))
        for name, detail in (
            ("added", {"name": "x"}),
            ("waiting", {}),
            ("progress", {"data": {"half": True}}),
            ("active", {"prev": "waiting"}),
            ("completed", {"returnvalue": {"v": [1]}, "prev": "active"}),
        ):
            event = node.wait_for(f"queue.{name}", queue=queue.name)
            assert event["args"] == {"jobId": job.id, **detail}


class TestNodeAddsAndPythonWorks:
    """What a Python team gets from a Node producer."""

    def test_python_reads_every_part_of_a_job(self, node, queue):
        options = {
            "delay": 60_000,
            "priority": 7,
            "attempts": 4,
            "backoff": {"type": "exponential", "delay": 100},
            "removeOnComplete": {"count": 5},
            "keepLogs": 3,
            "jobId": "mine",
            "deduplication": {"id": "d", "ttl": 1000},
        }
        node.request("add", queue=queue.name, name="send", data={"a": [1, "ü"]}, opts=options)
        job = queue.get_job("mine")
        assert (job.name, job.data, job.delay, job.priority) == ("send", {"a": [1, "ü"]}, 60_000, 7)
        assert job.deduplication_id == "d"
        expected = {name: value for name, value in options.items() if name != "jobId"}
        assert {name: job.opts.get(name) for name in expected} == expected

    def test_node_waits_for_the_value_that_python_returns(self, node, queue, start_worker):
        start_worker(lambda delivery: sum(delivery.data["args"]))
        added = node.request("add", queue=queue.name, name="add", data={"args": [2, 3]})
        waiting = node.request("waitUntilFinished", queue=queue.name, jobId=added["id"], ttl=20_000)
        assert waiting == 5
        seen = node.request("getJob", queue=queue.name, jobId=added["id"])
        assert (seen["returnvalue"], seen["attemptsMade"], seen["attemptsStarted"]) == (5, 1, 1)

    def test_python_retries_with_the_attempts_and_backoff_that_node_asked_for(
        self, node, queue, start_worker
    ):
        def handler(delivery):
            if delivery.job.attempts_made < 2:
                raise ValueError("not yet")
            return "third"

        start_worker(handler)
        options = {"attempts": 3, "backoff": {"type": "exponential", "delay": 20}}
        added = node.request("add", queue=queue.name, name="x", data={}, opts=options)
        assert (
            node.request("waitUntilFinished", queue=queue.name, jobId=added["id"], ttl=20_000)
            == "third"
        )
        seen = node.request("getJob", queue=queue.name, jobId=added["id"])
        assert seen["attemptsMade"] == 3
        assert ["ValueError: not yet" in row for row in seen["stacktrace"]] == [True, True]

    def test_a_final_failure_in_python_is_raised_in_node(self, node, queue, start_worker):
        def handler(delivery):
            raise UnrecoverableError("for good")

        start_worker(handler)
        added = node.request("add", queue=queue.name, name="x", data={}, opts={"attempts": 5})
        with pytest.raises(NodeError, match="for good"):
            node.request("waitUntilFinished", queue=queue.name, jobId=added["id"], ttl=20_000)
        seen = node.request("getJob", queue=queue.name, jobId=added["id"])
        assert (seen["failedReason"], seen["attemptsMade"]) == ("for good", 1)

    def test_progress_and_log_of_python_are_seen_in_node(self, node, queue, start_worker):
        def handler(delivery):
            delivery.update_progress({"percent": 50})
            delivery.log("a row")

        node.request("startEvents", queue=queue.name)
        start_worker(handler)
        added = node.request("add", queue=queue.name, name="x", data={})
        event = node.wait_for("queue.progress", queue=queue.name)
        assert event["args"] == {"jobId": added["id"], "data": {"percent": 50}}
        node.wait_for("queue.completed", queue=queue.name)
        assert node.request("getLogs", queue=queue.name, jobId=added["id"])["logs"] == ["a row"]

    def test_python_runs_node_jobs_in_the_order_of_the_protocol(self, node, queue, start_worker):
        for name, options in (
            ("fifth", {"priority": 9}),
            ("third", {"priority": 1}),
            ("fourth", {"priority": 1}),
            ("second", {}),
            ("first", {"lifo": True}),
        ):
            node.request("add", queue=queue.name, name=name, data={}, opts=options)
        order, done = [], threading.Event()

        def handler(delivery):
            order.append(delivery.job.name)
            if len(order) == 5:
                done.set()

        start_worker(handler)
        assert done.wait(20)
        assert order == ["first", "second", "third", "fourth", "fifth"]

    def test_an_idle_python_worker_starts_node_jobs_at_once_and_delayed_ones_in_time(
        self, node, queue, start_worker
    ):
        started: dict[str, float] = {}
        start_worker(
            lambda delivery: started.setdefault(delivery.job.name, time.time() * 1000),
            drain_delay=30.0,
        )
        for name, options in (("now", {}), ("later", {"delay": 400})):
            added = node.request("add", queue=queue.name, name=name, data={}, opts=options)
            node.request("waitUntilFinished", queue=queue.name, jobId=added["id"], ttl=20_000)
            due = added["timestamp"] + options.get("delay", 0)
            assert due <= started[name] < due + 10_000

    def test_a_job_that_node_parked_during_the_run_is_run_after_it(self, node, queue, start_worker):
        runs, started, release = [], threading.Event(), threading.Event()

        def handler(delivery):
            runs.append(delivery.data["n"])
            started.set()
            release.wait(10)

        start_worker(handler)
        options = {"deduplication": {"id": "d", "keepLastIfActive": True}}
        node.request("add", queue=queue.name, name="x", data={"n": 1}, opts=options)
        assert started.wait(10)
        for n in (2, 3):
            node.request("add", queue=queue.name, name="x", data={"n": n}, opts=options)
        release.set()
        wait_until(lambda: queue.get_job_counts("completed") == {"completed": 2})
        assert runs == [1, 3]


class TestBothSides:
    """One queue, both at once."""

    def test_a_shared_queue_loses_and_doubles_nothing(self, node, queue, start_worker):
        count, mine, guard = 200, [], threading.Lock()

        def handler(delivery):
            with guard:
                mine.append(delivery.job.id)
            return "python"

        jobs = [{"name": "x", "data": {"n": n}, "opts": {}} for n in range(count // 2)]
        start_worker(handler, concurrency=4)
        node.request("startWorker", queue=queue.name, handler="echo", concurrency=4)
        queue.add_bulk([BulkJob("x", {"n": n}) for n in range(count // 2)])
        node.request("addBulk", queue=queue.name, jobs=jobs)
        wait_until(lambda: queue.get_job_counts("completed") == {"completed": count}, timeout=30)
        done = queue.get_jobs("completed")
        assert len({job.id for job in done}) == count
        assert all(job.attempts_started == 1 for job in done)
        assert {job.id for job in done if job.returnvalue == "python"} == set(mine)

    @pytest.mark.parametrize(("pauses", "resumes"), [("python", "node"), ("node", "python")])
    def test_a_pause_of_one_side_holds_the_other(self, node, queue, start_worker, pauses, resumes):
        # A 5.x resume wakes nobody when the queue was paused as 6.x does (protocol 12.2, C).
        unheard = node.version.startswith("5") and pauses == "python"
        ran = threading.Event()
        start_worker(lambda delivery: ran.set(), drain_delay=1.0 if unheard else 30.0)
        steer(pauses, "pause", node, queue)
        assert queue.is_paused()
        assert node.request("isPaused", queue=queue.name) is True
        job = queue.add("x")
        node.request("startWorker", queue=queue.name, handler="echo")
        assert not ran.wait(0.4)  # that nothing happens has no signal
        assert queue.get_state(job.id) == "waiting"
        steer(resumes, "resume", node, queue)
        wait_until(lambda: queue.get_state(job.id) == "completed")

    def test_counts_and_states_are_the_same_for_both(self, node, queue):
        queue.add("waiting")
        queue.add("prioritized", priority=3)
        queue.add("delayed", delay=60_000)
        hands = Hands(queue)
        hands.commit(hands.take()[0], Completed(1))
        hands.commit(hands.take()[0], Failed("x"))
        queue.add("active")
        hands.take()
        theirs = node.request("getJobCounts", queue=queue.name)
        mine = queue.get_job_counts()
        assert {name: theirs[name] for name in mine} == mine
        for job in queue.get_jobs():
            assert node.request("getState", queue=queue.name, jobId=job.id) == queue.get_state(
                job.id
            )

    def test_each_removes_retries_and_promotes_jobs_of_the_other(self, node, queue):
        hands = Hands(queue)
        first = node.request("add", queue=queue.name, name="x", data={})["id"]
        assert queue.remove(first)
        assert node.request("getJob", queue=queue.name, jobId=first) is None
        second = queue.add("x").id
        hands.commit(hands.take()[0], Failed("x"))
        node.request("retryJob", queue=queue.name, jobId=second, state="failed")
        assert queue.get_state(second) == "waiting"
        hands.commit(hands.take()[0], Failed("x"))
        queue.retry_job(second)
        assert node.request("getState", queue=queue.name, jobId=second) == "waiting"
        third = queue.add("x", delay=60_000).id
        node.request("promote", queue=queue.name, jobId=third)
        assert queue.get_state(third) == "waiting"
        fourth = node.request("add", queue=queue.name, name="x", data={}, opts={"delay": 60_000})
        queue.promote(fourth["id"])
        assert node.request("getState", queue=queue.name, jobId=fourth["id"]) == "waiting"

    def test_each_sees_the_workers_of_the_other(self, node, queue, start_worker):
        worker = start_worker(lambda delivery: None, name="py-1")
        node.request("startWorker", queue=queue.name, handler="echo", options={"name": "node-1"})
        names = {f":w:{name}" for name in ("py-1", "node-1")}

        def all_seen(workers: list[dict[str, str]], key: str) -> bool:
            found = [each[key] for each in workers]
            return len(found) == 2 and all(any(f.endswith(n) for f in found) for n in names)

        wait_until(lambda: all_seen(queue.get_workers(), "name"), what="Python sees both")
        wait_until(
            lambda: all_seen(node.request("getWorkers", queue=queue.name), "rawname"),
            what="Node sees both",
        )
        assert worker.stop()


def steer(side: str, method: str, node: NodePeer, queue: Queue) -> None:
    """Pause or resume, from that side."""
    if side == "node":
        node.request(method, queue=queue.name)
    else:
        getattr(queue, method)()


class TestLostWorkers:
    """A worker that is killed loses no job."""

    def test_python_finishes_the_job_of_a_killed_node_worker(
        self, new_node, queue, events, start_worker
    ):
        own_node = new_node()
        options = {"lockDuration": 500, "stalledInterval": 60_000}
        own_node.request("startWorker", queue=queue.name, handler="hang", options=options)
        job = queue.add("x")
        own_node.wait_for("started", jobId=job.id)
        own_node.kill()
        queue.driver.execute(("DEL", queue.keys.stalled_check))
        start_worker(lambda delivery: "taken over", stalled_interval=200)
        assert events.wait_until_finished(job.id, 30) == "taken over"
        assert queue.get_job(job.id).stalled_count == 1

    def test_node_finishes_the_job_of_a_lost_python_worker(self, node, queue, events):
        hands = Hands(queue, "lost")
        job = queue.add("x", {"n": 1})
        hands.take(lock_ms=200)
        options = {"stalledInterval": 200, "lockDuration": 5000}
        node.request("startWorker", queue=queue.name, handler="echo", options=options)
        assert events.wait_until_finished(job.id, 30) == {"n": 1}
        stalled = node.wait_for("worker.stalled", queue=queue.name)
        assert stalled["jobId"] == job.id
