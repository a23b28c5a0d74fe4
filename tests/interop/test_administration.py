"""Administration of a shared queue: both sides read the same, and what one changes holds for the
other (protocol part 1, sections 6 and 8; part 2, section 4).
"""

from __future__ import annotations

import pytest

from bullrush.core import Completed, Deduplication, Failed, Limiter
from bullrush.core.clock import now_ms
from bullrush.core.operations import STATES
from tests.support.node_peer import NodeError
from tests.support.waiting import wait_until

#: First and last position: pages, everything, from the end, beyond the end, empty.
RANGES = [(0, 2), (1, 3), (0, -1), (2, -1), (-2, -1), (-4, -2), (0, -3), (5, 90), (4, 2), (50, 60)]


@pytest.fixture
def ask(node, queue):
    """Calls a method of Node's Queue."""

    def call(method, *args):
        return node.request("call", queue=queue.name, method=method, args=list(args))

    return call


@pytest.fixture
def busy(node, queue, hands):
    """Jobs of both sides in every state but waiting-children, none of them in work any more."""
    for n in range(3):
        queue.add("early", n)
    now = now_ms()
    for n, taken in enumerate(hands.take(3)):
        outcome = Completed(n) if n < 2 else Failed("boom")
        hands.commit(taken, outcome, now=now + n)
    for n in range(4):
        queue.add("python", n)
        queue.add("python", n, priority=3)
        queue.add("python", n, delay=60_000 * (n + 1))
        for options in ({}, {"priority": 1}, {"delay": 90_000}):
            node.request("add", queue=queue.name, name="node", data=n, opts=options)
    hands.take(2)
    return queue


class TestReading:
    """Both read the same."""

    @pytest.mark.parametrize("ascending", [True, False])
    @pytest.mark.parametrize("states", [["waiting"], ["active"], ["delayed"], list(STATES)])
    def test_ids_and_jobs_by_position(self, busy, ask, states, ascending):
        for start, end in RANGES:
            options = {"start": start, "end": end, "ascending": ascending}
            theirs = ask("getRanges", states, start, end, ascending)
            assert busy.get_ranges(*states, **options) == list(dict.fromkeys(theirs))
            jobs = ask("getJobs", states, start, end, ascending)
            assert [job.id for job in busy.get_jobs(*states, **options)] == [
                job["id"] for job in jobs
            ]

    def test_pages_of_a_queue_with_vanished_jobs(self, busy, ask, stored):
        for job_id in busy.get_ranges("waiting", end=2, ascending=True)[1:]:
            stored.run("DEL", stored.keys.job(job_id))
        for ascending in (True, False):
            for start, end in RANGES:
                options = {"start": start, "end": end, "ascending": ascending}
                theirs = ask("getJobs", ["waiting"], start, end, ascending)
                mine = busy.get_jobs("waiting", **options)
                assert [job.id for job in mine] == [job["id"] for job in theirs], options

    @pytest.mark.parametrize(
        ("mine", "theirs"),
        [
            ("get_waiting", "getWaiting"),
            ("get_active", "getActive"),
            ("get_delayed", "getDelayed"),
            ("get_prioritized", "getPrioritized"),
            ("get_completed", "getCompleted"),
            ("get_failed", "getFailed"),
            ("get_waiting_children", "getWaitingChildren"),
        ],
    )
    def test_jobs_of_one_state(self, busy, ask, mine, theirs):
        for window in ((0, -1), (1, 2)):
            expected = [job["id"] for job in ask(theirs, *window)]
            assert [job.id for job in getattr(busy, mine)(*window)] == expected

    @pytest.mark.parametrize(
        ("mine", "theirs"),
        [
            ("count", "count"),
            ("get_waiting_count", "getWaitingCount"),
            ("get_active_count", "getActiveCount"),
            ("get_delayed_count", "getDelayedCount"),
            ("get_prioritized_count", "getPrioritizedCount"),
            ("get_completed_count", "getCompletedCount"),
            ("get_failed_count", "getFailedCount"),
            ("get_waiting_children_count", "getWaitingChildrenCount"),
        ],
    )
    def test_counts(self, busy, ask, mine, theirs):
        assert getattr(busy, mine)() == ask(theirs)

    @pytest.mark.parametrize("node_version", ["bullmq-6.7"])
    def test_delayed_jobs_before_a_time(self, busy, ask, stored):
        (due, *_) = (int(stored.score("delayed", each) // 4096) for each in stored.ids("delayed"))
        for time in (due - 1, due, due + 1, due + 200_000):
            assert busy.get_delayed_count(before=time) == ask("getDelayedCount", time)

    def test_counts_per_priority(self, busy, ask):
        theirs = ask("getCountsPerPriority", [0, 1, 2, 3])
        assert busy.get_counts_per_priority([0, 1, 2, 3]) == {int(p): n for p, n in theirs.items()}

    def test_logs_from_either_end(self, queue, ask):
        job_id = queue.add("x").id
        for row in "abcde":
            queue.add_log(job_id, row)
        for ascending in (True, False):
            for start, end in ((0, -1), (0, 1), (2, 3), (3, -1)):
                theirs = ask("getJobLogs", job_id, start, end, ascending)
                assert queue.get_logs(job_id, start, end, ascending=ascending) == theirs["logs"]
                assert queue.get_logs_count(job_id) == theirs["count"]

    @pytest.mark.parametrize("writer", ["python", "node"])
    def test_limits_and_what_else_stands_in_meta(self, queue, ask, writer):
        if writer == "python":
            queue.set_global_concurrency(3)
            queue.set_global_rate_limit(5, 600)
            queue.set_max_events(77)
            queue.pause()
        else:
            ask("setGlobalConcurrency", 3)
            ask("setGlobalRateLimit", 5, 600)
            ask("pause")
        assert queue.get_global_concurrency() == ask("getGlobalConcurrency") == 3
        assert queue.get_global_rate_limit() == Limiter(**ask("getGlobalRateLimit"))
        mine, theirs = queue.get_meta(), ask("getMeta")
        assert (mine.paused, mine.max, mine.duration) == (True, 5, 600)
        assert mine.paused == theirs["paused"]
        assert (mine.concurrency, mine.max, mine.duration) == tuple(
            theirs[name] for name in ("concurrency", "max", "duration")
        )
        assert mine.max_events == theirs.get("maxLenEvents")
        assert queue.get_version() == ask("getVersion")
        queue.remove_global_concurrency()
        queue.remove_global_rate_limit()
        assert (ask("getGlobalConcurrency"), ask("getGlobalRateLimit")) == (None, None)

    def test_rate_and_concurrency_of_the_moment(self, queue, ask, hands):
        def both():
            mine = (queue.get_rate_limit_ttl(), queue.get_rate_limit_ttl(2), queue.is_maxed())
            theirs = (ask("getRateLimitTtl"), ask("getRateLimitTtl", 2), ask("isMaxed"))
            # ms that passed between the two do not matter.
            return [
                tuple(-(-each // 10_000) if each > 0 else each for each in side)
                for side in (mine, theirs)
            ]

        for _ in range(3):
            queue.add("x")
        seen = [both()]
        queue.set_global_concurrency(2)
        hands.take(3, limiter=Limiter(2, 60_000))
        seen.append(both())
        queue.rate_limit(50_000)
        seen.append(both())
        queue.set_global_rate_limit(9, 60_000)
        seen.append(both())
        queue.remove_rate_limit_key()
        seen.append(both())
        assert [mine for mine, _ in seen] == [theirs for _, theirs in seen]
        assert len({mine for mine, _ in seen}) > 2

    def test_the_job_of_a_deduplication_id(self, queue, ask, node):
        mine = queue.add("x", deduplication=Deduplication("d", ttl=60_000)).id
        assert queue.get_deduplication_job_id("d") == ask("getDeduplicationJobId", "d") == mine
        assert ask("getDeduplicationJobId", "other") is None
        assert queue.remove_deduplication_key_of(mine)
        assert ask("getDeduplicationJobId", "d") is None
        options = {"deduplication": {"id": "d"}}
        theirs = node.request("add", queue=queue.name, name="x", data=1, opts=options)["id"]
        assert queue.add("x", deduplication="d").id == theirs
        assert queue.remove_deduplication_key("d")
        assert ask("removeDeduplicationKey", "d") == 0


class TestChanging:
    """What Python changes is what Node sees."""

    def test_another_time_and_another_priority(self, node, queue, ask):
        late, soon = queue.add("x", delay=60_000).id, queue.add("x", delay=90_000).id
        queue.change_delay(soon, 1000)
        assert [job["id"] for job in ask("getDelayed")] == [soon, late]
        seen = node.request("getJob", queue=queue.name, jobId=soon)
        assert seen["delay"] == 1000
        low, high = queue.add("x", priority=9).id, queue.add("x").id
        queue.change_priority(high, 2)
        assert [job["id"] for job in ask("getPrioritized")] == [high, low]
        queue.change_priority(low, 2, lifo=True)
        assert [job["id"] for job in ask("getPrioritized")] == [low, high]
        assert node.request("getJob", queue=queue.name, jobId=low)["priority"] == 2

    def test_an_idle_node_worker_is_woken_by_a_new_priority_and_a_new_time(self, node, queue):
        node.request("startWorker", queue=queue.name, handler="echo", options={"drainDelay": 60})
        job = queue.add("x", delay=600_000)
        queue.change_delay(job.id, 50)
        node.wait_for("worker.completed", queue=queue.name)

    def test_a_removed_log(self, node, queue):
        job_id = queue.add("x").id
        for row in "abc":
            queue.add_log(job_id, row)
        queue.clear_logs(job_id, keep=1)
        theirs = node.request("getLogs", queue=queue.name, jobId=job_id)
        assert theirs == {"logs": ["c"], "count": 1}

    def test_a_drained_and_a_cleaned_queue(self, busy, ask, node):
        node.request("startEvents", queue=busy.name)
        assert busy.drain() == 14
        counts = ask("getJobCounts", "waiting", "prioritized", "delayed", "active", "failed")
        counts.pop("paused", None)  # 5.81 adds this state whenever waiting jobs are asked for.
        assert counts == {"waiting": 0, "prioritized": 0, "delayed": 8, "active": 2, "failed": 1}
        assert len(busy.clean(0)) == 2
        event = node.wait_for("queue.cleaned", queue=busy.name)
        assert event["args"]["count"] == "2"
        assert (ask("getCompleted"), len(ask("getDelayed"))) == ([], 8)

    def test_an_obliterated_queue_begins_anew(self, busy, node, ask, stored):
        with pytest.raises(NodeError, match="Cannot obliterate queue with active jobs"):
            ask("obliterate")
        busy.obliterate(force=True)
        assert stored.all_keys() == set()
        assert node.request("add", queue=busy.name, name="x", data={})["id"] == "1"
        assert ask("isPaused") is False

    def test_a_queue_that_python_limits_is_limited_for_node(self, node, queue):
        queue.set_global_concurrency(1)
        worker = node.request(
            "startWorker",
            queue=queue.name,
            handler="hang",
            concurrency=3,
            options={"drainDelay": 60},
        )
        for _ in range(3):
            queue.add("x")
        node.wait_for("started", queue=queue.name)
        assert queue.is_maxed()
        assert queue.get_active_count() == 1
        queue.remove_global_concurrency()
        for _ in range(2):
            node.wait_for("started", queue=queue.name)
        assert node.request("release", worker=worker) == 3
        wait_until(lambda: queue.get_completed_count() == 3)

    def test_each_removes_the_orphans_of_the_other(self, node, queue, ask, stored):
        mine = queue.add("x").id
        theirs = node.request("add", queue=queue.name, name="x", data={})["id"]
        stored.run("DEL", stored.keys.wait)
        assert queue.remove_orphaned_jobs() == 2
        assert not {mine, theirs} & stored.all_keys()
        queue.add("x")
        kept = queue.add("x", delay=60_000).id
        stored.run("DEL", stored.keys.wait)
        assert ask("removeOrphanedJobs") == 1
        assert {key for key in stored.all_keys() if key.isdigit()} == {kept}
