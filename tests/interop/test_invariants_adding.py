"""Invariants of adding and ordering jobs, each by its number in protocol part 1, section 13:
what Redis holds after either side acted, and what the other side makes of it.
"""

from __future__ import annotations

import json

import pytest

from bullrush.core import Backoff, Deduplication, Keep, Queue
from bullrush.core.clock import now_ms
from bullrush.core.errors import ParentNotFound
from bullrush.core.options import JobOptions
from tests.support.both_sides import MINUTE, both_sides, both_ways
from tests.support.node_peer import NodeError
from tests.support.waiting import wait_until


def order_of_takes(stored):
    """The ids in the order in which workers took them."""
    return [each["jobId"] for each in stored.events() if each["event"] == "active"]


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
