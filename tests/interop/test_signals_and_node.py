"""Jobs that move themselves, that are driven by hand, counted and talked about, by Python and by
real Node BullMQ on the same queue: protocol part 1, sections 4 to 7, 9 to 11.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bullrush.core import (
    Completed,
    Failed,
    Queue,
    QueueEvents,
    QueueEventsProducer,
    Retried,
    Returned,
)
from bullrush.core.clock import now_ms
from bullrush.core.errors import LockMismatch, LockMissing
from bullrush.core.worker import Limiter, Worker
from tests.support.handlers import move
from tests.support.node_peer import NodeError
from tests.support.stored import Stored
from tests.support.trips import Hands
from tests.support.waiting import wait_until

MINUTE = 60_000


@pytest.fixture
def queue(redis_url: str, queue_name: str) -> Iterator[Queue]:
    """The queue, seen from Python."""
    with Queue(queue_name, url=redis_url) as queue:
        yield queue


@pytest.fixture
def events(redis_url: str, queue_name: str) -> Iterator[QueueEvents]:
    """Its events, seen from Python."""
    with QueueEvents(queue_name, url=redis_url) as events:
        yield events


@pytest.fixture
def stored(queue: Queue) -> Stored:
    """What is in Redis for the queue."""
    return Stored(queue.driver, queue.name)


@pytest.fixture
def start_worker(redis_url: str, queue_name: str) -> Iterator[Callable[..., Worker]]:
    """Starts Python workers; all are stopped at the end."""
    started: list[Worker] = []

    def start(handler: Any, **options: Any) -> Worker:
        started.append(Worker(queue_name, handler, url=redis_url, **options))
        return started[-1].start()

    yield start
    for worker in started:
        worker.stop(timeout=10)


class TestMoves:
    """A handler of one side moves its job, and the other side goes on with it."""

    @pytest.mark.parametrize("kind", ["delay", "wait", "limit"])
    def test_node_goes_on_with_a_job_that_python_moved(
        self, node, queue, events, start_worker, kind
    ):
        started, release = threading.Event(), threading.Event()

        def handler(delivery):
            started.set()
            assert release.wait(20)
            return move(delivery)

        worker = start_worker(handler)
        job = queue.add("x", {"moves": [kind], "by": [], "ms": 300})
        assert started.wait(20)
        worker.request_stop()
        release.set()
        assert worker.stop(timeout=20)
        node.request("startWorker", queue=queue.name, handler="move")
        assert events.wait_until_finished(job.id, 20) == ["python"]
        self.check_counts(queue, job.id)

    @pytest.mark.parametrize("kind", ["delay", "wait", "limit"])
    def test_python_goes_on_with_a_job_that_node_moved(
        self, node, queue, events, start_worker, kind
    ):
        node.request("startEvents", queue=queue.name)
        queue.pause()
        job = queue.add("x", {"moves": [kind], "by": [], "ms": 300})
        worker = node.request("startWorker", queue=queue.name, handler="move")
        queue.resume()
        name = "delayed" if kind == "delay" else "waiting"
        fields = {"jobId": job.id}
        node.wait_event(
            lambda event: (
                event["event"] == f"queue.{name}"
                and fields.items() <= event["args"].items()
                and (kind == "delay" or event["args"].get("prev") == "active")
            )
        )
        node.request("stopWorker", worker=worker)
        start_worker(move, limiter=Limiter(100, 1000))
        assert events.wait_until_finished(job.id, 20) == ["node"]
        self.check_counts(queue, job.id)

    def test_steps_wander_between_the_two(self, node, queue, events, start_worker):
        moves = ["wait", "delay", "wait", "wait", "delay", "limit", "wait", "delay"] * 2
        start_worker(move)
        node.request("startWorker", queue=queue.name, handler="move")
        jobs = [queue.add("x", {"moves": moves, "by": [], "ms": 5}) for _ in range(6)]
        done = [events.wait_until_finished(job.id, 40) for job in jobs]
        assert [len(each) for each in done] == [len(moves)] * 6
        for job in jobs:
            seen = queue.get_job(job.id)
            assert (seen.attempts_made, seen.attempts_started) == (1, len(moves) + 1)

    def check_counts(self, queue, job_id):
        """A move is no attempt."""
        done = queue.get_job(job_id)
        assert (done.attempts_made, done.attempts_started) == (1, 2)
        assert done.failed_reason is None


class TestLimits:
    """A dynamic rate limit holds the workers of both sides that have a limit."""

    def test_node_waits_for_a_limit_that_a_python_handler_closed(self, node, queue, events, stored):
        job, hands = queue.add("x", {}), Hands(queue)
        hands.commit(hands.take()[0], Returned())
        queue.rate_limit(700)
        closed_at = now_ms()
        options = {"limiter": {"max": 100, "duration": 1000}}
        node.request("startWorker", queue=queue.name, handler="echo", options=options)
        events.wait_until_finished(job.id, 20)
        assert queue.get_job(job.id).processed_on - closed_at >= 650

    def test_python_waits_for_a_limit_that_a_node_handler_closed(
        self, node, queue, events, start_worker
    ):
        job = queue.add("x", {})
        closed_at = now_ms()
        node.request("call", queue=queue.name, method="rateLimit", args=[700])
        start_worker(lambda delivery: None, limiter=Limiter(100, 1000))
        events.wait_until_finished(job.id, 20)
        assert queue.get_job(job.id).processed_on - closed_at >= 650


class TestStarts:
    """maxStartedAttempts fails a job with the same words on both sides."""

    @pytest.mark.parametrize("side", ["node", "python"])
    def test_a_job_that_started_too_often(self, node, queue, events, start_worker, side):
        job, hands = queue.add("x", {}, attempts=9), Hands(queue)
        for _ in range(2):
            hands.commit(hands.take()[0], Returned())
        if side == "node":
            options = {"maxStartedAttempts": 2}
            node.request("startWorker", queue=queue.name, handler="echo", options=options)
        else:
            start_worker(lambda delivery: None, max_started_attempts=2)
        ending = events.wait_for_end(job.id, 20)
        assert ending.reason == "job started more than allowable limit"
        assert queue.get_job(job.id).attempts_started == 3


class TestChildrenInTheWay:
    """A completion that the queue refuses ends with the same words on both sides."""

    @pytest.mark.parametrize("side", ["node", "python"])
    @pytest.mark.parametrize(
        ("part", "command", "words"),
        [
            ("dependencies", ("SADD",), "Job 1 has pending dependencies. moveToFinished"),
            (
                "unsuccessful",
                ("ZADD", 1),
                "Cannot complete job 1 because it has at least one failed child. moveToFinished",
            ),
        ],
        ids=["pending", "failed"],
    )
    def test_it_is_a_failure(
        self, node, queue, events, stored, start_worker, side, part, command, words
    ):
        job = queue.add("x", {})
        verb, *score = command
        stored.run(verb, stored.keys.job_part(job.id, part), *score, "bull:other:child")
        if side == "node":
            node.request("startWorker", queue=queue.name, handler="echo")
        else:
            start_worker(lambda delivery: None)
        assert events.wait_for_end(job.id, 20).reason == words


class TestByHand:
    """One side takes a job by hand, the other ends it."""

    def test_python_ends_what_node_took(self, node, queue):
        job = queue.add("x", {})
        taken = node.request("takeJob", queue=queue.name, token="shared")
        assert taken["job"]["id"] == job.id
        with pytest.raises(LockMismatch):
            queue.move_to_completed(queue.get_job(job.id), 1, "another")
        assert queue.extend_lock(job.id, "shared", 60_000)
        queue.move_to_completed(queue.get_job(job.id), {"by": "python"}, "shared")
        seen = node.request("getJob", queue=queue.name, jobId=job.id)
        assert (seen["returnvalue"], seen["attemptsMade"]) == ({"by": "python"}, 1)

    @pytest.mark.parametrize(
        ("method", "arguments", "state"),
        [
            ("moveToCompleted", [{"by": "node"}, "shared", False], "completed"),
            ("moveToDelayed", [4_000_000_000_000, "shared"], "delayed"),
            ("moveToWait", ["shared"], "waiting"),
            ("extendLock", ["shared", 60_000], "active"),
        ],
    )
    def test_node_moves_what_python_took(self, node, queue, method, arguments, state):
        job = queue.add("x", {})
        assert queue.get_next_job("shared").id == job.id
        wrong = ["another" if each == "shared" else each for each in arguments]
        if method != "extendLock":
            with pytest.raises(NodeError, match="Lock mismatch") as raised:
                node.request("callJob", queue=queue.name, jobId=job.id, method=method, args=wrong)
            assert raised.value.code == LockMismatch.code
        node.request("callJob", queue=queue.name, jobId=job.id, method=method, args=arguments)
        assert queue.get_state(job.id) == state
        if state != "active":
            with pytest.raises(LockMissing):
                queue.move_to_wait(job.id, "shared")

    def test_both_refuse_with_the_same_words(self, node, queue):
        job = queue.add("x", {})
        queue.get_next_job("shared")
        for method, arguments, mine in (
            ("moveToCompleted", [1, "no"], lambda: queue.move_to_completed(job, 1, "no")),
            ("moveToDelayed", [1, "no"], lambda: queue.move_to_delayed(job.id, 1, "no")),
            ("moveToWait", ["no"], lambda: queue.move_to_wait(job.id, "no")),
        ):
            with pytest.raises(NodeError) as theirs:
                node.request(
                    "callJob", queue=queue.name, jobId=job.id, method=method, args=arguments
                )
            with pytest.raises(LockMismatch) as ours:
                mine()
            assert (str(ours.value), ours.value.code) == (str(theirs.value), theirs.value.code)


class TestMetrics:
    """What one side counts, the other reads and continues."""

    def finish_in_node(self, node, queue, events):
        """One job, by a Node worker that counts."""
        options = {"metrics": {"maxDataPoints": 5}}
        worker = node.request("startWorker", queue=queue.name, handler="echo", options=options)
        events.wait_until_finished(queue.add("x", {}).id, 20)
        node.request("stopWorker", worker=worker)

    def finish_in_python(self, queue):
        """One job, counted."""
        queue.add("x", {})
        job = queue.get_next_job("t")
        queue.move_to_completed(job, 1, "t", metrics=5)

    @pytest.mark.parametrize(
        ("ago", "data"),
        [(0, [7, 8]), (1, []), (1, [1, 2, 3, 4, 5]), (3, [7, 8]), (9, [7, 8]), (400, [7])],
        ids=str,
    )
    def test_both_close_minutes_alike(self, node, queue, events, stored, ago, data):
        def close(finish):
            before = now_ms() - ago * MINUTE
            stored.run("DEL", stored.keys.metrics_completed, stored.keys.metrics_completed_data)
            for name, value in (("count", 10), ("prevCount", 4), ("prevTS", before)):
                stored.run("HSET", stored.keys.metrics_completed, name, value)
            for number in data:
                stored.run("RPUSH", stored.keys.metrics_completed_data, number)
            finish()
            if now_ms() // MINUTE - before // MINUTE != ago:
                return close(finish)  # another minute began meanwhile
            metrics = queue.get_metrics("completed")
            assert abs(metrics.meta.prev_ts - (before + ago * MINUTE)) < MINUTE
            return metrics.meta.count, metrics.meta.prev_count, metrics.data

        theirs = close(lambda: self.finish_in_node(node, queue, events))
        assert close(lambda: self.finish_in_python(queue)) == theirs

    def test_both_read_the_same(self, node, queue, events, stored):
        self.finish_in_node(node, queue, events)
        self.finish_in_python(queue)
        hands = Hands(queue)
        for _ in range(3):
            queue.add("x", {})
        batch = [(each, Failed("x")) for each in hands.take(3)]
        hands.trip(batch, metrics=5)
        for number in (3, 2, 1):
            stored.run("RPUSH", stored.keys.metrics_completed_data, number)
        for kind, window in (("completed", (0, -1)), ("failed", (0, -1)), ("completed", (1, 1))):
            mine = queue.get_metrics(kind, *window)
            theirs = node.request(
                "call", queue=queue.name, method="getMetrics", args=[kind, *window]
            )
            meta = mine.meta
            assert theirs == {
                "meta": {
                    "count": meta.count,
                    "prevTS": meta.prev_ts,
                    "prevCount": meta.prev_count,
                },
                "data": mine.data,
                "count": mine.count,
            }
        assert queue.get_metrics("completed").meta.count == 2

    @pytest.mark.parametrize(
        "labels", [None, {"env": 'a"b\\c\nd', "host": "ü"}], ids=["", "labels"]
    )
    def test_prometheus_gets_the_same_text_from_both(self, node, queue, events, labels):
        self.finish_in_node(node, queue, events)
        self.finish_in_python(queue)
        queue.add("x", {}, delay=60_000)
        queue.add("x", {}, priority=2)
        theirs = node.request(
            "call", queue=queue.name, method="exportPrometheusMetrics", args=[labels]
        )
        if node.version.startswith("5."):  # its state of its own for jobs of paused queues
            lines = theirs.split("\n")
            theirs = "\n".join(line for line in lines if 'state="paused"' not in line)
        assert queue.export_prometheus_metrics(labels) == theirs


class TestOwnEvents:
    """Events of one's own cross over."""

    def test_node_hears_what_python_publishes(self, node, queue, redis_url):
        node.request("startEvents", queue=queue.name)
        with QueueEventsProducer(queue.name, url=redis_url) as producer:
            fields = {"jobId": "7", "text": "ü", "number": 1.5, "deep": {"a": [1, None]}}
            entry = producer.publish_event("bounced", fields)
            producer.publish_event("progress", {"jobId": "7", "data": {"half": True}})
            producer.publish_event("ping")
        heard = node.wait_for("queue.bounced", queue=queue.name)
        assert heard["eventId"] == entry
        assert heard["args"] == {
            "jobId": "7",
            "text": "ü",
            "number": "1.5",
            "deep": '{"a":[1,null]}',
        }
        progress = node.wait_for("queue.progress", queue=queue.name)
        assert progress["args"] == {"jobId": "7", "data": {"half": True}}
        node.wait_for("queue.ping", queue=queue.name)

    def test_python_hears_what_node_publishes(self, node, queue, events):
        heard, done = [], threading.Event()
        events.on("bounced", heard.append)
        events.on("end", lambda event: done.set())
        args = {"eventName": "bounced", "jobId": "7", "text": "ü", "number": 1.5, "flag": True}
        node.request("publishEvent", queue=queue.name, args=args, maxEvents=10)
        node.request("publishEvent", queue=queue.name, args={"eventName": "end", "x": 1})
        assert done.wait(20)
        (event,) = heard
        assert (event.job_id, event.fields) == (
            "7",
            {"text": "ü", "number": "1.5", "flag": "true"},
        )

    def test_node_lists_the_readers_of_python(self, node, queue, events):
        def names():
            found = node.request("call", queue=queue.name, method="getQueueEvents")
            return [each["rawname"] for each in found]

        wait_until(lambda: names() == [queue.keys.events_client_name()])


class TestOptionsThatAreCarried:
    """Invariant 32 of flows, schedulers and the rest: a run in the other language changes none."""

    OPTIONS = {
        "attempts": 5,
        "telemetry": {"metadata": "carrier", "omitContext": True},
        "keepLogs": 3,
        "deduplication": {"id": "d", "ttl": 60_000},
        "removeOnFail": {"count": 7},
        "stackTraceLimit": 2,
    }

    @pytest.mark.parametrize(
        "policy",
        [
            "failParentOnFailure",
            "continueParentOnFailure",
            "ignoreDependencyOnFailure",
            "removeDependencyOnFailure",
        ],
    )
    def test_a_job_of_node_that_python_runs_edits_and_retries(self, node, queue, stored, policy):
        options = {**self.OPTIONS, policy: True}
        job_id = node.request("add", queue=queue.name, name="x", data={}, opts=options)["id"]
        before = stored.hash(job_id)["opts"]
        hands = Hands(queue)
        hands.commit(hands.take()[0], Retried(0, "x"))
        hands.commit(hands.take()[0], Failed("x"))
        queue.update_data(job_id, {"edited": True})
        queue.retry_job(job_id)
        hands.commit(hands.take()[0], Completed(1))
        assert stored.hash(job_id)["opts"] == before
        seen = node.request("getJob", queue=queue.name, jobId=job_id)["opts"]
        assert {name: seen.get(name) for name in options} == options

    @pytest.mark.parametrize(
        "policy",
        [
            "fail_parent_on_failure",
            "continue_parent_on_failure",
            "ignore_dependency_on_failure",
            "remove_dependency_on_failure",
        ],
    )
    def test_a_job_of_python_that_node_runs_edits_and_retries(
        self, node, queue, events, stored, policy
    ):
        data = {"failures": 3, "message": "x", "result": "fourth"}
        job = queue.add(
            "x",
            data,
            attempts=2,
            telemetry=self.OPTIONS["telemetry"],
            keep_logs=3,
            deduplication={"id": "d", "ttl": 60_000},
            **{policy: True},
        )
        before = stored.hash(job.id)["opts"]
        node.request("startWorker", queue=queue.name, handler="fail")
        assert events.wait_for_end(job.id, 20).state == "failed"
        edited = {**data, "failures": 2}
        node.request("callJob", queue=queue.name, jobId=job.id, method="updateData", args=[edited])
        node.request("retryJob", queue=queue.name, jobId=job.id, state="failed")
        wait_until(lambda: queue.get_state(job.id) == "completed", timeout=20)
        assert json.loads(stored.hash(job.id)["opts"]) == json.loads(before)
        assert queue.get_job(job.id).opts == job.opts
