"""Calls while Redis is away: raised, run in the caller, or kept in a file and replayed once."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
import threading

import pytest

from bullrush.core.drivers.server_binary import ServerProcess
from bullrush.core.errors import AuthenticationFailed, ServerError
from bullrush.exceptions import ImproperlyConfigured, OperationalError
from bullrush.worker import make_worker
from tests.support.outage import AWAY, call_through_outages, empty, values_in
from tests.support.redis_fleets import Fleet
from tests.support.silent_proxy import SilentProxy
from tests.support.waiting import wait_until


@pytest.mark.row(3)
def test_by_default_a_call_raises(make):
    with pytest.raises(OperationalError):
        make(AWAY, on_broker_down="raise").tasks["note"].delay(1)


@pytest.mark.row(3)
def test_a_policy_that_is_none_is_refused(make):
    with pytest.raises(ImproperlyConfigured, match="inline"):
        make(AWAY, on_broker_down="ignore")
    app = make(AWAY)
    app.task(name="two", on_broker_down="maybe")(print)
    with pytest.raises(ImproperlyConfigured, match="on_broker_down of two"):
        app.finalize()


@pytest.mark.row(3)
def test_inline_runs_in_the_caller_marks_the_result_and_warns_once(make, caplog):
    note = make(AWAY, on_broker_down="inline").tasks["note"]
    first, second = note.delay(1), note.delay(2)
    assert (first.get(), second.get()) == (1, 2)
    assert first.ran_inline
    assert [r.levelname for r in caplog.records if r.name == "bullrush.outage"] == ["WARNING"]


@pytest.mark.row(3)
def test_inline_runs_nothing_early_and_nothing_it_does_not_know(make):
    app = make(AWAY, on_broker_down="inline")
    with pytest.raises(OperationalError):
        app.tasks["note"].apply_async((1,), countdown=60)
    with pytest.raises(OperationalError):
        app.send_task("unknown")


@pytest.mark.row(3)
def test_a_task_may_have_a_policy_of_its_own(make):
    app = make(AWAY, on_broker_down="raise")

    @app.task(name="kept", on_broker_down="spool")
    def kept():
        pass

    assert not kept.delay().ran_inline
    assert app.outage.spool.counts() == {"waiting": 1, "refused": 0}


def test_a_refused_login_is_never_hidden(make, redis_url):
    secret = redis_url.replace("redis://", "redis://nobody:wrong@")
    with pytest.raises(OperationalError, match="refused"):
        make(secret).tasks["note"].delay(1)


def test_an_application_that_never_spools_makes_no_file(make, redis_url, tmp_path):
    make(redis_url).tasks["note"].delay(1)
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_its_owners_alone(make, tmp_path):
    make(AWAY).tasks["note"].delay("secret")
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}


@pytest.mark.timeout(120)
@pytest.mark.row(3)
def test_nothing_is_lost_or_doubled_when_redis_is_killed_in_the_middle(make, tmp_path):
    """Four threads call all the time; Redis dies hard and comes back twice."""
    kept = tmp_path / "redis"
    kept.mkdir()
    with ServerProcess(keep_in=kept) as server:
        app = make(server.url)
        note = app.tasks["note"]
        sent = call_through_outages(
            server, app, lambda *numbers: note.delay(list(numbers)), before=200, during=50
        )
        found = [tuple(value) for value in values_in(app.queue("celery"))]
    assert sorted(found) == sorted(sent)
    assert len(set(found)) == len(found)


@pytest.mark.row(3)
def test_those_who_call_all_the_time_do_not_keep_the_spool_from_emptying(make):
    with ServerProcess() as server:
        port = server.port
    app = make(f"redis://127.0.0.1:{port}/0")
    note, done, sent = app.tasks["note"], threading.Event(), []

    def produce():
        while not done.is_set():
            sent.append(note.delay(0).id)

    threads = [threading.Thread(target=produce) for _ in range(8)]
    for each in threads:
        each.start()
    wait_until(lambda: len(sent) > 200, 30)
    with ServerProcess(port=port):
        wait_until(lambda: not app.outage.holding, 30)
        done.set()
        for each in threads:
            each.join()
        found = [job.id for job in app.queue("celery").get_waiting()]
    assert sorted(found) == sorted(sent)


@pytest.mark.row(3)
def test_what_was_spooled_is_replayed_in_its_order(make, redis_url):
    note = make(AWAY).tasks["note"]
    for number in range(250):
        note.delay(number)
    app = make(redis_url)
    app.tasks["note"].delay(250)
    wait_until(lambda: empty(app))
    assert values_in(app.queue("celery")) == list(range(251))


@pytest.mark.row(3)
def test_a_job_that_ran_and_is_gone_is_not_added_again_by_a_second_replay(make, redis_url):
    """As after a crash between adding a job and taking it out of the file."""
    make(AWAY).tasks["note"].apply_async((1,), ignore_result=True)
    app = make(redis_url, on_broker_down="raise")
    (entry,) = app.outage.spool.oldest(9)
    queue = app.queue("celery")
    app.outage._add([entry])
    with make_worker(app, pool="threads", concurrency=1):
        wait_until(lambda: not sum(queue.get_job_counts().values()))
    assert app.outage.replay() == 0
    assert sum(queue.get_job_counts().values()) == 0
    assert app.outage.spool.counts()["waiting"] == 0


@pytest.mark.row(3)
def test_a_job_whose_answer_was_lost_and_that_ran_meanwhile_is_not_added_again(make, redis_url):
    """Nothing tells of it any more: it is gone, and the events that told of it are trimmed."""
    target = redis_url.rpartition(":")[2].partition("/")[0]
    here = make(redis_url, on_broker_down="raise")
    with SilentProxy("127.0.0.1", int(target)) as proxy:
        app = make(f"{proxy.url}?socket_timeout=0.5")
        note = app.tasks["note"]
        note.apply_async(("before",), ignore_result=True)
        proxy.lose_answers()
        note.apply_async(("lost",), ignore_result=True)
        proxy.close()
        for number in range(3):
            note.apply_async((number,), ignore_result=True)
        assert app.outage.spool.counts()["waiting"] == 4
    queue = here.queue("celery")
    with make_worker(here, pool="threads", concurrency=1):
        wait_until(lambda: len(here.ran) == 2 and not sum(queue.get_job_counts().values()))
        queue.trim_events(0)
        assert here.outage.replay() == 0
        wait_until(lambda: len(here.ran) >= 5 and not sum(queue.get_job_counts().values()))
    assert here.ran == ["before", "lost", 0, 1, 2]
    assert here.outage.counts["replayed"] == 3


@pytest.mark.row(3)
def test_what_was_spooled_stays_while_redis_lets_nobody_in(make):
    note = make(AWAY).tasks["note"]
    for number in range(3):
        note.delay(number)
    with Fleet() as fleet:
        server = fleet.start()
        app = make(f"redis://127.0.0.1:{server.port}/0", on_broker_down="raise")
        server.forbid("evalsha", "eval")
        with pytest.raises(ServerError, match="evalsha"):
            app.outage.replay()
        server.forbid()
        server.client.config_set("requirepass", "hush-hush")
        server.client.client_kill_filter(_type="normal", skipme=True)
        with pytest.raises(AuthenticationFailed):
            app.outage.replay()
        assert app.outage.spool.counts() == {"waiting": 3, "refused": 0}
        server.client.config_set("requirepass", "")
        assert app.outage.replay() == 0
        assert values_in(app.queue("celery")) == [0, 1, 2]


def test_a_job_that_redis_will_never_take_is_put_aside_and_stops_no_other(make, redis_url, caplog):
    app = make(AWAY)
    note = app.tasks["note"]
    note.delay(1)
    note.apply_async((2,), task_id="taken")
    note.delay(3)
    later = make(redis_url, on_broker_down="raise")
    queue = later.queue("celery")
    queue.driver.execute(("SET", queue.keys.job("taken"), "no job"))
    assert later.outage.replay() == 0
    assert values_in(queue) == [1, 3]
    assert later.outage.spool.counts() == {"waiting": 0, "refused": 1}
    assert [r.levelno for r in caplog.records if "put aside" in r.message] == [logging.ERROR]


PRODUCER = textwrap.dedent(
    """
    import itertools, sys, time
    from bullrush import Celery

    url, prefix, path, who, most = sys.argv[1:]
    app = Celery("proj", broker=url, bullrush_prefix=prefix)
    app.conf.update(spool_path=path, on_broker_down="spool", task_publish_retry=False)

    @app.task(name="note")
    def note(value):
        pass

    for number in itertools.islice(itertools.count(), int(most) or None):
        note.delay([who, number])
        print(number, flush=True)
    while app.outage.holding:
        time.sleep(0.01)  # nothing tells of it; the test ends this process if it never comes
    """
)


@pytest.fixture
def producer(tmp_path, queue_name):
    """Starts producers as processes of their own, on one spool."""
    started = []

    def start(url, who, most=0):
        words = [url, queue_name, str(tmp_path / "spool.sqlite3"), who, str(most)]
        process = subprocess.Popen(
            [sys.executable, "-c", PRODUCER, *words], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for each in started:
        each.kill()
        each.wait()


@pytest.mark.timeout(120)
@pytest.mark.row(3)
def test_what_a_killed_producer_had_spooled_is_replayed_by_the_next_process(
    make, producer, redis_url
):
    process = producer(AWAY, "dead")
    told = [int(process.stdout.readline()) for _ in range(60)]
    process.kill()
    told += [int(line) for line in process.stdout]
    app = make(redis_url)
    assert app.tasks["note"].name  # to ask for the tasks is to start replaying
    wait_until(lambda: empty(app), 30)
    found = [number for _, number in values_in(app.queue("celery"))]
    assert found == list(range(len(found)))
    assert len(told) <= len(found) <= len(told) + 1, "the last may have been kept, and not told"


@pytest.mark.timeout(120)
@pytest.mark.row(3)
def test_two_processes_share_a_spool_and_replay_it_at_once(make, producer):
    with ServerProcess() as server:
        port = server.port
    processes = [producer(f"redis://127.0.0.1:{port}/0", who, 150) for who in ("one", "two")]
    for each in processes:
        for _ in range(150):
            each.stdout.readline()
    with ServerProcess(port=port) as server:
        app = make(server.url)
        for each in processes:
            assert each.wait(60) == 0
        found = values_in(app.queue("celery"))
    assert len(found) == 300
    for who in ("one", "two"):
        assert [number for name, number in found if name == who] == list(range(150))
