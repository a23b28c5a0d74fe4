"""The names of queues are looked for once in a while, by one thread."""

from __future__ import annotations

import threading
import uuid

import pytest

from bullrush.core import Queue
from bullrush.core.catalogue import FIRST_STEPS, STEP, Catalogue
from bullrush.core.errors import ConnectionFailed


@pytest.fixture
def prefix():
    return f"cat-{uuid.uuid4().hex[:8]}"


class Looking:
    """Counts how often a driver is asked for; waits first, if told to."""

    def __init__(self, driver):
        self.driver, self.asked, self.go = driver, 0, threading.Event()
        self.go.set()
        self.entered = threading.Event()

    def __call__(self):
        self.asked += 1
        self.entered.set()
        assert self.go.wait(10)
        return self.driver


def test_queues_are_found_and_named_ones_added(driver, prefix):
    Queue("mail", driver=driver, prefix=prefix).add("x")
    looking = Looking(driver)
    catalogue = Catalogue(looking, prefix, ["push"])
    assert catalogue.names() == ["mail", "push"]
    assert catalogue.names() == ["mail", "push"]
    assert looking.asked == 1


@pytest.mark.row(155)
def test_a_new_queue_appears_without_a_restart(driver, prefix):
    catalogue = Catalogue(lambda: driver, prefix, fresh=0.0)
    assert catalogue.names() == []
    Queue("mail", driver=driver, prefix=prefix).add("x")
    assert catalogue.names() == ["mail"]


def test_one_thread_looks_while_others_get_what_was_found_last(driver, prefix):
    looking = Looking(driver)
    catalogue = Catalogue(looking, prefix, ["mail"])
    catalogue.names()
    catalogue.forget()
    looking.go.clear()
    looking.entered.clear()
    thread = threading.Thread(target=catalogue.names)
    thread.start()
    assert looking.entered.wait(10)
    assert catalogue.names() == ["mail"]
    assert looking.asked == 2
    looking.go.set()
    thread.join(10)


def test_a_failure_is_told_and_forgotten(driver, prefix):
    drivers = iter([None, driver])

    def fail_once():
        found = next(drivers)
        if found is None:
            raise ConnectionFailed("away")
        return found

    catalogue = Catalogue(fail_once, prefix)
    with pytest.raises(ConnectionFailed):
        catalogue.names()
    assert catalogue.names() == []


class Endless:
    """A Redis whose SCAN never comes to an end."""

    asked = 0

    def execute(self, command):
        self.asked += 1
        assert command[:1] == ("SCAN",)
        assert command[-1] == STEP
        return [b"7", [b"bull:emails:meta", b"bull:a:b:meta", b"bull:\x00:meta"]]


def test_a_huge_redis_is_walked_through_in_steps():
    driver = Endless()
    catalogue = Catalogue(lambda: driver, "bull", ("named",))
    assert catalogue.look() == ["emails", "named"]
    assert driver.asked == FIRST_STEPS
    assert not catalogue.complete


def test_queues_that_are_gone_leave_and_new_ones_come(driver, prefix):
    now = [0.0]
    catalogue = Catalogue(lambda: driver, prefix, clock=lambda: now[0])
    old = Queue("old", driver=driver, prefix=prefix)
    old.add("run")
    assert catalogue.look(1000) == ["old"]
    old.obliterate(force=True)
    Queue("new", driver=driver, prefix=prefix).add("run")
    assert catalogue.look(1000) == catalogue.names() == ["old"]
    now[0] += 10
    assert catalogue.look(1000) == catalogue.names() == ["new"]


def test_a_change_that_is_told_of_begins_the_walk_anew(driver, prefix):
    catalogue = Catalogue(lambda: driver, prefix)
    assert catalogue.names() == []
    Queue("mail", driver=driver, prefix=prefix).add("x")
    assert catalogue.look(1000) == []
    catalogue.forget()
    assert catalogue.names() == ["mail"]
