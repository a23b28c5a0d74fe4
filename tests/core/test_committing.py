"""The script that commits outcomes and hands out jobs: protocol part 1, sections 4 to 6."""

from __future__ import annotations

import json

import pytest

from bullrush.core import Completed, Failed, Keep, Postponed, Queue, RawJson, Retried, Returned
from bullrush.core.clock import now_ms
from bullrush.core.errors import ServerError
from bullrush.core.keys import META_FIELDS
from bullrush.core.parents import Parent
from bullrush.core.records import Retention
from bullrush.core.trip import Limiter


@pytest.fixture
def queue(hands) -> Queue:
    """The blocking face; the other one sends the same scripts."""
    return hands.queue


def test_a_taken_job_is_active_locked_and_counted(queue, stored, hands):
    hands.name = "w1"
    queue.add("x")
    before = now_ms()
    (taken,) = hands.take()
    written = stored.hash("1")
    assert (stored.ids("active"), stored.ids("wait")) == (["1"], [])
    assert stored.run("GET", stored.keys.job_part("1", "lock")) == taken.token.encode()
    assert 0 < stored.run("PTTL", stored.keys.job_part("1", "lock")) <= 30_000
    assert (taken.job.attempts_started, taken.job.processed_by) == (1, "w1")
    assert before <= taken.job.processed_on <= now_ms()
    assert queue.get_job("1").attempts_started == 1
    assert written["name"] == "x"
    assert stored.marker() == {"0": 0}
    assert stored.events()[-1] == {"event": "active", "jobId": "1", "prev": "waiting"}


def test_one_trip_hands_out_as_many_as_asked_for(queue, hands):
    for n in range(5):
        queue.add("x", n)
    assert [each.job.data for each in hands.take(3)] == [0, 1, 2]
    assert [each.job.data for each in hands.take(3)] == [3, 4]
    assert hands.take(3) == []


def test_due_jobs_are_promoted_before_anything_is_handed_out(queue, stored, hands):
    queue.add("x", delay=1000, timestamp=1_000_000)
    assert hands.trip(most=1, now=1_000_999).next_due == 1_001_000
    (job,) = hands.trip(most=1, now=1_001_000).jobs
    assert job.delay == 0
    assert {"event": "waiting", "jobId": "1", "prev": "delayed"} in stored.events()


def test_due_jobs_are_promoted_by_who_fetches_after_the_outcome_is_stored(queue, stored, hands):
    queue.add("x", timestamp=1_000_000)
    (taken,) = hands.take(now=1_000_000)
    queue.add("x", delay=1000, timestamp=1_000_000)
    queue.add("x", delay=1000, timestamp=1_000_000)
    assert hands.commit(taken, Postponed(5000), now=1_001_000) == 0
    assert stored.ids("delayed") == ["2", "3", "1"]
    (taken,) = hands.take(now=1_001_000)
    queue.add("x", delay=1, timestamp=1_001_000)
    hands.trip([(taken, Completed())], most=1, now=1_001_001)
    assert stored.event_names()[-3:] == ["completed", "waiting", "active"]


def test_an_immediate_retry_gets_in_line_behind_due_jobs(queue, stored, hands):
    queue.add("x")
    (taken,) = hands.take(now=1_000_000)
    queue.add("x", delay=1000, timestamp=1_000_000)
    assert hands.commit(taken, Retried(0, "no"), now=1_001_000) == 0
    assert stored.ids("wait") == ["1", "2"]


@pytest.mark.parametrize("key_type", ["none", "string"])
def test_a_delayed_id_without_a_job_is_dropped_when_it_is_due(queue, stored, hands, key_type):
    queue.add("x", delay=1000, timestamp=1_000_000)
    stored.run("DEL", stored.keys.job("1"))
    if key_type == "string":
        stored.run("SET", stored.keys.job("1"), "something else")
    queue.add("x", delay=1000, timestamp=1_000_000)
    (job,) = hands.trip(most=2, now=1_001_000).jobs
    assert (job.id, stored.ids("delayed"), stored.ids("wait")) == ("2", [], [])
    assert stored.exists(stored.keys.job("1")) is (key_type == "string")


def test_an_id_without_a_job_is_dropped_and_the_next_is_taken(queue, stored, hands):
    stored.run("RPUSH", stored.keys.wait, "ghost")
    queue.add("x")
    reply = hands.trip(most=2)
    assert (reply.dropped, [job.id for job in reply.jobs]) == (["ghost"], ["1"])
    assert stored.ids("active") == ["1"]
    assert not stored.exists(stored.keys.job("ghost"))


def test_completion_stores_the_value_and_frees_the_job(queue, stored, hands):
    queue.add("x")
    (taken,) = hands.take()
    assert hands.commit(taken, Completed({"r": [1]})) == 0
    written = stored.hash("1")
    assert json.loads(written["returnvalue"]) == {"r": [1]}
    assert queue.get_job("1").attempts_made == 1
    assert stored.score("completed", "1") == queue.get_job("1").finished_on
    assert stored.ids("active") == []
    assert not stored.exists(stored.keys.job_part("1", "lock"))
    assert stored.events()[-2:] == [
        {"event": "completed", "jobId": "1", "returnvalue": '{"r":[1]}', "prev": "active"},
        {"event": "drained"},
    ]


def test_nothing_returned_is_null_and_ready_json_stays_as_it_is(queue, stored, hands):
    for outcome in (Completed(None), Completed(RawJson("[ 1 ]"))):
        job = queue.add("x")
        hands.commit(hands.take()[0], outcome)
        expected = "null" if outcome.value is None else "[ 1 ]"
        assert stored.hash(job.id)["returnvalue"] == expected


def test_a_final_failure_tells_reason_stack_and_exhaustion(queue, stored, hands):
    queue.add("x")
    hands.commit(hands.take()[0], Failed("boom", "stack", exception="{}"))
    job = queue.get_job("1")
    assert (job.failed_reason, job.stacktrace, job.exception) == ("boom", ["stack"], "{}")
    assert queue.get_state("1") == "failed"
    assert stored.events()[-3:] == [
        {"event": "failed", "jobId": "1", "failedReason": "boom", "prev": "active"},
        {"event": "retries-exhausted", "jobId": "1", "attemptsMade": "1"},
        {"event": "drained"},
    ]


def test_an_early_final_failure_is_not_called_exhausted(queue, stored, hands):
    queue.add("x", attempts=3)
    hands.commit(hands.take()[0], Failed("boom"))
    assert "retries-exhausted" not in stored.event_names()


def test_an_immediate_retry_counts_an_attempt_and_says_no_failed(queue, stored, hands):
    queue.add("x", attempts=2)
    hands.commit(hands.take()[0], Retried(0, "boom", "stack"))
    job = queue.get_job("1")
    assert (job.attempts_made, job.failed_reason) == (1, "boom")
    assert stored.ids("wait") == ["1"]
    assert stored.events()[-1] == {"event": "waiting", "jobId": "1", "prev": "active"}
    assert "failed" not in stored.event_names()


def test_a_delayed_retry_waits_its_time_with_its_new_data(queue, stored, hands):
    queue.add("x", {"n": 1}, attempts=2)
    hands.trip([(hands.take()[0], Retried(500, "boom", data=RawJson('{"n":2}')))], now=2_000_000)
    job = queue.get_job("1")
    assert (job.data, job.delay, job.attempts_made) == ({"n": 2}, 500, 1)
    assert stored.score("delayed", "1") == 2_000_500 * 4096
    assert stored.marker()["1"] == 2_000_500


def test_postponed_and_returned_count_no_attempt(queue, stored, hands):
    queue.add("x")
    hands.commit(hands.take()[0], Postponed(60_000))
    assert queue.get_state("1") == "delayed"
    queue.promote("1")
    hands.commit(hands.take()[0], Returned())
    assert queue.get_state("1") == "waiting"
    assert queue.get_job("1").attempts_made == 0


def test_a_returned_job_is_next_in_line(queue, hands):
    for name in ("a", "b"):
        queue.add(name, priority=1)
    taken = hands.take()[0]
    hands.commit(taken, Returned())
    assert [each.job.name for each in hands.take(2)] == ["a", "b"]


@pytest.mark.parametrize("keep", [{"remove_on_complete": True}, {"remove_on_complete": 0}])
def test_a_job_to_be_removed_leaves_nothing_but_its_event(queue, stored, hands, keep):
    queue.add("x", **keep)
    hands.commit(hands.take()[0], Completed(7))
    assert not any(key.startswith("1") for key in stored.all_keys())
    assert stored.events()[-2]["returnvalue"] == "7"


def test_keeping_a_count_keeps_the_newest(queue, stored, hands):
    for n in range(5):
        queue.add("x", n, remove_on_complete=2)
        hands.trip([(hands.take()[0], Completed(n))], now=1_000_000 + n)
    assert stored.ids("completed") == ["4", "5"]
    assert queue.get_job("3") is None


def test_keeping_by_age_removes_old_ones_when_another_finishes(queue, stored, hands):
    for now in (1_000_000, 1_050_000, 1_100_000):
        queue.add("x", remove_on_fail=Keep(age=60))
        hands.trip([(hands.take()[0], Failed("x"))], now=now)
    assert stored.ids("failed") == ["2", "3"]


def test_the_workers_retention_is_for_jobs_that_do_not_say(queue, stored, hands):
    queue.add("x")
    queue.add("y", remove_on_complete=False)
    for taken in hands.take(2):
        hands.commit(taken, Completed(1), retention=Retention(completed=Keep(count=0)))
    assert stored.ids("completed") == ["2"]


def test_a_foreign_or_lost_lock_voids_the_outcome(queue, stored, hands):
    queue.add("x")
    (taken,) = hands.take()
    lock = stored.keys.job_part("1", "lock")
    stored.run("SET", lock, "somebody else")
    before = stored.hash("1")
    assert hands.commit(taken, Completed(1)) == -6
    stored.run("DEL", lock)
    assert hands.commit(taken, Completed(1)) == -2
    assert stored.hash("1") == before
    assert stored.ids("active") == ["1"]


def test_outcomes_of_vanished_and_inactive_jobs_change_nothing(queue, stored, hands):
    queue.add("x")
    (taken,) = hands.take()
    stored.run("LREM", stored.keys.active, 1, "1")
    assert hands.commit(taken, Completed(1)) == -3
    stored.run("DEL", stored.keys.job("1"))
    assert hands.commit(taken, Completed(1)) == -1
    assert stored.ids("completed") == []


@pytest.mark.parametrize("place", ["completed", "stalled", "events"])
def test_a_key_of_another_type_is_noticed_before_an_outcome_is_written(queue, stored, hands, place):
    queue.add("x")
    (taken,) = hands.take()
    stored.run("DEL", getattr(stored.keys, place))
    stored.run("SET", getattr(stored.keys, place), "of another type")
    before = stored.hash("1")
    with pytest.raises(ServerError, match="WRONGTYPE"):
        hands.commit(taken, Completed(1))
    assert stored.hash("1") == before
    assert stored.ids("active") == ["1"]


def test_one_void_outcome_does_not_stop_the_others(queue, stored, hands):
    for _ in range(3):
        queue.add("x")
    taken = hands.take(3)
    stored.run("DEL", stored.keys.job_part("2", "lock"))
    reply = hands.trip([(each, Completed(each.job.id)) for each in taken])
    assert reply.codes == [0, -2, 0]
    assert stored.ids("completed") == ["1", "3"]


def test_pending_children_keep_a_parent_from_completing(queue, stored, hands):
    queue.add("x")
    (taken,) = hands.take()
    stored.run("SADD", stored.keys.job_part("1", "dependencies"), "bull:q:child")
    assert hands.commit(taken, Completed(1)) == -4
    assert stored.ids("active") == ["1"]


@pytest.mark.parametrize(
    ("order", "codes"), [(["child", "parent"], [0, 0]), (["parent", "child"], [-4, 0])]
)
def test_a_parent_completes_with_its_child_in_one_batch_if_it_comes_later(
    queue, hands, order, codes
):
    queue.add("x")
    taken = {"parent": hands.take()[0]}
    queue.add("x", parent=Parent("1", queue.name))
    taken["child"] = hands.take()[0]
    reply = hands.trip([(taken[each], Completed()) for each in order])
    assert reply.codes == codes
    assert queue.get_job_counts("completed") == {"completed": codes.count(0)}


def test_a_batch_commits_and_fetches_in_one_trip(queue, hands):
    for n in range(4):
        queue.add("x", n)
    taken = hands.take(2)
    reply = hands.trip([(each, Completed(None)) for each in taken], most=2)
    assert reply.codes == [0, 0]
    assert [job.data for job in reply.jobs] == [2, 3]


def test_drained_is_said_only_when_nothing_is_left(queue, stored, hands):
    queue.add("a")
    queue.add("b")
    (first,) = hands.take()
    reply = hands.trip([(first, Completed(1))], most=1)
    assert "drained" not in stored.event_names()
    second = hands.delivery(reply.jobs[0])
    hands.trip([(second, Completed(1))], most=1)
    assert stored.event_names().count("drained") == 1


def test_a_paused_queue_hands_out_nothing_and_wakes_nobody(queue, stored, hands):
    queue.pause()
    queue.add("x")
    assert hands.take() == []
    assert stored.marker() == {}
    queue.resume()
    assert stored.marker() == {"0": 0}
    assert len(hands.take()) == 1


def test_global_concurrency_holds_over_batches_and_a_freed_slot_wakes(queue, stored, hands):
    stored.run("HSET", stored.keys.meta, META_FIELDS["concurrency"], 2)
    for _ in range(4):
        queue.add("x")
    taken = hands.take(4)
    assert len(taken) == 2
    assert hands.take() == []
    stored.run("DEL", stored.keys.marker)
    hands.commit(taken[0], Completed(1))
    assert stored.marker() == {"0": 0}


def test_the_rate_limit_closes_after_its_number_and_says_for_how_long(queue, stored, hands):
    for _ in range(5):
        queue.add("x")
    limiter = Limiter(max=3, duration=60_000)
    assert len(hands.trip(most=5, limiter=limiter).jobs) == 3
    reply = hands.trip(most=5, limiter=limiter)
    assert reply.jobs == []
    assert 0 < reply.limited_ms <= 60_000
    assert len(stored.ids("wait")) == 2


def test_a_stored_limit_beats_the_workers_own(queue, stored, hands):
    stored.run("HSET", stored.keys.meta, META_FIELDS["max"], 1, META_FIELDS["duration"], 60_000)
    for _ in range(2):
        queue.add("x")
    assert len(hands.trip(most=2, limiter=Limiter(5, 1000)).jobs) == 1


def test_a_limit_without_a_duration_is_no_limit(queue, stored, hands):
    stored.run("HSET", stored.keys.meta, META_FIELDS["max"], 1)
    for _ in range(2):
        queue.add("x")
    assert len(hands.take(2)) == 2


def test_the_priority_counter_is_reset_when_nothing_is_left(queue, stored, hands):
    queue.add("x", priority=1)
    hands.take()
    hands.take()
    assert not stored.exists(stored.keys.priority_counter)


class TestLocksAndStalls:
    """Protocol part 1, section 7."""

    def test_a_job_without_lock_is_recovered_by_the_second_sweep(self, queue, stored, hands):
        queue.add("x")
        hands.take()
        stored.run("DEL", stored.keys.job_part("1", "lock"))
        assert sweep(hands, stored) == []
        assert sweep(hands, stored) == ["1"]
        assert (queue.get_job("1").stalled_count, queue.get_job("1").attempts_made) == (1, 0)
        assert stored.event_names()[-2:] == ["waiting", "stalled"]

    def test_a_job_with_a_live_lock_is_never_recovered(self, queue, stored, hands):
        queue.add("x")
        hands.take()
        assert [sweep(hands, stored) for _ in range(4)] == [[], [], [], []]

    def test_one_sweep_in_an_interval_is_enough_for_a_fleet(self, queue, stored, hands):
        queue.add("x")
        hands.take()
        stored.run("DEL", stored.keys.job_part("1", "lock"))
        hands.sweep(interval_ms=60_000)
        assert hands.sweep(interval_ms=60_000) == []

    def test_too_many_stalls_fail_the_job_when_it_is_taken_next(self, queue, stored, hands):
        queue.add("x")
        for _ in range(2):
            hands.take()
            stored.run("DEL", stored.keys.job_part("1", "lock"))
            sweep(hands, stored)
            sweep(hands, stored)
        (taken,) = hands.take()
        hands.trip([(taken, Completed("must not count"))])
        job = queue.get_job("1")
        assert queue.get_state("1") == "failed"
        assert job.failed_reason == "job stalled more than allowable limit"
        assert job.deferred_failure is None

    def test_a_stalled_id_without_a_job_leaves_no_stub(self, queue, stored, hands):
        queue.add("x")
        hands.take()
        stored.run("DEL", stored.keys.job("1"), stored.keys.job_part("1", "lock"))
        sweep(hands, stored)
        assert sweep(hands, stored) == []
        assert not stored.exists(stored.keys.job("1"))
        assert stored.ids("active") == []


def sweep(hands, stored):
    """A sweep that is not kept off by the last one."""
    stored.run("DEL", stored.keys.stalled_check)
    return hands.sweep()


class TestRetentionOfACall:
    """Jobs that end in one call leave behind what they would if they ended one by one."""

    KEEPS = (
        [{"age": 60}] * 4,
        [{"age": 60, "limit": 1}] * 2 + [{"age": 30}] * 2,
        [{"count": 2}, {"count": 2}, {"age": 60}, {"count": 1}],
        [{"count": 1}, {}, {}, {"count": 3}],
        [{"age": 60}, {}, {"count": 2, "age": 60}, {"age": 60}],
    )

    @pytest.mark.parametrize("together", [True, False])
    @pytest.mark.parametrize("keeps", KEEPS, ids=range(len(KEEPS)))
    def test_it_is_the_same_for_jobs_that_end_together(self, queue, stored, hands, keeps, together):
        old, now = now_ms() - 100_000, now_ms()
        for _ in range(6):
            queue.add("old")
        for each in hands.take(6, now=old):
            hands.commit(each, Completed(0), now=old)
        for keep in keeps:
            queue.add("new", **({"remove_on_complete": Keep(**keep)} if keep else {}))
        pairs = [(each, Completed(1)) for each in hands.take(len(keeps))]
        if together:
            hands.trip(pairs, now=now)
        else:
            for pair in pairs:
                hands.trip([pair], now=now)
        left = sorted(queue.get_job(each).name for each in stored.ids("completed"))
        assert left == self.LEFT[self.KEEPS.index(keeps)]

    LEFT = (
        ["new"] * 4,
        ["new"] * 4,
        ["new"],
        ["new"] * 3,
        ["new"] * 3,
    )

    def test_equal_retentions_are_swept_once(self, queue, stored, hands):
        for _ in range(20):
            queue.add("x", remove_on_complete=Keep(age=60))
        taken = hands.take(20)
        before = _calls(stored)
        hands.trip([(each, Completed(1)) for each in taken])
        after = _calls(stored)
        if after:  # not on memory, which does not count
            spent = {name: after[name] - before.get(name, 0) for name in after}
            assert spent["zrevrangebyscore"] == spent["zadd"] == spent["del"] == 1


def _calls(stored):
    """How often Redis ran each command."""
    try:
        said = stored.run("INFO", "commandstats").decode()
    except ServerError:
        return {}
    rows = [line.removeprefix("cmdstat_").split(":calls=") for line in said.splitlines()[1:]]
    return {name: int(rest.split(",")[0]) for name, rest in rows}
