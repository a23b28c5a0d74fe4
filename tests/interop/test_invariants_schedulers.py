"""Invariants 15 to 22 of protocol part 2, section 9: job schedulers, each with Python and Node as
who makes a scheduler and who takes its runs.
"""

from __future__ import annotations

import threading
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bullrush.core import Queue, clock
from bullrush.core.clock import now_ms
from bullrush.core.cron import next_time
from bullrush.core.errors import SchedulerOwnsJob
from tests.support.node_peer import NodeError
from tests.support.sides import SIDES
from tests.support.waiting import wait_until

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
PAIRS = [(maker, taker) for maker in SIDES for taker in SIDES]


def local_ms(zone, *parts):
    """Unix ms of a time in a zone."""
    return int(datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.fixture
def hours_ago(monkeypatch):
    """Sets the clock of Python back; by None it goes right again."""

    def set_back(hours):
        if hours is None:
            monkeypatch.undo()
            return None
        moment = (now_ms() - int(hours * HOUR)) // MINUTE * MINUTE
        monkeypatch.setattr(clock, "source", lambda: moment * 1_000_000)
        return moment

    return set_back


@pytest.mark.parametrize("maker", SIDES)
@pytest.mark.parametrize("when", [{"every": HOUR}, {"pattern": "@hourly", "tz": "UTC"}])
def test_invariant_2_15_ids_scores_and_counts_agree_run_by_run(schedules, stored, maker, when):
    schedules.upsert(maker, "a:b", **when)
    for number in range(1, 6):
        armed = schedules.armed("a:b")
        assert schedules.pending() == [armed]
        assert armed == f"repeat:a:b:{schedules.slot('a:b')}"
        assert stored.hash(armed)["rjk"] == "a:b"
        assert schedules.options(armed)["repeat"]["count"] == number
        assert schedules.definition("a:b")["ic"] == str(number)
        assert schedules.run_ahead(SIDES[number % 2], "a:b").id == armed


def test_invariant_2_16_a_hundred_upserts_at_once_leave_one_armed_run(
    schedules, stored, redis_url, queue
):
    when = {"every": HOUR, "data": {"x": 1}}

    def from_python():
        with Queue(queue.name, url=redis_url) as own:
            for _ in range(10):
                own.upsert_job_scheduler("s", **when)

    threads = [threading.Thread(target=from_python) for _ in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        schedules.upsert("node", **dict(when))
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert schedules.pending() == [schedules.armed()]
    assert stored.ids("repeat") == ["s"]
    assert schedules.definition()["ic"] == "1"
    assert stored.run("GET", stored.keys.id) == b"100"


@pytest.mark.parametrize(
    "again", [{"every": HOUR}, {"every": MINUTE}, {"pattern": "@yearly", "tz": "UTC"}]
)
@pytest.mark.parametrize(("maker", "changer"), PAIRS)
def test_invariant_2_17_an_upsert_never_yields_two_pending_runs(
    schedules, stored, maker, changer, again
):
    # Waiting.
    schedules.upsert(maker, every=HOUR)
    schedules.upsert(changer, **dict(again))
    assert schedules.pending() == [schedules.armed()]
    # Active, with the next one delayed.
    schedules.take_ahead(maker)
    assert len(stored.ids("active")) == len(stored.ids("delayed")) == 1
    schedules.upsert(changer, **dict(again))
    assert schedules.pending() == [schedules.armed()]
    # Prioritized.
    schedules.upsert(changer, options={"priority": 3}, **dict(again))
    assert schedules.pending() == [schedules.armed()]


@pytest.mark.parametrize("maker", SIDES)
@pytest.mark.parametrize(
    "again", [{"every": HOUR}, {"every": MINUTE}, {"pattern": "@yearly", "tz": "UTC"}]
)
def test_invariant_2_17_nor_while_the_queue_is_paused(schedules, queue, node, maker, again):
    # Node 6.7 makes a second one here: see docs/protocol.md.
    schedules.upsert(maker, every=HOUR)
    for pause in (queue.pause, lambda: node.request("pause", queue=queue.name)):
        pause()
        schedules.upsert("python", **again)
        assert schedules.pending() == [schedules.armed()]
        queue.resume()


@pytest.mark.parametrize("taker", SIDES)
def test_invariant_2_18_missed_slots_are_skipped_and_the_phase_is_kept(schedules, hours_ago, taker):
    start = hours_ago(3.6)
    schedules.upsert("python", every=HOUR)
    schedules.upsert("python", "offset", every=HOUR, offset=start % HOUR + 1)
    hours_ago(None)
    schedules.run_ahead(taker)
    assert schedules.slot() == start + 4 * HOUR
    # The other was due a ms later, and counts from 1970 as the first does.
    schedules.run_ahead(taker, "offset")
    assert schedules.slot("offset") == start + 1 + 4 * HOUR


@pytest.mark.parametrize(("maker", "taker"), PAIRS)
@pytest.mark.parametrize("when", [{"every": HOUR}, {"pattern": "@hourly", "tz": "UTC"}])
def test_invariant_2_19_a_limit_is_exactly_that_many_runs(schedules, maker, taker, when):
    schedules.upsert(maker, limit=4, **when)
    ran = [schedules.run_ahead(taker) for _ in range(4)]
    assert [job.opts["repeat"]["count"] for job in ran] == [1, 2, 3, 4]
    assert schedules.pending() == []
    assert schedules.armed() == ran[-1].id
    assert schedules.definition()["ic"] == "4"


@pytest.mark.parametrize(("maker", "taker"), PAIRS)
def test_invariant_2_19_a_pattern_never_fires_after_its_end(schedules, maker, taker):
    end = now_ms() + 3 * DAY
    schedules.upsert(maker, pattern="@daily", tz="UTC", end_date=end)
    ran = [schedules.run_ahead(taker) for _ in range(3)]
    assert max(int(job.id.rpartition(":")[2]) for job in ran) <= end
    assert schedules.pending() == []
    assert (
        schedules.upsert(maker, "t", pattern="0 0 1 1 *", tz="UTC", end_date=now_ms() + 5_000)
        is None
    )


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_invariant_2_20_a_retry_makes_no_second_run(schedules, queue, first, second):
    schedules.upsert(first, every=HOUR, options={"attempts": 3})
    job = schedules.take(first)
    armed = schedules.armed()
    for side in (second, first):
        queue.move_to_failed(job, RuntimeError("again"), schedules.token(job))
        again = schedules.take(side)
        assert again.id == job.id
        job = again
        assert schedules.pending() == [armed] == [schedules.armed()]
    assert schedules.definition()["ic"] == "2"


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_invariant_2_20_a_stalled_run_makes_no_second_run(schedules, stored, hands, first, second):
    schedules.upsert(first, every=HOUR)
    job = schedules.take(first)
    armed = schedules.armed()
    for side in (second, first, second):
        stored.run("DEL", stored.keys.job_part(job.id, "lock"), stored.keys.stalled_check)
        stored.run("SADD", stored.keys.stalled, job.id)
        assert hands.sweep() == [job.id]
        again = schedules.take(side)
        assert (again.id, again.deferred_failure) == (job.id, None)
        assert schedules.pending() == [armed] == [schedules.armed()]
    assert schedules.definition()["ic"] == "2"


@pytest.mark.parametrize("maker", SIDES)
def test_invariant_2_21_the_armed_run_goes_with_its_scheduler_only(
    schedules, queue, node, stored, maker
):
    schedules.upsert(maker, "waits", every=HOUR)
    schedules.upsert(maker, "ranked", every=HOUR, options={"priority": 3})
    schedules.upsert(maker, "later", pattern="@yearly", tz="UTC")
    armed = sorted(schedules.armed(each) for each in ("waits", "ranked", "later"))
    for job_id in armed:
        with pytest.raises(SchedulerOwnsJob):
            queue.remove(job_id)
        with pytest.raises(NodeError):
            node.request("remove", queue=queue.name, jobId=job_id)
    wait_until(lambda: now_ms() > max(queue.get_job(each).timestamp for each in armed))
    queue.drain(delayed=True)
    for state in ("wait", "prioritized", "delayed"):
        queue.clean(0, 100, state)
        node.request("call", queue=queue.name, method="clean", args=[0, 100, state])
    node.request("call", queue=queue.name, method="drain", args=[True])
    assert sorted(schedules.pending()) == armed
    for each in ("waits", "ranked", "later"):
        assert queue.remove_job_scheduler(each)
    assert sorted(schedules.pending()) == [each for each in armed if "later" not in each]
    assert stored.ids("repeat") == []


@pytest.mark.parametrize(
    ("pattern", "zone", "start"),
    [
        ("30 2 * * *", "Europe/Madrid", (2027, 3, 27, 12)),
        ("*/30 2 * * *", "Europe/Madrid", (2027, 10, 30, 12)),
        ("0 */2 * * *", "Europe/Madrid", (2027, 3, 27, 22)),
        ("*/20 * * * *", "America/New_York", (2027, 11, 7, 0, 50)),
        ("15 30 1-3 * * SUN", "America/New_York", (2027, 3, 13, 12)),
        ("0 9 L * *", "Australia/Sydney", (2027, 9, 29)),
        ("0 9 * * 5L", "Asia/Kolkata", (2027, 1, 1)),
        ("0 9 * * mon#2", "UTC", (2027, 1, 1)),
        ("0 0 13 * FRI", "UTC", (2027, 1, 1)),
        ("@weekdays", "Europe/Madrid", (2027, 3, 26)),
        ("*/10 * * ? JAN-MAR/2 *", "UTC", (2027, 1, 31, 23, 59)),
    ],
)
def test_invariant_2_22_cron_times_agree(schedules, node_version, pattern, zone, start):
    # By the whole way; tables and patterns by chance are in test_cron_and_node.
    if node_version == "bullmq-5.81" and pattern == "@weekdays":
        pattern = "0 0 * * 1-5"  # 5.81 has no such name
    first = local_ms(zone, *start)
    for side in SIDES:
        schedules.upsert(side, side, pattern=pattern, tz=zone, start_date=first)
    expected = first
    for _ in range(6):
        expected = next_time(pattern, expected, zone)
        for side in SIDES:
            assert schedules.slot(side) == expected
            schedules.run_ahead(side, side)
