"""Invariant 31 of part 2: bull-board over queues filled by Python answers everything with 2xx."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bullrush.core import Completed, Failed, FlowJob, FlowProducer, Job, Queue
from bullrush.core.clock import now_ms
from bullrush.core.worker import Worker
from tests.support.bull_board import JOB, QUEUE, BullBoard
from tests.support.trips import Hands
from tests.support.waiting import wait_until

HOUR = 3_600_000
SCHEDULER = f"{QUEUE}/job-schedulers/:schedulerId"


class Filled:
    """A queue with something of every kind, made by Python alone."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        hands = Hands(queue, "py-1")
        ended = {}
        for name, outcome in (("failed", Failed("no", "T")), ("done", Completed(1))):
            for minute in range(2):
                ended[name] = queue.add(name, attempts=1)
                now = now_ms() - 120_000 + minute * 60_000
                hands.commit(hands.take(now=now)[0], outcome, now=now, metrics=60)
        self.failed: Job = ended["failed"]
        queue.add_log(self.failed.id, "row")
        self.waiting = queue.add("waiting", priority=5)
        self.delayed = [queue.add("delayed", delay=HOUR) for _ in range(3)]
        children = [FlowJob("child", queue.name, options={"priority": 9})]
        with FlowProducer(driver=queue.driver) as flows:
            self.parent = flows.add(FlowJob("parent", queue.name, children=children)).job
        queue.upsert_job_scheduler("ev", every=HOUR, start_date=now_ms() + HOUR, name="tick")

    def calls(self) -> Iterator[tuple[str, str, Any, dict[str, str]]]:
        """Every call that the page of bull-board can make: method, route, body, parts."""
        for route in ("/redis/stats", "/queues", "/job-schedulers"):
            yield "GET", route, None, {}
        for tab in ["metrics", "default-job-options", "workers", "rate-limit", "job-data-schema"]:
            yield "GET", f"{QUEUE}/{tab}", None, {}
        for part in ("", "/logs", "/flow"):
            yield "GET", f"{JOB}{part}", None, {"jobId": self.failed.id}
        yield from self.on_jobs()
        yield from self.on_schedulers()
        yield from self.on_the_queue()

    def on_jobs(self) -> Iterator[tuple[str, str, Any, dict[str, str]]]:
        """The buttons of a job."""
        first, second, third = ({"jobId": job.id} for job in self.delayed)
        yield "PATCH", f"{JOB}/update-data", {"jobData": {"new": 1}}, first
        yield "PATCH", f"{JOB}/delay", {"runAt": now_ms() + 2 * HOUR}, first
        yield "PATCH", f"{JOB}/priority", {"priority": 3}, {"jobId": self.waiting.id}
        yield "PUT", f"{JOB}/promote", None, second
        yield "PUT", f"{JOB}/clean", None, third
        yield "PUT", f"{JOB}/retry", None, {"jobId": self.failed.id}
        yield "PUT", f"{JOB}/remove-unprocessed-children", None, {"jobId": self.parent.id}

    def on_schedulers(self) -> Iterator[tuple[str, str, Any, dict[str, str]]]:
        """The buttons of a scheduler."""
        yield "PATCH", SCHEDULER, {"every": 2 * HOUR}, {"schedulerId": "ev"}
        yield "PUT", f"{SCHEDULER}/run", None, {"schedulerId": "ev"}
        yield "PUT", f"{SCHEDULER}/remove", None, {"schedulerId": "ev"}

    def on_the_queue(self) -> Iterator[tuple[str, str, Any, dict[str, str]]]:
        """The buttons of a queue, the last one last."""
        yield "POST", f"{QUEUE}/add", {"name": "added", "data": {}, "options": {}}, {}
        yield "PUT", f"{QUEUE}/retry/:queueStatus", None, {"queueStatus": "failed"}
        yield "PUT", f"{QUEUE}/clean/:queueStatus", None, {"queueStatus": "completed"}
        yield "PUT", f"{QUEUE}/promote", None, {}
        yield "PUT", f"{QUEUE}/concurrency", {"concurrency": 3}, {}
        yield "PUT", f"{QUEUE}/rate-limit", {"max": 5, "duration": 1000}, {}
        yield "PUT", f"{QUEUE}/rate-limit/release", None, {}
        for button in ("pause", "resume"):
            yield "PUT", f"{QUEUE}/{button}", None, {}
        yield "PUT", f"{QUEUE}/empty", None, {}
        yield "PUT", "/queues/resume", None, {}
        yield "PUT", "/queues/pause", None, {}
        yield "PUT", f"{QUEUE}/obliterate", {"force": True}, {}


@pytest.fixture
def filled(redis_url: str, queue_name: str) -> Iterator[Filled]:
    """The queue of the test, with something of every kind."""
    with Queue(queue_name, url=redis_url) as queue:
        yield Filled(queue)


def test_invariant_2_31_bull_board_answers_everything_over_a_queue_filled_by_python(
    board: BullBoard, filled: Filled
) -> None:
    for method, route, body, parts in filled.calls():
        board.call(method, route, body, queueName=filled.queue.name, **parts)
    assert board.answered == board.routes()


def test_invariant_2_31_bull_board_shows_workers_flow_schedulers_and_metrics_of_python(
    board: BullBoard, filled: Filled
) -> None:
    queue = filled.queue
    flow = board.call("GET", f"{JOB}/flow", queueName=queue.name, jobId=filled.parent.id)
    assert [child["name"] for child in flow["flowRoot"]["children"]] == ["child"]
    schedulers = board.call("GET", "/job-schedulers", queueName=queue.name)["schedulers"]
    assert [each["name"] for each in schedulers] == ["tick"]
    metrics = board.call("GET", f"{QUEUE}/metrics", queueName=queue.name)
    assert {kind: metrics[kind]["meta"]["count"] for kind in metrics} == {
        "completed": 2,
        "failed": 2,
    }
    queue.pause()
    with Worker(queue.name, lambda delivery: None, driver=queue.driver, name="py-2"):
        wait_until(
            lambda: (
                [
                    each["name"]
                    for each in board.call("GET", f"{QUEUE}/workers", queueName=queue.name)[
                        "workers"
                    ]
                ]
                == ["py-2"]
            )
        )
