"""bull-board over job schedulers that only Python has written: it shows and edits them, and Python
makes the runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bullrush.core import Completed, Queue
from bullrush.core.clock import now_ms
from bullrush.core.worker import Worker
from tests.support.bull_board import JOB, QUEUE, BoardError, BullBoard
from tests.support.trips import Hands
from tests.support.waiting import wait_until

SCHEDULER = f"{QUEUE}/job-schedulers/:schedulerId"
HOUR = 3_600_000


@pytest.fixture
def queue(redis_url: str, queue_name: str) -> Iterator[Queue]:
    """The queue, seen from Python."""
    with Queue(queue_name, url=redis_url) as queue:
        yield queue


@pytest.fixture
def ran(queue: Queue) -> Iterator[list[Any]]:
    """A worker's list of (name, data) of every job that it ran."""
    ran: list[Any] = []

    def handler(delivery: Any) -> None:
        ran.append((delivery.job.name, delivery.data))

    with Worker(queue.name, handler, driver=queue.driver):
        yield ran


def shown(board: BullBoard, queue: Queue) -> dict[str, dict[str, Any]]:
    """The page of schedulers, by their ids."""
    answer = board.call("GET", "/job-schedulers", queueName=queue.name)
    return {each["id"]: each for each in answer["schedulers"]}


def act(board: BullBoard, queue: Queue, what: str, scheduler_id: str) -> Any:
    """Press a button of a scheduler."""
    parts = {"queueName": queue.name, "schedulerId": scheduler_id}
    return board.call("PUT", f"{SCHEDULER}/{what}", **parts)


def edit(board: BullBoard, queue: Queue, scheduler_id: str, **body: Any) -> None:
    """Change the schedule of a scheduler."""
    board.call("PATCH", SCHEDULER, body, queueName=queue.name, schedulerId=scheduler_id)


class TestWhatItShows:
    """The page of schedulers."""

    def test_an_interval_with_its_template(self, board, queue):
        template = {"data": {"a": [1]}, "options": {"priority": 2, "attempts": 3}}
        run = queue.upsert_job_scheduler("ev", every=HOUR, limit=5, name="tick", **template)
        seen = shown(board, queue)["ev"]
        stored = queue.get_job_scheduler("ev")
        assert (seen["name"], seen["every"], seen["limit"]) == ("tick", HOUR, 5)
        assert (seen["next"], seen["iterationCount"]) == (stored.next, 1)
        assert seen["nextRunJobId"] == run.id
        assert seen["template"]["data"] == {"a": [1]}
        assert {"priority": 2, "attempts": 3}.items() <= seen["template"]["opts"].items()
        assert board.queue(queue.name)["jobSchedulerCount"] == 1

    def test_a_pattern_with_its_zone_and_its_end(self, board, queue):
        end = now_ms() + 400 * 24 * HOUR
        queue.upsert_job_scheduler(
            "a:cron", pattern="0 4 * * MON", tz="Europe/Madrid", end_date=end
        )
        seen = shown(board, queue)["a:cron"]
        assert (seen["pattern"], seen["tz"]) == ("0 4 * * MON", "Europe/Madrid")
        assert (seen["endDate"], seen["name"]) == (end, "a:cron")
        assert seen["nextRunJobId"] == f"repeat:a:cron:{seen['next']}"

    def test_when_it_ran_last(self, board, queue, ran):
        first = queue.upsert_job_scheduler("ev", every=HOUR)
        wait_until(lambda: queue.get_state(first.id) == "completed")
        seen = shown(board, queue)["ev"]
        assert (seen["lastRunJobId"], seen["iterationCount"]) == (first.id, 2)
        assert abs(seen["lastRun"] - queue.get_job(first.id).processed_on) < 10_000

    def test_the_page_of_a_run(self, board, queue):
        run = queue.upsert_job_scheduler("cron", pattern="0 4 * * *", tz="UTC", data={"a": 1})
        page = board.job(queue.name, run.id)
        assert (page["status"], page["job"]["data"]) == ("delayed", {"a": 1})
        assert page["job"]["opts"]["repeat"] == {"pattern": "0 4 * * *", "tz": "UTC", "count": 1}


class TestWhatItDoes:
    """Its buttons, seen from Python."""

    def test_an_interval_that_it_edits_is_the_one_python_keeps(self, board, queue, ran):
        queue.upsert_job_scheduler("ev", every=HOUR, name="tick", data={"a": 1})
        wait_until(lambda: ran == [("tick", {"a": 1})])
        edit(board, queue, "ev", every=200, limit=4)
        wait_until(lambda: len(ran) == 4)
        assert set(map(str, ran)) == {str(("tick", {"a": 1}))}
        scheduler = queue.get_job_scheduler("ev")
        assert (scheduler.every, scheduler.limit, scheduler.data) == (200, 4, {"a": 1})
        wait_until(
            lambda: (
                queue.get_job_counts("active", "delayed", "waiting")
                == dict.fromkeys(("active", "delayed", "waiting"), 0)
            )
        )

    def test_a_pattern_that_it_gives_replaces_the_armed_run(self, board, queue):
        old = queue.upsert_job_scheduler("ev", every=HOUR, options={"priority": 2})
        edit(board, queue, "ev", pattern="0 4 * * *", tz="Europe/Paris")
        scheduler = queue.get_job_scheduler("ev")
        assert (scheduler.pattern, scheduler.tz, scheduler.every) == (
            "0 4 * * *",
            "Europe/Paris",
            None,
        )
        assert queue.get_job(old.id) is None
        (armed,) = queue.get_jobs()
        assert (armed.id, armed.priority) == (f"repeat:ev:{scheduler.next}", 2)

    def test_a_pattern_that_is_wrong_changes_nothing(self, board, queue):
        queue.upsert_job_scheduler("ev", every=HOUR)
        before = queue.get_job_scheduler("ev"), queue.get_jobs()
        with pytest.raises(BoardError) as refused:
            edit(board, queue, "ev", pattern="every now and then")
        assert refused.value.key == "ERRORS.INVALID_SCHEDULER_PATTERN"
        assert (queue.get_job_scheduler("ev"), queue.get_jobs()) == before

    def test_a_run_that_it_asks_for_comes_besides_the_schedule(self, board, queue, ran):
        start = now_ms() + HOUR
        template = {"name": "tick", "data": {"a": 1}, "options": {"attempts": 2}}
        queue.upsert_job_scheduler("ev", every=HOUR, start_date=start, **template)
        job_id = act(board, queue, "run", "ev")["job"]["id"]
        wait_until(lambda: ran == [("tick", {"a": 1})])
        assert queue.get_job(job_id).attempts == 2
        assert queue.get_job_scheduler("ev").next == start

    def test_a_scheduler_that_it_removes_is_gone_with_its_armed_run(self, board, queue):
        start = now_ms() + HOUR
        queue.upsert_job_scheduler("ev", every=HOUR, start_date=start)
        act(board, queue, "remove", "ev")
        assert queue.get_job_schedulers() == []
        assert queue.get_jobs() == []
        with pytest.raises(BoardError) as refused:
            act(board, queue, "remove", "ev")
        assert refused.value.status == 404

    def test_the_armed_run_is_not_removed_alone(self, board, queue):
        start = now_ms() + HOUR
        run = queue.upsert_job_scheduler("ev", every=HOUR, start_date=start)
        with pytest.raises(BoardError) as refused:
            board.call("PUT", f"{JOB}/clean", queueName=queue.name, jobId=run.id)
        assert refused.value.key == "ERRORS.JOB_BELONGS_TO_JOB_SCHEDULER"
        route = f"{QUEUE}/clean/:queueStatus"
        board.call("PUT", route, queueName=queue.name, queueStatus="delayed")
        board.call("PUT", f"{QUEUE}/empty", queueName=queue.name)
        assert [job.id for job in queue.get_jobs()] == [run.id]

    def test_a_run_that_it_promotes_arms_the_next(self, board, queue, ran):
        start = now_ms() + HOUR
        run = queue.upsert_job_scheduler("ev", every=HOUR, start_date=start)
        board.call("PUT", f"{JOB}/promote", queueName=queue.name, jobId=run.id)
        wait_until(lambda: queue.get_state(run.id) == "completed")
        (armed,) = queue.get_jobs("delayed")
        assert armed.id == f"repeat:ev:{queue.get_job_scheduler('ev').next}"
        assert queue.get_job_scheduler("ev").iteration_count == 2

    def test_a_run_that_it_retries_does_not_fork_the_schedule(self, board, queue):
        hands = Hands(queue)
        run = queue.upsert_job_scheduler("ev", every=HOUR)
        with Worker(queue.name, lambda delivery: None, driver=queue.driver):
            wait_until(lambda: queue.get_state(run.id) == "completed")
        board.call("PUT", f"{JOB}/retry", queueName=queue.name, jobId=run.id)
        hands.commit(hands.take()[0], Completed(1))
        assert queue.get_job_counts("delayed", "completed") == {"delayed": 1, "completed": 1}
        assert queue.get_job_scheduler("ev").iteration_count == 2

    def test_obliterating_takes_schedulers_along(self, board, queue):
        queue.upsert_job_scheduler("ev", every=HOUR, start_date=now_ms() + HOUR)
        queue.pause()
        board.call("PUT", f"{QUEUE}/obliterate", {"force": True}, queueName=queue.name)
        assert (queue.get_job_schedulers(), queue.get_jobs()) == ([], [])
