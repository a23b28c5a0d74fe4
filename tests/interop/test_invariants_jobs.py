"""The invariants of protocol part 1, section 13, each by its number: what Redis holds after either
side acted, and what the other side makes of it.
"""

from __future__ import annotations

import json
import threading

import pytest

from bullrush.core import (
    Backoff,
    Completed,
    Deduplication,
    Failed,
    FlowJob,
    FlowProducer,
    Keep,
    Limiter,
    Queue,
    QueueEventsProducer,
    RateLimited,
    Retried,
)
from bullrush.core.clock import now_ms
from bullrush.core.errors import JobLocked, ParentNotFound, SchedulerOwnsJob
from bullrush.core.job import FIELDS
from bullrush.core.keys import JOB_KEYS, QUEUE_KEYS
from bullrush.core.options import JobOptions
from tests.support.node_peer import NodeError
from tests.support.sides import SIDES
from tests.support.waiting import wait_until

both_sides = pytest.mark.parametrize("side", SIDES)
#: Which side adds, and which works.
both_ways = pytest.mark.parametrize(
    ("adds", "works"), [("python", "node"), ("node", "python"), ("python", "python")]
)
MINUTE = 60_000


def counts(stored, job_id):
    """Attempts made, attempts started, stalls."""
    return tuple(
        int(stored.hash(job_id).get(FIELDS[name], 0))
        for name in ("attempts_made", "attempts_started", "stalled_count")
    )


def order_of_takes(stored):
    """The ids in the order in which workers took them."""
    return [each["jobId"] for each in stored.events() if each["event"] == "active"]


def sweep(hands, stored, **options):
    """A stalled check that does not wait for the next interval."""
    stored.run("DEL", stored.keys.stalled_check)
    return hands.sweep(**options)


class Recorder:
    """A driver that notes the commands it passes on."""

    def __init__(self, driver):
        self.driver, self.commands = driver, []

    def execute(self, command):
        self.commands.append(command)
        return self.driver.execute(command)


def test_invariant_1_01_a_standard_add_is_one_step(sides, queue, stored):
    queue.add("x")
    stored.run("DEL", *(stored.keys.base + key for key in stored.all_keys()))
    theirs = sides.add("node", "x", {"n": 1})
    expected = {name: stored.hash(theirs)[name] for name in ("name", "data", "delay", "priority")}
    node_events, fields = stored.event_names(), set(stored.hash(theirs))
    recorder = Recorder(queue.driver)
    job_id = Queue(queue.name, driver=recorder).add("x", {"n": 1}).id
    assert [command[0] for command in recorder.commands] == ["EVALSHA"]
    assert stored.ids("wait") == [job_id, theirs]
    assert stored.marker() == {"0": 0}
    assert stored.event_names()[len(node_events) :] == node_events == ["added", "waiting"]
    assert set(stored.hash(job_id)) == fields
    assert {name: stored.hash(job_id)[name] for name in expected} == expected


def test_invariant_1_02_options_have_their_short_names_and_node_decodes_all(node, queue, stored):
    options: JobOptions = {
        "delay": MINUTE,
        "priority": 3,
        "lifo": True,
        "attempts": 4,
        "backoff": Backoff("exponential", 100, jitter=0.5),
        "remove_on_complete": Keep(count=5, age=60, limit=7),
        "remove_on_fail": 9,
        "deduplication": Deduplication("d", ttl=5000, extend=True, keep_last_if_active=True),
        "size_limit": 1000,
        "keep_logs": 3,
        "stack_trace_limit": 2,
        "fail_parent_on_failure": True,
        "telemetry": {"metadata": '{"traceparent":"00-ab"}', "omit_context": True},
    }
    job_id = queue.add("x", **options).id
    written = json.loads(stored.hash(job_id)["opts"])
    assert {"de", "kl", "fpof", "tm", "omc"} <= set(written)
    assert not {"deduplication", "keepLogs", "failParentOnFailure", "telemetry"} & set(written)
    seen = node.request("getJob", queue=queue.name, jobId=job_id)["opts"]
    expected = {
        "delay": MINUTE,
        "priority": 3,
        "lifo": True,
        "attempts": 4,
        "backoff": {"type": "exponential", "delay": 100, "jitter": 0.5},
        "removeOnComplete": {"count": 5, "age": 60, "limit": 7},
        "removeOnFail": 9,
        "deduplication": {"id": "d", "ttl": 5000, "extend": True, "keepLastIfActive": True},
        "sizeLimit": 1000,
        "keepLogs": 3,
        "stackTraceLimit": 2,
        "failParentOnFailure": True,
        "telemetry": {"metadata": '{"traceparent":"00-ab"}', "omitContext": True},
    }
    assert {name: seen.get(name) for name in expected} == expected
    for flag in ("continue_parent_on_failure", "ignore_dependency_on_failure"):
        other = queue.add("x", **{flag: True}).id
        camel = {"continue_parent_on_failure": "continueParentOnFailure"}.get(
            flag, "ignoreDependencyOnFailure"
        )
        assert node.request("getJob", queue=queue.name, jobId=other)["opts"][camel] is True


@both_sides
def test_invariant_1_03_every_add_counts_but_one_without_its_parent(sides, stored, side):
    def counter():
        return int(stored.run("GET", stored.keys.id))

    sides.add(side)
    sides.add(side, job_id="own")
    sides.add(side, job_id="own")
    sides.add(side, deduplication={"id": "d"})
    sides.add(side, deduplication={"id": "d"})
    assert counter() == 5
    parent = {"id": "nobody", "queue": stored.keys.qualified}
    with pytest.raises(ParentNotFound if side == "python" else NodeError, match="nobody"):
        sides.add(side, parent=parent)
    assert counter() == 5


@pytest.mark.parametrize(("first", "second"), [("python", "node"), ("node", "python")])
def test_invariant_1_04_an_id_in_use_changes_nothing(sides, stored, first, second):
    sides.add(first, "old", {"n": 1}, job_id="own", priority=2)
    before = {key: stored.run("DUMP", stored.keys.base + key) for key in stored.all_keys()}
    events = len(stored.events())
    assert sides.add(second, "new", {"n": 2}, job_id="own", delay=5) == "own"
    after = {key: stored.run("DUMP", stored.keys.base + key) for key in stored.all_keys()}
    # Meta: a Node Queue writes its version when it is made.
    changed = {key for key in after if before.get(key) != after[key]} - {"meta"}
    assert changed == {"id", "events"}
    assert stored.events()[events:] == [{"event": "duplicated", "jobId": "own"}]


@both_ways
def test_invariant_1_05_lifo_first_and_wait_before_prioritized(sides, stored, queue, adds, works):
    expected = [
        sides.add(adds, priority=1),
        sides.add(adds),
        sides.add(adds),
        sides.add(adds, lifo=True),
        sides.add(adds, lifo=True),
    ]
    first, *rest = expected
    sides.work(works)
    wait_until(lambda: queue.get_completed_count() == 5)
    assert order_of_takes(stored) == [rest[3], rest[2], rest[0], rest[1], first]


@both_ways
def test_invariant_1_06_priorities_run_by_number_then_by_age(sides, stored, queue, adds, works):
    jobs = [(sides.add(adds, priority=p), p) for p in (7, 3, 7, 1, 3)]
    # Mixed with the other side's: one counter for all.
    jobs += [(sides.add("node" if adds == "python" else "python", priority=3), 3)]
    for count, (job_id, priority) in enumerate(jobs, 1):
        assert stored.score("prioritized", job_id) == priority * 2**32 + count
    expected = [job_id for job_id, _ in sorted(jobs, key=lambda job: job[1])]
    sides.work(works)
    wait_until(lambda: queue.get_completed_count() == 6)
    assert order_of_takes(stored) == expected


def test_invariant_1_07_a_delayed_score_is_the_due_time_and_a_sequence(sides, stored):
    options = {"timestamp": 1_800_000_000_000, "delay": 5000}
    ids = [sides.add(side, **options) for side in ("python", "node", "node", "python")]
    scores = [stored.score("delayed", job_id) for job_id in ids]
    assert scores[0] == 1_800_000_005_000 * 4096
    assert [score - scores[0] for score in scores] == [0, 1, 2, 3]
    assert stored.ids("delayed") == ids


@both_sides
def test_invariant_1_08_a_delayed_add_marks_the_earliest_due_time(sides, stored, side):
    for delay, expected in ((9000, 9000), (5000, 5000), (7000, 5000)):
        sides.add(side, timestamp=1_800_000_000_000, delay=delay)
        assert stored.marker() == {"1": 1_800_000_000_000 + expected}


@both_ways
def test_invariant_1_09_due_jobs_are_promoted_first(sides, stored, queue, adds, works):
    options = {"timestamp": now_ms() - 10_000, "delay": 5000}
    due = [sides.add(adds, **options), sides.add(adds, priority=2, **options)]
    sides.work(works)
    wait_until(lambda: queue.get_completed_count() == 2)
    events = [(each["event"], each.get("jobId"), each.get("prev")) for each in stored.events()]
    start = events.index(("waiting", due[0], "delayed"))
    assert events[start + 1] == ("waiting", due[1], "delayed")
    assert events[start + 2] == ("active", due[0], "waiting")
    assert [stored.hash(job_id)["delay"] for job_id in due] == ["0", "0"]


@both_sides
def test_invariant_1_10_a_taken_job_is_active_locked_and_counted(sides, stored, hands, side, node):
    job_id = sides.add("python")
    before = now_ms()
    if side == "python":
        (taken,) = hands.take(lock_ms=20_000)
        lock = stored.run("GET", stored.keys.job_part(job_id, "lock"))
        assert lock.decode() == taken.token
    else:
        sides.work("node", "hang", lock_duration=20_000)
        node.wait_for("started", jobId=job_id)
    assert (stored.ids("active"), stored.ids("wait")) == ([job_id], [])
    assert 0 < stored.run("PTTL", stored.keys.job_part(job_id, "lock")) <= 20_000
    assert counts(stored, job_id) == (0, 1, 0)
    assert before <= int(stored.hash(job_id)[FIELDS["processed_on"]]) <= now_ms()
    # A waiting Node worker may have popped it by now; nobody waits for the hands.
    assert side == "node" or stored.marker() == {"0": 0}


def test_invariant_1_11_idle_workers_all_start_at_once(sides, node, queue, start_worker):
    started, release = threading.Semaphore(0), threading.Event()

    def handler(delivery):
        started.release()
        release.wait(30)

    for _ in range(2):
        start_worker(handler, drain_delay=60.0)
        sides.work("node", "hang")
    wait_until(lambda: len(queue.get_workers()) == 4)
    for side in ("python", "node", "python", "node"):
        sides.add(side)
    assert all(started.acquire(timeout=20) for _ in range(2))
    for _ in range(2):
        node.wait_for("started", queue=queue.name)
    release.set()


@both_sides
@pytest.mark.parametrize("held", ["paused", "maxed"])
def test_invariant_1_12_a_held_queue_gives_nothing_and_wakes_nobody(
    sides, stored, queue, hands, side, held
):
    if held == "paused":
        queue.pause()
    else:
        queue.set_global_concurrency(1)
        queue.add("x")
        hands.take()
    stored.run("DEL", stored.keys.marker)
    sides.add(side)
    sides.add(side, priority=1)
    reply = hands.trip(most=3)
    assert (reply.jobs, reply.limited_ms, reply.next_due) == ([], 0, 0)
    assert "0" not in stored.marker()


def test_invariant_1_13_resume_wakes_an_idle_worker(sides, queue):
    queue.pause()
    sides.work("node")
    job_id = queue.add("x").id
    queue.resume()
    # Long before the worker would look again by itself.
    wait_until(lambda: queue.get_state(job_id) == "completed")


@pytest.mark.parametrize("options", [{}, {"priority": 1}, {"delay": MINUTE}])
def test_invariant_1_13_resume_marks_what_there_is_to_do(stored, queue, options):
    queue.pause()
    queue.add("x", timestamp=1_800_000_000_000, **options)
    stored.run("DEL", stored.keys.marker)
    queue.resume()
    due = {"1": 1_800_000_000_000 + MINUTE}
    assert stored.marker() == (due if "delay" in options else {"0": 0})


def test_invariant_1_14_a_full_window_moves_nothing(sides, stored, queue, hands):
    for _ in range(4):
        queue.add("x")
    sides.work("node", limiter={"max": 2, "duration": MINUTE})
    wait_until(lambda: queue.get_completed_count() == 2)
    waiting = stored.ids("wait")
    reply = hands.trip(most=1, limiter=Limiter(2, MINUTE))
    assert (reply.jobs, len(waiting)) == ([], 2)
    assert 0 < reply.limited_ms <= MINUTE
    assert (stored.ids("wait"), stored.ids("active")) == (waiting, [])


@both_sides
def test_invariant_1_15_the_queues_max_and_the_workers_duration_hold(
    sides, stored, queue, hands, side
):
    queue.set_global_rate_limit(1, 3 * MINUTE)
    for _ in range(3):
        queue.add("x")
    if side == "python":
        assert len(hands.take(3, limiter=Limiter(3, MINUTE))) == 1
    else:
        sides.work("node", limiter={"max": 3, "duration": MINUTE})
        wait_until(lambda: queue.get_completed_count() == 1)
    assert 0 < stored.run("PTTL", stored.keys.limiter) <= MINUTE
    assert queue.get_waiting_count() == 2


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


def test_invariant_1_26_what_can_be_removed(sides, stored, queue, hands, node):
    queue.add("x")
    (taken,) = hands.take()
    locked = taken.job.id
    with pytest.raises(JobLocked):
        queue.remove(locked)
    assert node.request("remove", queue=queue.name, jobId=locked) == 0
    assert (queue.get_state(locked), stored.ids("active")) == ("active", [locked])
    for job_id in ("nobody", queue.add("x").id, queue.add("x", delay=MINUTE).id):
        assert queue.remove(job_id)
    for job_id in ("nobody", queue.add("x").id, queue.add("x", delay=MINUTE).id):
        assert node.request("remove", queue=queue.name, jobId=job_id) == 1
    repeat = {"every": MINUTE, "startDate": now_ms() + MINUTE}
    method = {"queue": queue.name, "method": "upsertJobScheduler"}
    armed = node.request("call", **method, args=["tick", repeat, {"name": "x"}])["id"]
    with pytest.raises(SchedulerOwnsJob):
        queue.remove(armed)
    assert queue.get_state(armed) == "delayed"


def test_invariant_1_27_node_lists_a_python_worker_once(sides, queue, node, start_worker):
    for name in ("", "named"):
        start_worker(lambda delivery: None, name=name, concurrency=5)
    wait_until(lambda: len(node.request("getWorkers", queue=queue.name)) == 2)
    queue.add("x")
    wait_until(lambda: queue.get_completed_count() == 1)
    theirs = node.request("getWorkers", queue=queue.name)
    base = queue.keys.client_name()
    assert sorted(each["rawname"] for each in theirs) == [base, f"{base}:w:named"]
    assert queue.get_workers_count() == 2


def make_every_event(queue, hands, stored, redis_url):
    """Let Python write each kind of event at least once."""
    rule = Deduplication("d")
    queue.add("x", deduplication=rule)
    queue.add("x", deduplication=rule)
    queue.add("x", job_id="own")
    queue.add("x", job_id="own")
    queue.update_progress("own", {"percent": [1, None, "ü"]})
    queue.add("x", delay=MINUTE)
    for outcome in (Completed({"v": [None, 1.5]}), Failed("boom", "stack"), Retried(MINUTE, "no")):
        job = queue.add("x", lifo=True, attempts=0 if isinstance(outcome, Failed) else 3)
        (taken,) = hands.take()
        assert taken.job.id == job.id
        hands.commit(taken, outcome)
    (taken,) = hands.take()
    stored.run("DEL", stored.keys.job_part(taken.job.id, "lock"))
    assert (sweep(hands, stored), sweep(hands, stored)) == ([], [taken.job.id])
    for taken in hands.take(9):
        hands.commit(taken, Completed(None))
    queue.remove(queue.add("x").id)
    queue.clean(0, type="delayed")
    queue.pause()
    queue.resume()
    with FlowProducer(url=redis_url) as flows:
        flows.add(FlowJob("parent", queue.name, children=[FlowJob("child", queue.name)]))
    with QueueEventsProducer(queue.name, url=redis_url) as producer:
        producer.publish_event("the end", {"text": "no JSON {"})


def test_invariant_1_28_node_hears_every_event(sides, stored, queue, hands, node, redis_url):
    node.request("startEvents", queue=queue.name)
    make_every_event(queue, hands, stored, redis_url)
    last = node.wait_for("queue.the end", queue=queue.name)
    assert last["args"]["text"] == "no JSON {"
    heard = [each for each in node.events() if each["event"].startswith("queue.")]
    assert not [each for each in heard if each["event"] == "queue.error"]
    written = stored.event_names()
    assert [each["event"].removeprefix("queue.") for each in heard] == written[:-1]
    assert set(written) == {
        *("added", "waiting", "active", "completed", "failed", "progress", "delayed", "stalled"),
        *("drained", "duplicated", "deduplicated", "removed", "cleaned", "paused", "resumed"),
        *("retries-exhausted", "waiting-children", "the end"),
    }
    values = {each["event"]: each["args"] for each in reversed(heard)}
    assert values["queue.progress"]["data"] == {"percent": [1, None, "ü"]}
    assert values["queue.completed"]["returnvalue"] == {"v": [None, 1.5]}


@pytest.mark.parametrize(("adds", "works"), [("python", "node"), ("node", "python")])
def test_invariant_1_29_a_job_is_the_same_on_both_sides(sides, queue, node, adds, works):
    data = {
        "text": 'ü \U0001f600 "quoted" \\ / \n\t\u2028',
        "numbers": [0, -1, 1.5, 1e21, 2**53 - 1],
        "empty": [[], {}, "", None, True, False],
    }
    options = {"attempts": 3, "backoff": {"type": "fixed", "delay": 1}, "keep_logs": 4}
    job_id = sides.add(adds, "send mail", data, **options)
    sides.work(works)
    wait_until(lambda: queue.get_completed_count() == 1)
    mine, theirs = queue.get_job(job_id), node.request("getJob", queue=queue.name, jobId=job_id)
    assert (mine.name, mine.data, mine.returnvalue) == ("send mail", data, data)
    assert (theirs["name"], theirs["data"], theirs["returnvalue"]) == ("send mail", data, data)
    assert mine.opts == theirs["opts"]
    assert {"attempts": 3, "backoff": {"type": "fixed", "delay": 1}, "keepLogs": 4}.items() <= (
        mine.opts.items()
    )
    for attribute, name in (
        ("attempts_made", "attemptsMade"),
        ("attempts_started", "attemptsStarted"),
        ("timestamp", "timestamp"),
        ("processed_on", "processedOn"),
        ("finished_on", "finishedOn"),
        ("delay", "delay"),
        ("priority", "priority"),
    ):
        assert getattr(mine, attribute) == theirs[name]


def test_invariant_1_30_no_other_keys_and_none_after_obliterate(
    stored, queue, hands, redis_url, start_worker
):
    make_every_event(queue, hands, stored, redis_url)
    queue.set_global_rate_limit(1000, MINUTE)
    queue.add("x", deduplication=Deduplication("t", ttl=MINUTE))
    queue.add("x", priority=5)
    start_worker(lambda delivery: delivery.log("row"), metrics=5)
    wait_until(lambda: queue.count() == 0 and queue.get_active_count() == 0)
    known = {suffix.split(":")[0] for suffix in QUEUE_KEYS.values()}
    jobs = {job.id for job in queue.get_jobs()}
    parts = {part.removeprefix(":") for part in JOB_KEYS.values()}
    for key in stored.all_keys():
        head, _, rest = key.partition(":")
        assert head in known or (head in jobs and (not rest or rest in parts)), key
    structures = set(QUEUE_KEYS.values())
    assert {"completed", "events", "meta", "id", "limiter"} <= stored.all_keys() & structures
    queue.obliterate(force=True)
    assert {key for key in stored.all_keys() if key != "marker"} == set()


def test_invariant_1_31_silent_minutes_are_zeros(stored, queue, hands, node):
    start = 1_800_000_000_000
    for minutes, count in ((0, 3), (5, 1)):
        for _ in range(count):
            queue.add("x")
            (taken,) = hands.take()
            hands.commit(taken, Completed(1), now=start + minutes * MINUTE, metrics=10)
    theirs = node.request("call", queue=queue.name, method="getMetrics", args=["completed", 0, -1])
    assert [int(each) for each in theirs["data"]] == [0, 0, 0, 0, 3]
    assert int(theirs["meta"]["count"]) == 4
    assert queue.get_metrics("completed").data == [0, 0, 0, 0, 3]


@pytest.mark.parametrize("node_version", ["bullmq-5.81"])
def test_invariant_1_32_a_5x_pause_ends_without_loss(sides, stored, queue, node, hands):
    old = [sides.add("node"), sides.add("python")]
    node.request("pause", queue=queue.name)
    old.append(sides.add("node"))
    assert len(stored.ids("paused")) == 3
    new = sides.add("python")
    assert queue.get_waiting_count() == 4
    queue.resume()
    assert [each.job.id for each in hands.take(5)] == [*old, new]
    assert not stored.exists(stored.keys.paused)


@both_ways
def test_invariant_1_33_how_long_a_deduplication_id_is_taken(sides, stored, queue, adds, works):
    plain = sides.add(adds, deduplication={"id": "plain"})
    timed = sides.add(adds, deduplication={"id": "timed", "ttl": MINUTE})
    sides.work(works)
    wait_until(lambda: queue.get_completed_count() == 2)
    assert queue.get_deduplication_job_id("plain") is None
    assert 0 < stored.run("PTTL", stored.keys.deduplication + "timed") <= MINUTE
    other = "node" if adds == "python" else "python"
    assert sides.add(other, deduplication={"id": "timed", "ttl": MINUTE}) == timed
    assert sides.add(other, deduplication={"id": "plain"}) != plain
