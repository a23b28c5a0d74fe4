"""Invariants of the end of a job, each by its number in protocol part 1, section 13: what
Redis holds after either side acted, and what the other side makes of it.
"""

from __future__ import annotations

import json

import pytest

from bullrush.core import Completed, RateLimited
from bullrush.core.clock import now_ms
from bullrush.core.job import FIELDS
from tests.support.both_sides import MINUTE, both_sides, both_ways, counts, sweep
from tests.support.node_peer import NodeError
from tests.support.sides import SIDES
from tests.support.waiting import wait_until


def test_invariant_1_16_an_outcome_needs_its_lock(sides, stored, queue, hands, node):
    job_id = queue.add("x").id
    (taken,) = hands.take()

    def python_code(token=None):
        return hands.commit(hands.delivery(taken.job, token or taken.token), Completed(1))

    def node_code(token):
        fields = {"queue": queue.name, "jobId": job_id, "method": "moveToCompleted"}
        with pytest.raises(NodeError) as error:
            node.request("callJob", **fields, args=["value", token, False])
        return error.value.code

    before = (stored.hash(job_id), stored.ids("active"), stored.ids("completed"))
    assert (python_code("foreign"), node_code("foreign")) == (-6, -6)
    lock = stored.keys.job_part(job_id, "lock")
    stored.run("DEL", lock)
    assert (python_code(), node_code(taken.token)) == (-2, -2)
    assert (stored.hash(job_id), stored.ids("active"), stored.ids("completed")) == before
    stored.run("SET", lock, taken.token)
    stored.run("DEL", stored.keys.active)
    # Node says so too, but gives the lock away first: ours comes first here.
    assert (python_code(), stored.exists(lock)) == (-3, True)
    assert node_code(taken.token) == -3
    stored.run("DEL", stored.keys.job(job_id))
    assert python_code() == -1
    assert stored.ids("completed") == []


@both_sides
def test_invariant_1_17_a_completed_job(sides, stored, queue, side):
    job_id = sides.add("python", data={"v": [1, "ü"]})
    stored.run("SADD", stored.keys.stalled, job_id)
    sides.work(side)
    wait_until(lambda: queue.get_completed_count() == 1)
    done = stored.hash(job_id)
    assert stored.ids("active") == []
    assert stored.score("completed", job_id) == int(done[FIELDS["finished_on"]])
    assert json.loads(done[FIELDS["returnvalue"]]) == {"v": [1, "ü"]}
    assert counts(stored, job_id) == (1, 1, 0)
    assert not stored.exists(stored.keys.job_part(job_id, "lock"))
    assert not stored.run("SISMEMBER", stored.keys.stalled, job_id)


@both_ways
def test_invariant_1_18_only_the_last_attempt_is_called_failed(sides, stored, queue, adds, works):
    job_id = sides.add(adds, data={"failures": 9, "message": "no"}, attempts=2, backoff=10)
    sides.work(works, "fail")
    wait_until(lambda: queue.get_failed_count() == 1)
    wait_until(lambda: "drained" in stored.event_names())
    told = [each for each in stored.events() if each["event"] in ("failed", "retries-exhausted")]
    assert told == [
        {"event": "failed", "jobId": job_id, "failedReason": "no", "prev": "active"},
        {"event": "retries-exhausted", "jobId": job_id, "attemptsMade": "2"},
    ]
    names = stored.event_names()
    assert names.index("failed") > len(names) - 1 - names[::-1].index("active")


@both_ways
def test_invariant_1_19_each_counter_counts_its_own(sides, stored, queue, hands, adds, works):
    data = {"failures": 2, "message": "no", "result": 1}
    job_id = sides.add(adds, data=data, attempts=5)
    hands.take()
    stored.run("DEL", stored.keys.job_part(job_id, "lock"))
    assert (sweep(hands, stored), sweep(hands, stored)) == ([], [job_id])
    assert counts(stored, job_id) == (0, 1, 1)
    sides.work(works, "fail")
    wait_until(lambda: queue.get_completed_count() == 1)
    assert counts(stored, job_id) == (3, 4, 1)


@both_ways
def test_invariant_1_20_a_job_to_be_removed_leaves_its_event_alone(
    sides, stored, queue, adds, works
):
    job_id = sides.add(adds, data={"v": 1}, remove_on_complete=True)
    queue.add_log(job_id, "row")
    sides.work(works)
    wait_until(lambda: "completed" in stored.event_names())
    assert not [key for key in stored.all_keys() if key.split(":")[0] == job_id]
    assert stored.ids("completed") == []
    told = next(each for each in stored.events() if each["event"] == "completed")
    assert json.loads(told["returnvalue"]) == {"v": 1}


@both_ways
def test_invariant_1_21_a_count_keeps_the_newest(sides, stored, queue, adds, works):
    ids = [sides.add(adds, remove_on_complete=2) for _ in range(5)]
    sides.work(works)
    wait_until(lambda: "drained" in stored.event_names())
    assert sorted(stored.ids("completed")) == sorted(ids[3:])
    assert {key for key in stored.all_keys() if key.isdigit()} == set(ids[3:])


@both_sides
def test_invariant_1_22_drained_is_said_when_nothing_is_left(sides, stored, queue, hands, side):
    for _ in range(3):
        queue.add("x")
    queue.add("x", priority=1)
    sides.work(side)
    wait_until(lambda: "drained" in stored.event_names())
    names = stored.event_names()
    assert (names.count("drained"), names[-1], queue.get_completed_count()) == (1, "drained", 4)


def test_invariant_1_22_drained_is_not_said_when_a_fetch_found_something(stored, queue, hands):
    queue.add("x")
    queue.add("x", delay=MINUTE)
    (taken,) = hands.take()
    hands.trip([(taken, Completed(1))], most=1)
    assert "drained" not in stored.event_names()
    queue.add("x")
    hands.commit(hands.take()[0], Completed(1))
    assert stored.event_names()[-1] == "drained"


def test_invariant_1_23_only_a_job_without_lock_is_recovered(sides, stored, queue, hands, node):
    job_id = queue.add("x").id
    worker = sides.work("node", "hang", stalled_interval=600_000)
    node.wait_for("started", jobId=job_id)
    assert [sweep(hands, stored) for _ in range(4)] == [[]] * 4
    stored.run("DEL", stored.keys.stalled, stored.keys.job_part(job_id, "lock"))
    assert sweep(hands, stored) == []
    assert sweep(hands, stored) == [job_id]
    assert (stored.ids("active"), stored.ids("wait")) == ([], [job_id])
    node.request("stopWorker", worker=worker, force=True)


@pytest.mark.parametrize("swept_by", SIDES)
def test_invariant_1_24_the_second_stall_is_a_failure(sides, stored, queue, hands, swept_by):
    job_id = queue.add("x").id
    hands.take()
    stored.run("DEL", stored.keys.job_part(job_id, "lock"))
    assert (sweep(hands, stored), sweep(hands, stored)) == ([], [job_id])
    hands.take()
    stored.run("DEL", stored.keys.job_part(job_id, "lock"), stored.keys.stalled_check)
    sides.work(swept_by, stalled_interval=100)
    wait_until(lambda: queue.get_failed_count() == 1)
    done = stored.hash(job_id)
    assert done[FIELDS["failed_reason"]] == "job stalled more than allowable limit"
    assert FIELDS["deferred_failure"] not in done
    assert counts(stored, job_id) == (1, 3, 2)


@pytest.mark.parametrize("move", ["delayed", "wait", "rate limit"])
def test_invariant_1_25_a_moved_job_has_made_no_attempt(stored, queue, hands, move):
    job_id = queue.add("x").id
    (taken,) = hands.take()
    if move == "delayed":
        taken.move_to_delayed(now_ms() + MINUTE)
    elif move == "wait":
        taken.move_to_wait()
    else:
        hands.commit(taken, RateLimited())
    assert counts(stored, job_id) == (0, 1, 0)
    assert not stored.exists(stored.keys.job_part(job_id, "lock"))
    assert stored.ids("active") == []
    assert queue.get_state(job_id) == ("delayed" if move == "delayed" else "waiting")


@pytest.mark.parametrize("method", ["moveToDelayed", "moveToWait"])
def test_invariant_1_25_node_moves_a_job_that_python_took(sides, stored, queue, hands, method):
    job_id = queue.add("x").id
    (taken,) = hands.take()
    args = [taken.token] if method == "moveToWait" else [now_ms() + MINUTE, taken.token]
    sides.node.request("callJob", queue=queue.name, jobId=job_id, method=method, args=args)
    assert counts(stored, job_id) == (0, 1, 0)
    assert not stored.exists(stored.keys.job_part(job_id, "lock"))
    assert stored.ids("active") == []
