"""The invariants 23 to 30 and 32 of protocol part 2, section 9, each by its number: deduplication,
limits, and options that pass through.
"""

from __future__ import annotations

import json

import pytest

from bullrush.core import Completed, Failed, Limiter, RawJson, Retried
from bullrush.core.job import FIELDS
from tests.support.sides import SIDES
from tests.support.waiting import wait_until

both_orders = pytest.mark.parametrize(("first", "second"), [("python", "node"), ("node", "python")])
MINUTE = 60_000


def other(side):
    """The other one."""
    return "node" if side == "python" else "python"


def deduplicated(stored):
    """The roles in each event of that name: (the job that stands, the one that yields)."""
    return [
        (each["jobId"], each["deduplicatedJobId"])
        for each in stored.events()
        if each["event"] == "deduplicated"
    ]


def rest_of_window(stored, name="d"):
    """ms that a deduplication id is still taken; -1 for as long as its job."""
    return stored.run("PTTL", stored.keys.deduplication + name)


@both_orders
@pytest.mark.parametrize("works", SIDES)
def test_invariant_2_23_one_job_at_a_time(sides, stored, queue, hands, first, second, works):
    rule = {"id": "d"}
    data = {"failures": 1, "message": "no", "result": 1}
    kept = sides.add(first, data=data, attempts=2, backoff=10, deduplication=rule)
    assert sides.add(second, deduplication=rule) == kept
    assert deduplicated(stored) == [(kept, "2")]
    assert stored.ids("wait") == [kept]
    sides.work(works, "fail")
    wait_until(lambda: queue.get_completed_count() == 1)
    assert queue.get_deduplication_job_id("d") is None
    retried = sides.add(first, attempts=2, deduplication=rule)
    assert retried != kept


@both_orders
def test_invariant_2_23_a_retry_keeps_the_id(sides, queue, hands, first, second):
    kept = sides.add(first, deduplication={"id": "d"})
    hands.commit(hands.take()[0], Retried(MINUTE, "no"))
    assert sides.add(second, deduplication={"id": "d"}) == kept
    queue.promote(kept)
    hands.commit(hands.take()[0], Failed("no"))
    assert sides.add(second, deduplication={"id": "d"}) != kept


@both_orders
def test_invariant_2_24_a_window_of_time(sides, stored, queue, hands, first, second):
    rule = {"id": "d", "ttl": MINUTE}
    kept = sides.add(first, deduplication=rule)
    hands.commit(hands.take()[0], Completed(1))
    assert sides.add(second, deduplication=rule) == kept
    stored.run("PEXPIRE", stored.keys.deduplication + "d", 1)
    wait_until(lambda: queue.get_deduplication_job_id("d") is None)
    newer = sides.add(second, deduplication=rule)
    assert newer != kept
    longer = {"id": "d", "ttl": 3 * MINUTE, "extend": True}
    assert sides.add(first, deduplication=longer) == newer
    assert 2 * MINUTE < rest_of_window(stored) <= 3 * MINUTE


@both_orders
def test_invariant_2_24_replacing_without_extend_keeps_the_rest(sides, stored, first, second):
    sides.add(first, delay=MINUTE, deduplication={"id": "d", "ttl": MINUTE})
    rule = {"id": "d", "ttl": 5 * MINUTE, "replace": True}
    sides.add(second, delay=MINUTE, deduplication=rule)
    assert 0 < rest_of_window(stored) <= MINUTE
    sides.add(first, delay=MINUTE, deduplication={**rule, "extend": True})
    assert rest_of_window(stored) > MINUTE


@both_orders
def test_invariant_2_25_only_a_delayed_job_is_replaced(sides, stored, queue, first, second):
    rule = {"id": "d", "replace": True}
    old = sides.add(first, "old", delay=MINUTE, deduplication=rule)
    new = sides.add(second, "new", delay=MINUTE, deduplication=rule)
    assert (stored.ids("delayed"), queue.get_job(old)) == ([new], None)
    assert queue.get_job(new).name == "new"
    told = [each for each in stored.events() if each["event"] in ("removed", "deduplicated")]
    assert [each["event"] for each in told] == ["removed", "deduplicated"]
    assert told[0] == {"event": "removed", "jobId": old, "prev": "delayed"}
    assert deduplicated(stored) == [(new, old)]
    queue.promote(new)
    assert sides.add(first, "newest", delay=MINUTE, deduplication=rule) == new
    assert (queue.get_job(new).name, stored.ids("wait")) == ("new", [new])
    assert len(deduplicated(stored)) == 1


@both_orders
@pytest.mark.parametrize("ending", ["completed", "failed"])
@pytest.mark.parametrize("works", SIDES)
def test_invariant_2_26_the_last_add_during_a_run_follows_it(
    sides, stored, queue, hands, node, first, second, ending, works
):
    rule = {"id": "d", "keep_last_if_active": True}
    running = sides.add(first, data=1, deduplication=rule)
    token = "own token"
    if works == "python":
        (taken,) = hands.take()
    else:
        assert queue.get_next_job(token).id == running
    for number, side in enumerate((first, second, first, second), 2):
        assert sides.add(side, "last", number, priority=7, deduplication=rule) == running
    assert len(deduplicated(stored)) == 4
    if works == "python":
        hands.commit(taken, Completed(1) if ending == "completed" else Failed("no"))
    elif ending == "completed":
        args = ["value", token, False]
        fields = {"queue": queue.name, "jobId": running, "method": "moveToCompleted"}
        node.request("callJob", **fields, args=args)
    else:
        node.request("failJob", queue=queue.name, jobId=running, message="no", token=token)
    (job,) = queue.get_prioritized()
    assert (job.name, job.data, job.priority) == ("last", 5, 7)
    assert queue.get_deduplication_job_id("d") == job.id
    assert (queue.get_state(running), queue.get_waiting_count()) == (ending, 0)
    assert not stored.exists(stored.keys.deduplication_next + "d")
    # The follow-up is an ordinary job with that id: it can be kept busy in turn.
    sides.work(other(works))
    wait_until(lambda: queue.get_state(job.id) == "completed")
    assert queue.get_deduplication_job_id("d") is None


@pytest.mark.parametrize("node_version", ["bullmq-6.7"])
@both_orders
def test_invariant_2_27_a_stale_id_is_free(sides, stored, queue, first, second):
    gone = sides.add(first, deduplication={"id": "d"})
    timed = sides.add(first, deduplication={"id": "t", "ttl": MINUTE})
    stored.run("DEL", stored.keys.job(gone), stored.keys.job(timed), stored.keys.wait)
    fresh = sides.add(second, deduplication={"id": "d"})
    assert (fresh != gone, queue.get_deduplication_job_id("d")) == (True, fresh)
    assert sides.add(second, deduplication={"id": "t", "ttl": MINUTE}) == timed


@both_orders
@pytest.mark.parametrize("state", ["waiting", "completed", "failed", "delayed"])
def test_invariant_2_28_an_id_in_use_stays_as_it_is(
    sides, stored, queue, hands, first, second, state
):
    delay = MINUTE if state == "delayed" else 0
    sides.add(first, "old", 1, job_id="own", delay=delay)
    if state in ("completed", "failed"):
        outcome = Completed("done") if state == "completed" else Failed("no")
        hands.commit(hands.take()[0], outcome)
    before = stored.hash("own")
    assert sides.add(second, "new", 2, job_id="own") == "own"
    assert (stored.hash("own"), queue.get_state("own")) == (before, state)
    assert stored.events()[-1] == {"event": "duplicated", "jobId": "own"}


def test_invariant_2_29_no_more_are_active_than_allowed(sides, stored, queue):
    queue.set_global_concurrency(3)
    for side in ("python", "node", "python", "node"):
        sides.work(side, "rest", concurrency=4)
    for side in SIDES * 20:
        sides.add(side, data={"ms": 5})
    # Every worker sleeps for a minute when nobody wakes it, so a lost wake-up is a gap of that.
    wait_until(lambda: queue.get_completed_count() == 40, timeout=30)
    active = most = 0
    for name in stored.event_names():
        active += {"active": 1, "completed": -1}.get(name, 0)
        most = max(most, active)
    assert most == 3


def starts(stored):
    """When jobs were taken, ms of Redis' clock."""
    entries = stored.run("XRANGE", stored.keys.events, "-", "+")
    return [
        int(entry_id.split(b"-")[0])
        for entry_id, flat in entries
        if flat[flat.index(b"event") + 1] == b"active"
    ]


@pytest.mark.parametrize("limit", ["of the workers", "of the queue", "of both"])
def test_invariant_2_30_no_more_start_in_a_window_than_allowed(sides, stored, queue, limit):
    most, window = 3, 400
    options = {"limiter": {"max": 3, "duration": window}} if limit != "of the queue" else {}
    if limit == "of both":
        # The queue's max holds, and the workers' duration.
        options["limiter"]["max"] = 50
        queue.set_global_rate_limit(most, 9 * MINUTE)
    elif limit == "of the queue":
        queue.set_global_rate_limit(most, window)
    for side in SIDES * 5:
        sides.add(side)
    for side in SIDES:
        theirs = dict(options)
        if side == "python" and theirs:
            theirs["limiter"] = Limiter(**theirs["limiter"])
        sides.work(side, concurrency=5, **theirs)
    # Limited workers wait for the end of the window, not for the minute of an idle one.
    wait_until(lambda: queue.get_completed_count() == 10, timeout=30)
    times = starts(stored)
    while times:
        # A window begins with the first start after the last one. 2 ms: the clock of a script.
        inside = [time for time in times if time < times[0] + window - 2]
        assert len(inside) <= most
        times = times[len(inside) :]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("node_version", ["bullmq-6.7"])
def test_invariant_2_30_a_deferred_failure_is_free(sides, stored, queue, side):
    doomed, *rest = (queue.add("x").id for _ in range(3))
    stored.run("HSET", stored.keys.job(doomed), FIELDS["deferred_failure"], "of no use")
    limiter = {"max": 1, "duration": MINUTE}
    sides.work(side, limiter=Limiter(**limiter) if side == "python" else limiter)
    wait_until(lambda: queue.get_completed_count() == 1)
    assert queue.get_job(doomed).failed_reason == "of no use"
    assert stored.ids("wait") == rest[1:]
    assert stored.run("GET", stored.keys.limiter) == b"1"


FLAGS = ("fpof", "cpof", "idof", "rdof")


@pytest.mark.parametrize("flag", FLAGS)
@both_orders
def test_invariant_2_32_options_survive_the_other_side(
    sides, stored, queue, hands, node, first, second, flag
):
    long_name = {
        "fpof": "fail_parent_on_failure",
        "cpof": "continue_parent_on_failure",
        "idof": "ignore_dependency_on_failure",
        "rdof": "remove_dependency_on_failure",
    }[flag]
    job_id = sides.add(
        first, keep_logs=3, deduplication={"id": "d"}, attempts=2, **{long_name: True}
    )
    written = json.loads(stored.hash(job_id)["opts"])
    # The metadata of telemetry, opaque to both.
    written |= {"tm": '{"traceparent":"00-ab"}', "omc": True}
    text = json.dumps(written)
    stored.run("HSET", stored.keys.job(job_id), "opts", text)
    if second == "python":
        (taken,) = hands.take()
        hands.commit(taken, Retried(0, "no", data=RawJson("[2]")))
        hands.commit(hands.take()[0], Failed("no"))
        queue.retry_job(job_id)
    else:
        fields = {"queue": queue.name, "jobId": job_id}
        node.request("callJob", **fields, method="updateData", args=[[2]])
        for _ in range(2):
            assert queue.get_next_job("token").id == job_id
            node.request("failJob", **fields, message="no", token="token")
        node.request("callJob", **fields, method="retry")
    assert stored.hash(job_id)["opts"] == text
    assert queue.get_state(job_id) == "waiting"
    mine = queue.get_job(job_id)
    theirs = node.request("getJob", queue=queue.name, jobId=job_id)
    assert mine.data == theirs["data"] == [2]
    assert mine.opts == theirs["opts"]
    camel = {"fpof": "failParentOnFailure", "cpof": "continueParentOnFailure"}
    camel |= {"idof": "ignoreDependencyOnFailure", "rdof": "removeDependencyOnFailure"}
    expected = {
        "keepLogs": 3,
        "deduplication": {"id": "d"},
        "telemetry": {"metadata": '{"traceparent":"00-ab"}', "omitContext": True},
        camel[flag]: True,
    }
    assert {name: mine.opts.get(name) for name in expected} == expected
