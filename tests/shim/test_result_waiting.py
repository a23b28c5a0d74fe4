"""Waiting for results: one reader for all, and nothing that is lost."""

from __future__ import annotations

import threading

import pytest

from bullrush import Celery
from bullrush.core import BulkJob, Completed
from bullrush.exceptions import TimeoutError
from bullrush.ids import job_id_of
from bullrush.result import waiting
from bullrush.result.endings import KEPT, Endings
from tests.support.trips import Hands
from tests.support.waiting import wait_until

MANY = 10_000


@pytest.fixture
def real(redis_url, queue_name):
    """An application on a real Redis."""
    with Celery("real", broker=redis_url, set_as_current=False) as app:
        app.conf.task_default_queue = queue_name
        app.task(name="echo")(lambda value=None: value)
        yield app


@pytest.fixture
def queue(real, queue_name):
    return real.queue(queue_name)


@pytest.fixture
def readers():
    """Gives how many threads of this test read events."""
    before = set(threading.enumerate())
    return lambda: sum(
        each.name == "bullrush-events" for each in set(threading.enumerate()) - before
    )


def end_all(queue) -> None:
    """End every waiting job with its first argument as the value."""
    hands = Hands(queue)
    while taken := hands.take(500):
        hands.trip([(each, Completed(each.job.data["args"][0])) for each in taken])


def get_in_thread(result, **options):
    """Wait for it in another thread; gives what waits for that."""
    came = []
    thread = threading.Thread(target=lambda: came.append(result.get(**options)), daemon=True)
    thread.start()

    def join():
        thread.join(50)
        return came[0]

    return join


def commands(app) -> int:
    """How many commands the server has run."""
    info = app.driver.execute(("INFO", "stats")).decode()
    return int(info.split("total_commands_processed:")[1].split()[0])


def test_ten_thousand_open_results_are_waited_for_by_one_reader(real, queue, readers):
    """Their jobs are ended by hand, many in one trip: it is the waiting that is tested."""
    jobs = queue.add_bulk([BulkJob("echo", {"args": [n]}) for n in range(MANY)])
    group = real.GroupResult("many", [real.AsyncResult(job.id) for job in jobs])
    join = get_in_thread(group, timeout=50)
    wait_until(lambda: readers() == 1)
    end_all(queue)
    assert join() == list(range(MANY))
    assert readers() == 1


def test_ten_thousand_ended_results_are_read_in_few_trips(real, queue, monkeypatch):
    jobs = queue.add_bulk([BulkJob("echo", {"args": [n]}) for n in range(MANY)])
    end_all(queue)
    trips = []
    send = real.driver.execute_many
    monkeypatch.setattr(real.driver, "execute_many", lambda c: trips.append(len(c)) or send(c))
    group = real.GroupResult("many", [real.AsyncResult(job.id) for job in jobs])
    assert group.get(timeout=50) == list(range(MANY))
    # For each id, which is a number: under its escape, as it is, and as Celery stores results.
    assert len(trips) <= 3 * MANY / 1000
    assert group.get() == list(range(MANY))
    assert len(trips) <= 3 * MANY / 1000


def test_the_value_of_a_task_sent_from_here_is_in_its_event(real, queue):
    """From the second task on there is a reader, so Redis need not be asked at all."""
    task = real.tasks["echo"]
    first = task.delay(0)
    end_all(queue)
    assert first.get(timeout=10) == 0
    result = task.delay(1)
    join = get_in_thread(result, timeout=10)
    end_all(queue)
    assert join() == 1
    later = task.delay(2)
    end_all(queue)
    wait_until(lambda: real.endings(queue.name).recent(later.id))
    before = commands(real)
    assert later.get(timeout=10) == 2
    assert commands(real) == before + 1  # that is the question itself


def test_a_reader_that_lost_its_connection_and_the_events_misses_nothing(real, queue):
    result = real.AsyncResult(queue.add("echo", {"args": [7]}).id)
    join = get_in_thread(result, timeout=30)
    name = queue.keys.events_client_name()

    def reader():
        rows = real.driver.execute(("CLIENT", "LIST")).decode().splitlines()
        found = [row for row in rows if f" name={name} " in row and "cmd=xread" in row]
        return found[0].split("id=")[1].split()[0] if found else None

    wait_until(reader)
    real.driver.execute(("CLIENT", "KILL", "ID", reader()))
    end_all(queue)
    real.driver.execute(("XTRIM", queue.keys.events, "MAXLEN", 0))
    assert join() == 7


def test_a_task_of_an_unknown_queue_is_found_in_those_that_are_known(real, redis_url, queue_name):
    with Celery("other", broker=redis_url, set_as_current=False) as other:
        other.conf.task_default_queue = f"{queue_name}-unused"
        other.conf.task_routes = {"echo": {"queue": queue_name}}
        assert queue_name in other.known_queues()
        job = real.queue(queue_name).add("echo", {"args": ["found"]})
        join = get_in_thread(other.AsyncResult(job.id), timeout=30)
        end_all(real.queue(queue_name))
        assert join() == "found"


def test_a_task_that_is_sent_after_somebody_waits_for_its_id_is_heard_of(real, queue):
    join = get_in_thread(real.AsyncResult("to-come"), timeout=30)
    queue.add("echo", {"args": ["came"]}, job_id="to-come")
    end_all(queue)
    assert join() == "came"


def test_a_result_that_is_stored_for_an_id_without_a_job_is_heard_of(real, monkeypatch):
    monkeypatch.setattr(waiting, "_LOOK_AGAIN", 3600.0)
    told = threading.Event()
    result = real.AsyncResult("nobodys:own")
    result.then(lambda each: told.set())
    join = get_in_thread(result, timeout=30)
    waiters = real.stray_endings()._waiters
    wait_until(lambda: len(waiters.get(job_id_of("nobodys:own"), ())) == 2)
    real.backend.store_result("nobodys:own", "stored", "SUCCESS")
    assert join() == "stored"
    assert told.wait(30)


def test_waiting_for_an_id_that_nobody_knows_asks_redis_for_nothing(real, queue, monkeypatch):
    monkeypatch.setattr(waiting, "_LOOK_AGAIN", 3600.0)
    with pytest.raises(TimeoutError):
        real.AsyncResult("first-of-all").get(timeout=0.01)  # the readers are there from now on
    before = commands(real)
    with pytest.raises(TimeoutError):
        real.AsyncResult("unknown").get(timeout=1.0)
    asked = commands(real) - before
    # Where to look are the queue and Celery's key; once before and once after it listens.
    assert asked <= 12, asked


def test_a_queue_that_becomes_known_while_somebody_waits_is_listened_to(
    real, queue_name, monkeypatch
):
    monkeypatch.setattr(waiting, "_LOOK_AGAIN", 0.05)
    join = get_in_thread(real.AsyncResult("late"), timeout=30)
    later = real.queue(f"{queue_name}-later")
    later.add("echo", {"args": ["came"]}, job_id="late")
    wait_until(lambda: f"{queue_name}-later" in real._endings)
    end_all(later)
    assert join() == "came"


def test_the_end_of_an_earlier_task_of_the_same_id_is_not_that_of_this_one(real, queue):
    task = real.tasks["echo"]
    result = task.apply_async(("old",), task_id="twice")
    join = get_in_thread(result, timeout=30)
    end_all(queue)
    assert join() == "old"
    again = task.apply_async(("new",), task_id="twice")
    with pytest.raises(TimeoutError):
        again.get(timeout=0.01)
    join = get_in_thread(again, timeout=30)
    end_all(queue)
    assert join() == "new"


def test_so_many_ends_are_kept_and_who_comes_later_asks(real, queue):
    endings = Endings(real.events_of(queue.name))
    job = queue.add("echo", {"args": [1]})
    mark = endings.count
    end_all(queue)
    wait_until(lambda: endings.recent(job.id))
    event = endings.recent(job.id)
    for n in range(KEPT):
        endings._remember(f"other-{n}", event)
    assert endings.recent(job.id) is None
    assert endings.missed(mark)
    assert not endings.missed(endings.count)


def test_a_result_outlives_the_reader_it_was_sent_under(real, queue):
    """As after a fork, and when the application is closed and used again."""
    task = real.tasks["echo"]
    first = task.delay(0)
    end_all(queue)
    assert first.get(timeout=10) == 0
    result = task.delay(1)
    end_all(queue)
    real.close()
    old, new = result._mark, real.endings(queue.name)
    assert new.missed(old)
    assert result.get(timeout=10) == 1


def test_a_long_value_is_asked_for(real, queue):
    task = real.tasks["echo"]
    task.delay(0)
    end_all(queue)
    value = "x" * 5000
    real.endings(queue.name)
    result = task.delay(value)
    end_all(queue)
    wait_until(lambda: real.endings(queue.name).recent(result.id))
    assert real.endings(queue.name).recent(result.id).fields == {}
    assert result.get(timeout=10) == value


def test_results_waited_for_in_many_threads_share_the_reader(real, queue, readers):
    jobs = queue.add_bulk([BulkJob("echo", {"args": [n]}) for n in range(20)])
    joins = [get_in_thread(real.AsyncResult(job.id), timeout=30) for job in jobs]
    wait_until(lambda: readers())
    end_all(queue)
    assert [join() for join in joins] == list(range(20))
    assert readers() == 1


def test_a_state_that_means_an_end_wakes_those_who_wait(real, monkeypatch):
    monkeypatch.setattr(waiting, "_LOOK_AGAIN", 1000.0)
    result = real.send_task("nobody.runs.it")
    found = []
    waits = threading.Thread(target=lambda: found.append(result.get(timeout=20)))
    waits.start()
    wait_until(lambda: real.endings(result._queue)._waiters.get(result.id))
    real.backend.store_result(result.id, 7, "SUCCESS")
    waits.join(20)
    assert found == [7]
