"""bull-board, unmodified, over queues that only Python has written: it shows what is there, and
what it does arrives in Python. Once over BullMQ 6.7 and once over 5.81.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bullrush.core import Backoff, Completed, Deduplication, Failed, Queue
from bullrush.core.clock import now_ms
from bullrush.core.worker import Worker
from tests.support.bull_board import JOB, QUEUE, BoardError
from tests.support.stored import Stored
from tests.support.trips import Hands
from tests.support.waiting import wait_until


@pytest.fixture
def queue(redis_url: str, queue_name: str) -> Iterator[Queue]:
    """The queue, seen from Python."""
    with Queue(queue_name, url=redis_url) as queue:
        yield queue


@pytest.fixture
def hands(queue: Queue) -> Hands:
    """A worker by hand."""
    return Hands(queue, "by-hand")


@pytest.fixture
def work(redis_url: str, queue_name: str) -> Iterator[Callable[..., list[str]]]:
    """Starts a Python worker; the list it gives grows by the name of every job it ran."""
    started: list[Worker] = []

    def start(**options: Any) -> list[str]:
        ran: list[str] = []
        worker = Worker(
            queue_name, lambda delivery: ran.append(delivery.job.name), url=redis_url, **options
        )
        started.append(worker.start())
        return ran

    yield start
    for worker in started:
        worker.stop(timeout=10)


class TestWhatItShows:
    """Every screen, over data that only Python has written."""

    @pytest.mark.row(154)
    def test_the_page_and_the_server_are_there(self, board):
        assert "<html" in board.page()
        stats = board.call("GET", "/redis/stats")
        assert stats["version"]
        assert stats["mode"] == "standalone"

    def test_counts_of_every_state(self, board, queue, hands):
        for options in ({}, {}, {}, {}, {"priority": 2}, {"delay": 60_000}):
            queue.add("x", **options)
        done, failed, _ = hands.take(3)
        hands.trip([(done, Completed(1)), (failed, Failed("no"))])
        counts = board.queue(queue.name)["counts"]
        counts.pop("paused", None)  # a state of 5.x only
        assert counts == queue.get_job_counts()
        assert counts == {
            "active": 1,
            "completed": 1,
            "delayed": 1,
            "failed": 1,
            "prioritized": 1,
            "waiting": 1,
            "waiting-children": 0,
        }

    @pytest.mark.parametrize(
        ("tab", "options", "outcome"),
        [
            ("waiting", {}, None),
            ("prioritized", {"priority": 3}, None),
            ("delayed", {"delay": 60_000}, None),
            ("completed", {}, Completed("v")),
            ("failed", {}, Failed("no")),
        ],
    )
    def test_a_tab_lists_its_jobs_newest_first_page_by_page(
        self, board, queue, hands, tab, options, outcome
    ):
        ids = [queue.add(f"job-{n}", {"n": n}, **options).id for n in range(3)]
        for _ in ids if outcome else ():
            hands.commit(hands.take()[0], outcome)
        found = board.queue(queue.name, tab)["jobs"]
        assert {job["id"] for job in found} == set(ids)
        newest_first = [job.id for job in queue.get_jobs(tab)]
        assert [job["id"] for job in found] == newest_first
        pages = [board.queue(queue.name, tab, page=page, jobsPerPage="2")["jobs"] for page in "12"]
        assert [[job["id"] for job in page] for page in pages] == [
            newest_first[:2],
            newest_first[2:],
        ]

    def test_the_active_tab_lists_what_python_is_at(self, board, queue, hands):
        job = queue.add("x")
        hands.take()
        (active,) = board.queue(queue.name, "active")["jobs"]
        assert (active["id"], active["processedBy"]) == (job.id, "by-hand")

    def test_the_page_of_a_waiting_job_has_all_that_was_added(self, board, queue):
        data = {"args": [1, "ü", None], "kwargs": {"deep": {"list": [], "big": 2**53}}}
        job = queue.add(
            "send",
            data,
            job_id="mine/1",
            delay=60_000,
            priority=7,
            attempts=4,
            backoff=Backoff("exponential", 100),
            deduplication=Deduplication("once", ttl=60_000),
        )
        page = board.job(queue.name, job.id)
        assert page["status"] == "delayed"
        seen = page["job"]
        assert (seen["id"], seen["name"], seen["data"]) == ("mine/1", "send", data)
        assert (seen["delay"], seen["priority"], seen["attempts"]) == (60_000, 7, 0)
        assert (seen["timestamp"], seen["deduplicationId"]) == (job.timestamp, "once")
        assert seen["opts"]["backoff"] == {"type": "exponential", "delay": 100}
        assert seen["opts"]["attempts"] == 4

    def test_the_page_of_a_finished_job_tells_how_it_went(self, board, queue):
        def handler(delivery):
            delivery.update_progress({"percent": 50})
            delivery.log("first row")
            delivery.log("zweite Zeile ü")
            if delivery.job.attempts_made == 0:
                raise ValueError("not yet")
            return {"sum": [5]}

        with Worker(queue.name, handler, driver=queue.driver, name="py-1"):
            job = queue.add("x", attempts=2)
            wait_until(lambda: queue.get_state(job.id) == "completed")
        page = board.job(queue.name, job.id)
        assert page["status"] == "completed"
        seen, stored = page["job"], queue.get_job(job.id)
        assert (seen["returnValue"], seen["progress"]) == ({"sum": [5]}, {"percent": 50})
        assert (seen["attempts"], seen["processedBy"]) == (2, "py-1")
        assert seen["finishedOn"] == stored.finished_on
        assert seen["processedOn"] == stored.processed_on
        assert "ValueError: not yet" in seen["stacktrace"][0]
        rows = board.call("GET", f"{JOB}/logs", queueName=queue.name, jobId=job.id)
        assert rows == ["first row", "zweite Zeile ü"] * 2

    def test_the_page_of_a_failed_job_tells_why(self, board, queue, hands):
        job = queue.add("x", attempts=3)
        hands.commit(hands.take()[0], Failed("for good", "Traceback: for good"))
        page = board.job(queue.name, job.id)
        assert page["status"] == "failed"
        seen = page["job"]
        assert (seen["isFailed"], seen["failedReason"]) == (True, "for good")
        assert (seen["stacktrace"], seen["attempts"]) == (["Traceback: for good"], 1)

    def test_stalls_are_counted(self, board, queue, hands):
        job = queue.add("x")
        hands.take(lock_ms=1)
        wait_until(lambda: hands.sweep(forgiven=5) == [job.id])
        hands.take()
        assert board.job(queue.name, job.id)["job"]["stalledCounter"] == 1

    def test_workers_are_shown_with_their_names(self, board, queue, work):
        assert board.queue(queue.name)["hasWorkers"] is False
        work(name="py-1")
        work()

        def names() -> list[Any]:
            answer = board.call("GET", f"{QUEUE}/workers", queueName=queue.name)
            return sorted((each["name"] for each in answer["workers"]), key=str)

        wait_until(lambda: names() == [None, "py-1"], what="one connection for each worker")
        assert board.queue(queue.name)["hasWorkers"] is True

    def test_pause_and_limits_are_shown(self, board, queue):
        before = board.queue(queue.name)
        assert (before["isPaused"], before["globalConcurrency"]) == (False, None)
        queue.pause()
        queue.set_global_concurrency(3)
        queue.set_global_rate_limit(5, 1000)
        queue.rate_limit(60_000)
        after = board.queue(queue.name)
        assert (after["isPaused"], after["globalConcurrency"]) == (True, 3)
        assert 0 < after["activeRateLimitTtl"] <= 60_000
        limit = board.call("GET", f"{QUEUE}/rate-limit", queueName=queue.name)
        assert limit["rateLimit"] == {"max": 5, "duration": 1000}

    def test_jobs_of_each_minute_are_shown(self, board, queue, hands):
        minute, noon = 60_000, 29_000_000 * 60_000
        for now, outcome in (
            (noon, Completed(1)),
            (noon + 1, Completed(1)),
            (noon + minute, Failed("no")),
            (noon + 3 * minute, Completed(1)),
            (noon + 4 * minute, Failed("no")),
        ):
            queue.add("x")
            hands.commit(hands.take()[0], outcome, now=now, metrics=60)
        shown = board.call("GET", f"{QUEUE}/metrics", queueName=queue.name)
        assert shown["completed"] == {
            "meta": {"count": 3, "prevTS": noon + 3 * minute, "prevCount": 2},
            "data": [0, 0, 2],
            "count": 3,
        }
        assert shown["failed"] == {
            "meta": {"count": 2, "prevTS": noon + 4 * minute, "prevCount": 1},
            "data": [0, 0, 1],
            "count": 3,
        }

    def test_looking_changes_nothing(self, board, queue, hands):
        jobs = [queue.add("x") for _ in range(3)]
        queue.add("x", delay=60_000)
        first, second = hands.take(2)
        hands.trip([(first, Completed(1)), (second, Failed("no"))])
        stored = Stored(queue.driver, queue.name)

        def everything() -> dict[str, bytes]:
            base = queue.keys.base
            return {key: stored.run("DUMP", base + key) for key in stored.all_keys()}

        before = everything()
        for _, route in sorted(each for each in board.routes() if each[0] == "GET"):
            parts = {"queueName": queue.name, "jobId": jobs[0].id}
            board.call("GET", route.removeprefix("/api"), **parts)
        assert everything() == before


class TestWhatItDoes:
    """Every button, on data that only Python has written, seen from Python."""

    def test_a_job_that_it_adds_is_run_by_python(self, board, queue, work):
        ran = work()
        body = {"name": "from the board", "data": {"x": [1]}, "options": {"attempts": 2}}
        answer = board.call("POST", f"{QUEUE}/add", body, queueName=queue.name)
        job_id = answer["job"]["id"]
        wait_until(lambda: queue.get_state(job_id) == "completed")
        job = queue.get_job(job_id)
        assert (ran, job.data, job.attempts) == (["from the board"], {"x": [1]}, 2)

    @pytest.mark.parametrize("state", ["failed", "completed"])
    def test_a_job_that_it_retries_is_run_by_python_again(self, board, queue, hands, work, state):
        job = queue.add("again")
        outcome = Failed("no") if state == "failed" else Completed(1)
        hands.commit(hands.take()[0], outcome)
        assert queue.get_state(job.id) == state
        board.call("PUT", f"{JOB}/retry", queueName=queue.name, jobId=job.id)
        assert queue.get_state(job.id) == "waiting"
        ran = work()
        wait_until(lambda: queue.get_state(job.id) == "completed")
        assert ran == ["again"]
        assert queue.get_job(job.id).attempts_made == 2

    def test_all_failed_jobs_that_it_retries_are_run_by_python_again(
        self, board, queue, hands, work
    ):
        ids = [queue.add(f"job-{n}").id for n in range(5)]
        taken = hands.take(5)
        hands.trip([(each, Failed("no")) for each in taken])
        answer = board.call(
            "PUT", f"{QUEUE}/retry/:queueStatus", queueName=queue.name, queueStatus="failed"
        )
        assert answer == {"retried": 5, "skipped": 0}
        ran = work()
        wait_until(lambda: queue.get_job_counts("completed") == {"completed": 5})
        assert sorted(ran) == [f"job-{n}" for n in range(5)]
        assert {queue.get_job(each).attempts_made for each in ids} == {2}

    def test_a_delayed_job_that_it_promotes_is_run_by_python_now(self, board, queue, work):
        ran = work()
        job = queue.add("later", delay=3_600_000)
        board.call("PUT", f"{JOB}/promote", queueName=queue.name, jobId=job.id)
        wait_until(lambda: ran == ["later"])

    def test_all_delayed_jobs_that_it_promotes_are_run_by_python_now(self, board, queue, work):
        ran = work()
        for n in range(3):
            queue.add(f"later-{n}", delay=3_600_000)
        board.call("PUT", f"{QUEUE}/promote", queueName=queue.name)
        wait_until(lambda: sorted(ran) == ["later-0", "later-1", "later-2"])

    def test_a_job_that_it_removes_is_gone_with_all_its_keys(self, board, queue, hands):
        job = queue.add("x", deduplication="once")
        queue.add_log(job.id, "row")
        board.call("PUT", f"{JOB}/clean", queueName=queue.name, jobId=job.id)
        assert queue.get_job(job.id) is None
        assert queue.get_job_counts("waiting") == {"waiting": 0}
        assert queue.get_deduplication_job_id("once") is None
        with pytest.raises(BoardError) as refused:
            board.job(queue.name, job.id)
        assert refused.value.status == 404

    def test_a_job_that_python_is_at_is_not_removed(self, board, queue, hands):
        job = queue.add("x")
        (delivery,) = hands.take()
        with pytest.raises(BoardError):
            board.call("PUT", f"{JOB}/clean", queueName=queue.name, jobId=job.id)
        assert hands.commit(delivery, Completed(1)) == 0

    def test_it_cleans_what_is_older_than_its_grace_and_leaves_the_rest(self, board, queue, hands):
        # Its grace is 5 s: the old ones finished a minute ago by the clock of their worker.
        old = [queue.add("old", timestamp=now_ms() - 90_000).id for _ in range(2)]
        taken = hands.take(2, now=now_ms() - 70_000)
        hands.trip([(each, Completed(1)) for each in taken], now=now_ms() - 60_000)
        young = queue.add("young")
        hands.commit(hands.take()[0], Completed(1))
        route = f"{QUEUE}/clean/:queueStatus"
        board.call("PUT", route, queueName=queue.name, queueStatus="completed")
        assert [queue.get_job(each) for each in old] == [None, None]
        assert [job.id for job in queue.get_jobs("completed")] == [young.id]

    def test_a_queue_that_it_pauses_holds_python_until_it_resumes_it(self, board, queue, work):
        ran = work()
        board.call("PUT", f"{QUEUE}/pause", queueName=queue.name)
        assert queue.is_paused()
        queue.add("x")
        board.call("PUT", f"{QUEUE}/resume", queueName=queue.name)
        wait_until(lambda: ran == ["x"])
        assert not queue.is_paused()

    def test_it_pauses_and_resumes_all_queues(self, board, queue, redis_url, queue_name):
        with Queue(f"{queue_name}-other", url=redis_url) as other:
            board.serve(queue.name, other.name)
            board.call("PUT", "/queues/pause")
            assert (queue.is_paused(), other.is_paused()) == (True, True)
            board.call("PUT", "/queues/resume")
            assert (queue.is_paused(), other.is_paused()) == (False, False)

    def test_a_queue_that_it_empties_keeps_only_delayed_and_finished_jobs(
        self, board, queue, hands
    ):
        done = queue.add("done")
        hands.commit(hands.take()[0], Completed(1))
        later = queue.add("later", delay=60_000)
        for options in ({}, {"priority": 2}):
            queue.add("x", **options)
        board.call("PUT", f"{QUEUE}/empty", queueName=queue.name)
        assert {job.id for job in queue.get_jobs()} == {done.id, later.id}

    def test_data_that_it_edits_reaches_python(self, board, queue, hands):
        job = queue.add("x", {"old": 1})
        body = {"jobData": {"new": ["ü", 2]}}
        board.call("PATCH", f"{JOB}/update-data", body, queueName=queue.name, jobId=job.id)
        assert hands.take()[0].job.data == {"new": ["ü", 2]}

    def test_a_delay_that_it_edits_is_the_time_python_starts(self, board, queue, work):
        ran = work()
        job = queue.add("x", delay=3_600_000)
        due = now_ms() + 300
        body = {"runAt": due}
        board.call("PATCH", f"{JOB}/delay", body, queueName=queue.name, jobId=job.id)
        wait_until(lambda: ran == ["x"])
        # It sends how long from now on its own clock, so a few ms are lost on the way.
        assert queue.get_job(job.id).processed_on >= due - 50

    def test_a_priority_that_it_edits_is_the_order_python_runs_in(self, board, queue, hands):
        first, second, third = (queue.add(f"job-{n}", priority=5) for n in range(3))
        body = {"priority": 1}
        board.call("PATCH", f"{JOB}/priority", body, queueName=queue.name, jobId=third.id)
        assert [each.job.id for each in hands.take(3)] == [third.id, first.id, second.id]

    def test_a_concurrency_that_it_sets_binds_python_workers(self, board, queue, redis_url):
        route, body = f"{QUEUE}/concurrency", {"concurrency": 1}
        board.call("PUT", route, body, queueName=queue.name)
        assert queue.get_global_concurrency() == 1
        at_once, most, guard = 0, 0, threading.Lock()
        met = threading.Event()

        def handler(delivery):
            nonlocal at_once, most
            with guard:
                at_once += 1
                most = max(most, at_once)
            met.wait(0.02)
            with guard:
                at_once -= 1

        for _ in range(10):
            queue.add("x")
        with Worker(queue.name, handler, url=redis_url, concurrency=4):
            wait_until(lambda: queue.get_job_counts("completed") == {"completed": 10}, timeout=30)
        assert most == 1
        board.call("PUT", route, {"concurrency": 0}, queueName=queue.name)
        assert queue.get_global_concurrency() is None

    def test_a_rate_limit_that_it_sets_binds_python_workers(self, board, queue, hands):
        route = f"{QUEUE}/rate-limit"
        board.call("PUT", route, {"max": 2, "duration": 60_000}, queueName=queue.name)
        limit = queue.get_global_rate_limit()
        assert (limit.max, limit.duration) == (2, 60_000)
        for _ in range(3):
            queue.add("x")
        reply = hands.trip(most=3)
        assert len(reply.jobs) == 2
        assert len(hands.take(3)) == 0
        board.call("PUT", f"{route}/release", queueName=queue.name)
        assert len(hands.take(3)) == 1
        board.call("PUT", route, {"max": None}, queueName=queue.name)
        assert queue.get_global_rate_limit() is None

    def test_it_obliterates_a_paused_queue(self, board, queue, hands):
        queue.add("x")
        queue.add("y", delay=60_000)
        queue.add("z")
        hands.commit(hands.take()[0], Failed("no"))
        route = f"{QUEUE}/obliterate"
        with pytest.raises(BoardError) as refused:
            board.call("PUT", route, {"force": False}, queueName=queue.name)
        assert refused.value.key == "ERRORS.QUEUE_NOT_PAUSED"
        queue.pause()
        board.call("PUT", route, {"force": False}, queueName=queue.name)
        assert queue.get_jobs() == []
        assert Stored(queue.driver, queue.name).all_keys() <= {"limiter"}

    def test_it_obliterates_a_queue_with_active_jobs_only_by_force(self, board, queue, hands):
        queue.add("x")
        hands.take()
        queue.pause()
        route = f"{QUEUE}/obliterate"
        with pytest.raises(BoardError):
            board.call("PUT", route, {"force": False}, queueName=queue.name)
        assert queue.get_job_counts("active") == {"active": 1}
        board.call("PUT", route, {"force": True}, queueName=queue.name)
        assert queue.get_jobs() == []
