"""How many jobs ended when: coarse counts that are kept for long and never grow without end."""

from __future__ import annotations

import pytest

from bullrush.core import Queue
from bullrush.core.clock import now_ms
from bullrush.core.deploys import LONGEST, Deploy, list_deploys, mark_deploy
from bullrush.core.errors import InvalidOption
from bullrush.core.history import DAY, KINDS, QUARTER, STORED, WEEK, grown, outdated
from bullrush.core.keys import QueueKeys, deploys_key
from bullrush.core.worker.measuring import MeasuringService
from tests.support.waiting import wait_until

MINUTE = 60_000
NOW = 1_800_000_000_000


@pytest.fixture
def queue(driver, queue_name):
    return Queue(queue_name, driver=driver)


def stored(queue):
    """Field -> number, as Redis has it."""
    flat = queue.driver.execute(("HGETALL", queue.keys.history))
    return {name.decode(): int(each) for name, each in zip(flat[::2], flat[1::2], strict=True)}


def test_each_window_covers_its_time_and_ends_now():
    for window, days in ((DAY, 1), (WEEK, 7), (QUARTER, 90)):
        assert window.span == days * 1440
        starts = window.starts(NOW)
        assert starts[-1] <= NOW < starts[-1] + window.minutes * MINUTE
        assert len(window.fields("failed", NOW)) == len(starts) == window.buckets


def test_what_ended_grows_one_bucket_of_each_window():
    counted = grown({"completed": 3, "retried": 9}, NOW)
    assert counted == {window.fields("completed", NOW)[-1]: 3 for window in STORED}
    assert grown({}, NOW) == {}


def test_what_no_window_reaches_is_outdated():
    old = grown({"completed": 1}, NOW - 2 * 24 * 60 * MINUTE)
    fields = [name.encode() for name in (*grown({"failed": 1}, NOW), *old)]
    assert outdated([*fields, b"rubbish"], NOW) == [
        DAY.fields("completed", NOW - 2 * 24 * 60 * MINUTE)[-1].encode(),
        b"rubbish",
    ]


def test_a_worker_that_measures_keeps_the_history(queue, start_worker):
    def handle(delivery):
        if delivery.job.name == "bad":
            raise RuntimeError("no")

    worker = start_worker(handle, measure=True)
    queue.add("good", remove_on_complete=True)
    queue.add("bad", attempts=2)
    wait_until(lambda: queue.get_job_counts()["failed"] == 1)
    wait_until(lambda: queue.get_job_counts()["waiting"] == 0)
    worker.stop(timeout=10)
    found = stored(queue)
    for kind in KINDS:  # an attempt that is tried again has not ended
        mine = [number for name, number in found.items() if name.startswith(kind)]
        assert sum(mine) == len(STORED)
    assert queue.driver.execute(("PTTL", queue.keys.history)) > 80 * 24 * 3_600_000


def test_old_counts_go_when_a_new_stretch_begins(queue, driver):
    month = 40 * 24 * 60 * MINUTE
    for name in (*grown({"completed": 5}, now_ms() - month), *grown({"failed": 5}, now_ms())):
        driver.execute(("HSET", queue.keys.history, name, 5))
    worker_of(driver, queue).tick()
    found = stored(queue)
    assert len(found) == 7  # what is new, what is not old, and the day of a month ago
    assert sum(found.values()) == 3 + 15 + 5


def worker_of(driver, queue):
    """A service that has counted one completed job."""
    service = MeasuringService(driver, "bull")
    service._new(queue.keys.base, "send").outcomes["completed"] += 1
    return service


def test_two_workers_add_up(queue, driver):
    for _ in range(2):
        worker_of(driver, queue).tick()
    assert sum(stored(queue).values()) == 2 * len(STORED)


def test_deploys_are_kept_the_newest_first(driver, queue_name):
    before = now_ms()
    for text in ("v1", "v2 <b>"):
        mark_deploy(driver, queue_name, text)
    found = list_deploys(driver, queue_name)
    assert [each.text for each in found] == ["v2 <b>", "v1"]
    assert before <= found[1].at <= found[0].at <= now_ms()
    assert list_deploys(driver, queue_name, 1) == found[:1]


def test_a_deploy_that_is_marked_late_is_listed_where_it_was(driver, queue_name):
    now = now_ms()
    for ago in (0, 5, 2, 9):
        mark_deploy(driver, queue_name, f"v{ago}", at=now - ago * 1000)
    assert [each.text for each in list_deploys(driver, queue_name)] == ["v0", "v2", "v5", "v9"]
    assert [each.text for each in list_deploys(driver, queue_name, 2)] == ["v0", "v2"]


@pytest.mark.parametrize("text", ["", "two\nlines", "x" * (LONGEST + 1)])
def test_a_deploy_has_a_name_of_one_line(driver, queue_name, text):
    with pytest.raises(InvalidOption, match="one line"):
        mark_deploy(driver, queue_name, text)
    assert list_deploys(driver, queue_name) == []


def test_what_is_no_mark_is_passed_over(driver, queue_name):
    driver.execute(("XADD", deploys_key(queue_name), "*", "at", "soon"))
    driver.execute(("XADD", deploys_key(queue_name), "*", "at", "5"))
    assert list_deploys(driver, queue_name) == [Deploy(5, "")]


def test_history_stays_out_of_the_key_space_of_bullmq():
    assert QueueKeys("emails").history == "bull::bullrush:emails:history"
