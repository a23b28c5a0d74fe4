"""A run of a job scheduler is taken and then Redis does not answer: the run after it is made later,
or the schedule would have come to its end (protocol part 2, section 2.6).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bullrush.core import Queue
from bullrush.core.drivers import Driver, connect
from bullrush.core.errors import ConnectionFailed, ServerError
from bullrush.core.scripts import script
from bullrush.core.worker import Worker
from tests.support.waiting import wait_until

HOUR = 3_600_000


class Broken:
    """A driver that does not get through with the script that makes runs, as often as it is told.

    Args:
        driver: does everything else.
        error: what becomes of the script.
        times: how often.
    """

    def __init__(self, driver: Driver, error: Exception, times: int) -> None:
        self._driver, self._error, self.left = driver, error, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def execute_many(self, commands: Any) -> Any:
        """Send commands, or fail."""
        digest = script("advance_scheduler").digest
        if self.left and any(digest in command for command in commands):
            self.left -= 1
            if isinstance(self._error, ServerError):
                return [self._error] * len(commands)
            raise self._error
        return self._driver.execute_many(commands)


@pytest.fixture
def driver_to_break(url: str) -> Iterator[Driver]:
    """The connections of the worker."""
    driver = connect(url)
    yield driver
    driver.close()


@pytest.fixture
def queue(url: str, queue_name: str) -> Iterator[Queue]:
    """The queue of the schedules."""
    with Queue(queue_name, url=url) as queue:
        yield queue


def transient() -> list[Exception]:
    """What a later attempt may mend."""
    return [ConnectionFailed("Redis did not answer"), ServerError("LOADING the data set")]


@pytest.mark.parametrize("error", transient(), ids=["away", "loading"])
def test_it_is_made_as_soon_as_redis_answers_while_the_job_still_runs(
    queue, stored, driver_to_break, error
):
    broken = Broken(driver_to_break, error, times=2)
    may_end, ended = threading.Event(), []

    def handler(delivery):
        assert may_end.wait(20)
        ended.append(delivery.job.id)

    first = queue.upsert_job_scheduler("s", every=HOUR)
    with Worker(queue.name, handler, driver=broken):
        wait_until(lambda: stored.ids("delayed"), timeout=20)
        assert stored.ids("active") == [first.id]
        may_end.set()
        wait_until(lambda: ended == [first.id])
    assert broken.left == 0
    assert stored.hash("repeat:s")["ic"] == "2"


def test_it_is_made_before_the_outcome_is_stored(queue, stored, driver_to_break):
    broken = Broken(driver_to_break, ConnectionFailed("Redis did not answer"), times=3)
    queue.upsert_job_scheduler("s", every=HOUR)
    with Worker(queue.name, lambda delivery: None, driver=broken):
        wait_until(lambda: stored.ids("completed"), timeout=20)
        # Once it is stored nobody would come back to this run.
        assert len(stored.ids("delayed")) == 1


def test_a_worker_that_stops_makes_it_first(queue, stored, driver_to_break):
    broken = Broken(driver_to_break, ConnectionFailed("Redis did not answer"), times=2)
    started = threading.Event()
    queue.upsert_job_scheduler("s", every=HOUR)
    worker = Worker(queue.name, lambda delivery: started.set(), driver=broken).start()
    assert started.wait(10)
    assert worker.stop(timeout=20)
    assert len(stored.ids("delayed")) == 1
    assert len(stored.ids("completed")) == 1


def test_what_redis_refuses_is_said_and_the_job_run(queue, stored, driver_to_break, caplog):
    broken = Broken(driver_to_break, ServerError("WRONGTYPE what a key"), times=1)
    first = queue.upsert_job_scheduler("s", every=HOUR)
    with Worker(queue.name, lambda delivery: None, driver=broken):
        wait_until(lambda: stored.ids("completed") == [first.id])
    assert stored.ids("delayed") == []
    assert f"cannot make the runs that follow {first.id}: WRONGTYPE" in caplog.text


def test_driving_by_hand_gives_the_job_and_says_it(queue, stored, driver_to_break, caplog):
    broken: Any = Broken(driver_to_break, ConnectionFailed("Redis did not answer"), times=1)
    first = queue.upsert_job_scheduler("s", every=HOUR)
    taken = Queue(queue.name, driver=broken).get_next_job("token")
    assert taken is not None
    assert taken.id == first.id
    assert f"cannot make the runs that follow {first.id}" in caplog.text
