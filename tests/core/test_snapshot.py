"""All queues at once: what is read, in how many round trips, and what damage does to it."""

from __future__ import annotations

import uuid

import pytest

from bullrush.core import Limiter, Queue
from bullrush.core.clock import now_ms
from bullrush.core.drivers import connect
from bullrush.core.keys import QueueKeys
from bullrush.core.snapshot import take
from tests.support.waiting import wait_until

MINUTE = 60_000


@pytest.fixture
def prefix():
    return f"snap-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def fill(driver, prefix):
    """Gives queues of the prefix."""
    return lambda name="mail": Queue(name, driver=driver, prefix=prefix)


@pytest.fixture
def look(driver, prefix):
    """The snapshot of one queue."""

    def take_one(name="mail", now=None):
        (found,) = take(driver, prefix, [name], now=now)
        return found

    return take_one


class CountingDriver:
    """Counts round trips."""

    def __init__(self, driver):
        self.driver, self.trips = driver, 0

    def execute_many(self, commands):
        self.trips += 1
        return self.driver.execute_many(commands)


def test_an_empty_queue_has_zeros_and_no_ages(look):
    found = look()
    assert set(found.counts.values()) == {0}
    assert next(iter(found.counts)) == "active"
    assert (found.oldest_waiting, found.overdue, found.completed_total) == (None, None, None)
    assert (found.worker_count, found.slots, found.paused, found.broken) == (0, 0, False, None)


def test_jobs_are_counted_by_state(fill, look):
    queue = fill()
    queue.add("x")
    queue.add("x", priority=3)
    queue.add("x", delay=MINUTE)
    found = look()
    assert found.counts == queue.get_job_counts()
    assert found.waiting == 2


def test_limits_and_the_pause_are_told(fill, look):
    queue = fill()
    queue.pause()
    queue.set_global_concurrency(7)
    queue.set_global_rate_limit(20, 1000)
    found = look()
    assert (found.paused, found.concurrency, found.rate_limit) == (True, 7, Limiter(20, 1000))


def test_the_list_of_a_paused_5x_queue_waits(fill, look, driver, prefix):
    fill().add("x", timestamp=now_ms() - 5000)
    keys = QueueKeys("mail", prefix)
    driver.execute(("RENAME", keys.wait, keys.paused))
    found = look()
    assert found.counts["waiting"] == 1
    assert 5 <= found.oldest_waiting < 60


@pytest.mark.parametrize("options", [{}, {"lifo": True}], ids=["fifo", "lifo"])
def test_the_age_is_that_of_the_oldest_at_either_end(fill, look, options):
    queue, now = fill(), now_ms()
    for age in (9000, 6000, 3000):
        queue.add("x", {"age": age}, timestamp=now - age, **options)
    found = look(now=now)
    assert found.oldest_waiting == 9.0
    assert queue.get_job(found.oldest_waiting_id).data == {"age": 9000}


def test_the_least_urgent_priority_cannot_starve_unseen(fill, look):
    queue, now = fill(), now_ms()
    for age, priority in ((1000, 1), (60_000, 5), (50_000, 5), (2000, 2)):
        queue.add("x", priority=priority, timestamp=now - age)
    assert look(now=now).oldest_waiting == 60.0


def test_a_delay_is_no_wait(fill, look):
    queue, now = fill(), now_ms()
    job = queue.add("x", delay=10_000, timestamp=now - 12_000)
    queue.promote(job.id)
    assert look(now=now).oldest_waiting == 2.0


def test_what_is_due_and_not_let_in_is_overdue(fill, look):
    queue, now = fill(), now_ms()
    queue.add("x", delay=10_000, timestamp=now - 13_000)
    queue.add("x", delay=MINUTE, timestamp=now)
    assert look(now=now).overdue == 3.0


def test_the_last_whole_minute_is_read_from_what_workers_count(look, driver, prefix):
    keys, noon = QueueKeys("mail", prefix), 29_000_000 * MINUTE
    driver.execute(("HSET", keys.metrics_completed, "count", 25, "prevTS", noon, "prevCount", 20))
    driver.execute(("RPUSH", keys.metrics_completed_data, 12, 8))
    rates = [look(now=noon + minute * MINUTE).completed_per_minute for minute in (0, 1, 2)]
    assert rates == [12, 5, 0]
    assert look(now=noon).completed_total == 25
    assert look(now=noon).failed_per_minute is None


def test_our_workers_are_known_by_their_records(start_worker, url, driver):
    start_worker(lambda delivery: None, queues=["mail", "push"], concurrency=3, prefix="snap-own")
    start_worker(lambda delivery: None, queues="mail", concurrency=4, prefix="snap-own")
    names = ["mail", "push", "none"]

    def slots():
        return [each.slots for each in take(driver, "snap-own", names)]

    wait_until(lambda: slots() == [7, 3, 0])
    assert [each.worker_count for each in take(driver, "snap-own", names)] == [2, 1, 0]


@pytest.mark.parametrize("queues", [1, 50])
def test_two_round_trips_are_enough_even_for_a_server_that_knows_no_script(
    fill, driver, prefix, queues
):
    names = [f"q{number}" for number in range(queues)]
    for name in names:
        fill(name).add("x")
    driver.execute(("ZADD", QueueKeys("q0", prefix).workers, now_ms(), "somebody"))
    driver.execute(("SCRIPT", "FLUSH"))
    counting = CountingDriver(driver)
    found = take(counting, prefix, names)
    assert counting.trips == 2
    assert [each.name for each in found] == names
    assert all(each.oldest_waiting is not None for each in found)


def test_a_damaged_queue_does_not_hide_the_others(fill, driver, prefix):
    fill("good").add("x")
    driver.execute(("SET", QueueKeys("bad", prefix).wait, "rubbish"))
    bad, good = take(driver, prefix, ["bad", "a:b", "good"])
    assert "WRONGTYPE" in bad.broken
    assert set(bad.counts.values()) == {0}
    assert (good.name, good.broken, good.waiting) == ("good", None, 1)


def test_rubbish_under_the_keys_of_jobs_is_no_job(fill, look, driver, prefix):
    keys = QueueKeys("mail", prefix)
    driver.execute(("LPUSH", keys.wait, "gone", "odd"))
    driver.execute(("SET", keys.job("odd"), "text"))
    assert look().counts["waiting"] == 2
    assert look().oldest_waiting is None


def test_no_queue_costs_no_second_trip(driver, prefix):
    counting = CountingDriver(driver)
    assert take(counting, prefix, []) == []
    assert counting.trips == 1


def test_a_user_who_may_not_list_clients_still_sees_everything_else(redis_url, prefix):
    owner = connect(redis_url)
    user = f"u{uuid.uuid4().hex[:8]}"
    owner.execute(("ACL", "SETUSER", user, "on", ">hush", "~*", "+@all", "-client|list"))
    limited = connect(redis_url.replace("redis://", f"redis://{user}:hush@"))
    try:
        Queue("mail", driver=owner, prefix=prefix).add("x")
        (found,) = take(limited, prefix, ["mail"])
        assert (found.connected, found.worker_count, found.waiting) == (None, 0, 1)
    finally:
        limited.close()
        owner.execute(("ACL", "DELUSER", user))
        owner.close()
