"""`clean` takes old jobs of one place (protocol 8.3)."""

from __future__ import annotations

import pytest

from bullrush.core import Completed, Failed, Queue
from bullrush.core.calls import run
from bullrush.core.clock import now_ms
from bullrush.core.errors import InvalidOption, ServerError
from bullrush.core.operations import clearing
from tests.support.by_hand import finish, make_armed, set_field


class TestClean:
    """`clean`."""

    def test_finished_jobs_go_by_the_time_they_finished(self, queue, hands, stored):
        jobs = [queue.add("x").id for _ in range(4)]
        now = now_ms()
        for age, taken in zip((9000, 6000, 3000, 0), hands.take(4), strict=True):
            hands.commit(taken, Completed(None), now=now - age)
        assert queue.clean(5000) == jobs[:2]
        assert stored.ids("completed") == jobs[2:]
        assert stored.events()[-1] == {"event": "cleaned", "count": "2"}
        assert queue.get_job(jobs[0]) is None

    def test_no_more_than_the_limit_go_and_the_oldest_first(self, queue, hands, stored):
        jobs = [queue.add("x").id for _ in range(5)]
        now = now_ms()
        for age, taken in zip(range(50, 45, -1), hands.take(5), strict=True):
            hands.commit(taken, Failed("boom"), now=now - age * 1000)
        assert queue.clean(0, 3, "failed") == jobs[:3]
        assert stored.ids("failed") == jobs[3:]

    def test_nothing_to_clean_is_told_once(self, queue, stored):
        assert queue.clean(0) == []
        assert stored.events() == [{"event": "cleaned", "count": "0"}]

    @pytest.mark.usefixtures("small_slices")
    @pytest.mark.parametrize("place", ["wait", "prioritized", "delayed"])
    def test_young_jobs_stay_in_their_order(self, queue, stored, place):
        options = {"wait": {}, "prioritized": {"priority": 1}, "delayed": {"delay": 60_000}}[place]
        young, old = [], []
        for n in range(11):
            job_id = queue.add("x", **options).id
            (young if n % 3 else old).append(job_id)
            if n % 3 == 0:
                set_field(stored, job_id, "timestamp", now_ms() - 9000)
        armed = make_armed(stored, place)
        before = [each for each in stored.ids(place) if each not in old]
        assert sorted(queue.clean(5000, type=place)) == sorted(old)
        assert stored.ids(place) == before
        assert armed in before
        counts = [int(each["count"]) for each in stored.events() if each["event"] == "cleaned"]
        assert sum(counts) == len(old)
        assert 0 not in counts

    @pytest.mark.usefixtures("small_slices")
    def test_the_limit_counts_jobs_that_go_and_not_those_looked_at(self, queue, stored):
        jobs = [queue.add("x").id for _ in range(9)]
        for job_id in jobs[4:]:
            set_field(stored, job_id, "timestamp", 1)
        assert sorted(queue.clean(5000, 4, "wait")) == jobs[4:8]
        assert stored.ids("wait") == [jobs[8], *jobs[3::-1]]

    def test_waiting_is_another_word_for_wait(self, queue):
        job = queue.add("x").id
        assert queue.clean(0, type="waiting") == [job]

    def test_the_list_of_a_5x_pause_is_cleaned_by_its_name(self, queue, stored):
        job = queue.add("x").id
        stored.run("RENAME", stored.keys.wait, stored.keys.paused)
        assert queue.clean(0, type="wait") == []
        assert queue.clean(0, type="paused") == [job]

    def test_active_jobs_go_when_no_worker_holds_them(self, queue, hands, stored):
        held, lost = queue.add("x").id, queue.add("x").id
        hands.take(2, now=now_ms() - 60_000)
        stored.run("DEL", stored.keys.job_part(lost, "lock"))
        assert queue.clean(30_000, type="active") == [lost]
        assert stored.ids("active") == [held]

    @pytest.mark.parametrize(
        ("place", "fields", "goes"),
        [
            ("wait", {"timestamp": 1, "processed_on": "now"}, False),
            ("wait", {"timestamp": "now", "finished_on": 1}, True),
            ("delayed", {"timestamp": 1, "processed_on": "now"}, False),
            ("delayed", {"timestamp": "now", "finished_on": 1}, False),
            ("prioritized", {"timestamp": 1, "processed_on": "now"}, True),
            ("prioritized", {"timestamp": "now", "processed_on": 1}, False),
            ("wait", {"timestamp": "rubbish"}, True),
        ],
    )
    def test_which_time_counts_depends_on_the_place(self, queue, stored, place, fields, goes):
        options = {"wait": {}, "prioritized": {"priority": 1}, "delayed": {"delay": 60_000}}[place]
        job = queue.add("x", **options).id
        for name, value in fields.items():
            set_field(stored, job, name, now_ms() if value == "now" else value)
        assert queue.clean(5000, type=place) == ([job] if goes else [])

    def test_a_job_without_any_time_counts_as_old(self, queue, stored):
        stored.run("RPUSH", stored.keys.wait, "ghost")
        assert queue.clean(5000, type="wait") == ["ghost"]

    @pytest.mark.usefixtures("small_slices")
    def test_no_job_is_passed_over_when_workers_take_some_meanwhile(self, queue, stored, url):
        jobs = [queue.add("x").id for _ in range(9)]
        for job_id in jobs[6:]:
            set_field(stored, job_id, "timestamp", 1)
        for taken, left in ((2, jobs[5:1:-1]), (4, jobs[5:3:-1])):
            steps = clearing.ClearingOperations.clean.build(queue, 5000, type="wait")
            with Queue(queue.name, url=url) as other:
                reply = run(other.driver, next(steps))
                for _ in range(taken):
                    stored.run("RPOPLPUSH", stored.keys.wait, stored.keys.active)
                removed = finish(other, steps, reply)
            assert sorted(removed) == jobs[6:]
            assert stored.ids("wait") == left
            stored.run("DEL", stored.keys.active, stored.keys.wait)
            stored.run("LPUSH", stored.keys.wait, *jobs)
            for job_id in jobs[6:]:
                stored.run("HSET", stored.keys.job(job_id), "timestamp", 1)

    @pytest.mark.usefixtures("small_slices")
    def test_no_prioritized_job_is_passed_over_either(self, queue, stored, url):
        jobs = [queue.add("x", priority=n + 1).id for n in range(8)]
        for job_id in jobs[5:]:
            set_field(stored, job_id, "timestamp", 1)
        steps = clearing.ClearingOperations.clean.build(queue, 5000, type="prioritized")
        with Queue(queue.name, url=url) as other:
            reply = run(other.driver, next(steps))
            stored.run("ZPOPMIN", stored.keys.prioritized, 4)
            removed = finish(other, steps, reply)
        assert removed == jobs[5:]

    def test_wrong_numbers_and_types_are_refused(self, queue, stored):
        queue.add("x")
        before = stored.all_keys()
        for arguments, words in (
            ((-1,), "grace is a whole number"),
            ((0.5,), "grace is a whole number"),
            ((0, -1), "limit is a whole number"),
            ((0, 1.5), "limit is a whole number"),
            ((0, 0, "complete"), "did you mean 'completed'"),
            ((0, 0, "waiting-children"), "unknown type of jobs to clean"),
        ):
            with pytest.raises(InvalidOption, match=words):
                queue.clean(*arguments)
        assert stored.all_keys() == before

    def test_a_damaged_key_is_noticed_before_anything_is_taken_away(self, queue, stored):
        job = queue.get_job(queue.add("x", deduplication="d").id)
        stored.run("DEL", stored.keys.deduplication + "d")
        stored.run("LPUSH", stored.keys.deduplication + "d", "x")
        for sweep in (lambda: queue.clean(0, type="wait"), queue.drain, queue.obliterate):
            with pytest.raises(ServerError, match="WRONGTYPE"):
                sweep()
        assert (stored.ids("wait"), queue.get_job(job.id)) == ([job.id], job)
