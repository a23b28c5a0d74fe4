"""Invariants of looking and of events, each by its number in protocol part 1, section 13: what
Redis holds after either side acted, and what the other side makes of it.
"""

from __future__ import annotations

import pytest

from bullrush.core import (
    Completed,
    Deduplication,
    Failed,
    FlowJob,
    FlowProducer,
    QueueEventsProducer,
    Retried,
)
from bullrush.core.clock import now_ms
from bullrush.core.errors import JobLocked, SchedulerOwnsJob
from bullrush.core.keys import JOB_KEYS, QUEUE_KEYS
from tests.support.both_sides import MINUTE, sweep
from tests.support.waiting import wait_until


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
