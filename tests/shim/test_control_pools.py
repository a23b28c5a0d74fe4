"""Speaking to workers of every pool while they are at work."""

from __future__ import annotations

import signal
import uuid

import pytest

from bullrush import signals
from bullrush.core.worker.autoscale import Autoscale
from bullrush.exceptions import TaskRevokedError
from tests.support import tasks_app
from tests.support.waiting import wait_until

#: s that an answer may take on a busy machine.
PATIENCE = 20.0


@pytest.fixture
def app(redis_url, queue_name, monkeypatch):
    """An application that child processes can find, whose workers nobody else speaks to."""
    monkeypatch.setenv("BULLRUSH_TEST_BROKER", redis_url)
    app = tasks_app.app
    for name, value in {
        "broker_url": redis_url,
        "task_default_queue": queue_name,
        "control_exchange": f"fleet-{uuid.uuid4().hex}",
        "worker_pool_restarts": True,
    }.items():
        monkeypatch.setitem(app.conf, name, value)
    yield app
    app.close()


@pytest.fixture
def start(app, start_hearing):
    """Starts a worker that hears commands."""
    return lambda pool, **options: start_hearing(
        app, pool=pool, patience=1, **{"concurrency": 2, **options}
    )


def command(app, name, **arguments):
    """The answer of the one worker there is."""
    (answer,) = app.control.broadcast(name, arguments, reply=True, timeout=PATIENCE, limit=1)
    (value,) = answer.values()
    return value


def busy(app, worker, seconds=60, tasks=2):
    """Tasks that run in every slot."""
    results = [tasks_app.sleep.delay(seconds) for _ in range(tasks)]
    wait_until(lambda: len([each for each in worker.running() if worker.process_of(each)]) == tasks)
    return results


@pytest.mark.parametrize(
    ("name", "number"),
    [(None, signal.SIGTERM), ("SIGKILL", signal.SIGKILL), ("INT", signal.SIGINT)],
)
def test_a_task_in_a_child_is_ended_by_the_signal_and_its_place_is_filled(
    app, start, monkeypatch, caplog, name, number
):
    caplog.set_level("INFO", "celery.worker.control")
    worker = start("prefork")
    result, other = busy(app, worker)
    told = []
    monkeypatch.setattr(signals.task_revoked, "receivers", ())
    signals.task_revoked.connect(lambda signum, **_: told.append(signum), weak=False)
    app.control.revoke(result.id, terminate=True, signal=name)
    with pytest.raises(TaskRevokedError, match="terminated"):
        result.get(timeout=PATIENCE)
    assert (result.state, other.state) == ("REVOKED", "PENDING")
    assert told == [number]
    assert caplog.messages == [f"Terminating {result.id} ({number:d})"]
    assert tasks_app.add.delay(2, 3).get(timeout=PATIENCE) == 5  # in the child that came instead
    wait_until(lambda: [each.job.id for each in worker.running()] == [other.id])


def test_sigusr1_is_a_soft_time_limit(app, start):
    worker = start("prefork")
    result, _ = busy(app, worker)
    app.control.revoke(result.id, terminate=True, signal="SIGUSR1")
    assert type(result.get(timeout=PATIENCE, propagate=False)).__name__ == "SoftTimeLimitExceeded"


def test_a_worker_answers_while_all_its_children_are_busy(app, start):
    worker = start("prefork")
    results = busy(app, worker)
    inspect = app.control.inspect(timeout=PATIENCE, limit=1)
    (tasks,) = inspect.active().values()
    assert {each["id"] for each in tasks} == {each.id for each in results}
    assert {each["worker_pid"] for each in tasks} == set(worker.pool.pids())
    (stats,) = inspect.stats().values()
    assert sorted(stats["pool"]["processes"]) == sorted(worker.pool.pids())
    assert stats["pool"]["max-concurrency"] == 2


def test_a_busy_pool_grows_and_shrinks(app, start):
    worker = start("prefork")
    busy(app, worker)
    assert command(app, "pool_grow", n=1) == {"ok": "pool will grow"}
    assert tasks_app.add.delay(1, 1).get(timeout=PATIENCE) == 2
    wait_until(lambda: len(worker.pool.pids()) == 3)
    assert command(app, "pool_shrink", n=1) == {"ok": "pool will shrink"}
    wait_until(lambda: len(worker.pool.pids()) == 2)
    assert len(worker.running()) == 2  # those that are at work stay


def test_a_restart_replaces_the_children_and_lets_running_tasks_end(app, start):
    worker = start("prefork")
    before = set(worker.pool.pids())
    (result,) = busy(app, worker, seconds=1, tasks=1)
    assert command(app, "pool_restart") == {"ok": "reload started"}
    assert result.get(timeout=PATIENCE) == 1
    wait_until(lambda: len(worker.pool.pids()) == 2 and not before & set(worker.pool.pids()))
    assert tasks_app.process.delay().get(timeout=PATIENCE) not in before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"reload": True}, "--reload"), ({"modules": ["no_such_one"]}, "no_such")],
)
def test_a_restart_does_not_reload_code(app, start, arguments, words):
    start("prefork", concurrency=1)
    assert words in command(app, "pool_restart", **arguments)["error"]


def test_restarts_must_be_enabled(app, start, monkeypatch):
    monkeypatch.setitem(app.conf, "worker_pool_restarts", False)
    start("prefork", concurrency=1)
    assert command(app, "pool_restart") == {"error": "ValueError('Pool restarts not enabled')"}


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_the_bounds_of_autoscaling_change_while_a_worker_is_busy(app, start, pool, tmp_path):
    worker = start(pool, concurrency=1, autoscale=Autoscale(1, 1, 0.1))
    gate = tmp_path / "gate"
    first = tasks_app.hold.delay(str(gate))
    wait_until(lambda: [each.job.id for each in worker.running()] == [first.id])
    assert command(app, "autoscale", max=3, min=1) == {"ok": "autoscale now max=3 min=1"}
    assert tasks_app.add.delay(1, 1).get(timeout=PATIENCE) == 2  # in a slot that came
    assert "autoscale" in command(app, "pool_grow", n=1)["error"]
    assert command(app, "autoscale", max=3, min=3) == {"ok": "autoscale now max=3 min=3"}
    wait_until(lambda: worker.concurrency == 3)
    (stats,) = app.control.inspect(timeout=PATIENCE, limit=1).stats().values()
    assert stats["autoscaler"] == {"max": 3, "min": 3, "current": 3, "qty": 1}
    assert command(app, "autoscale", max=1, min=2)["error"]
    gate.touch()
    assert first.get(timeout=PATIENCE)


def test_autoscale_must_have_been_asked_for(app, start):
    start("threads")
    assert command(app, "autoscale", max=3) == {"error": "ValueError('Autoscale not enabled')"}


class TestSolo:
    def test_a_busy_worker_answers_and_cannot_end_its_task(self, app, start):
        worker = start("solo", concurrency=1)
        result = tasks_app.sleep.delay(1.0)
        wait_until(lambda: [each.job.id for each in worker.running()] == [result.id])
        assert command(app, "ping") == {"ok": "pong"}
        app.control.revoke(result.id, terminate=True)
        assert result.get(timeout=PATIENCE) == 1.0

    def test_what_was_revoked_before_its_turn_does_not_run(self, app, start):
        worker = start("solo", concurrency=1)
        first = tasks_app.sleep.delay(0.5)
        wait_until(lambda: [each.job.id for each in worker.running()] == [first.id])
        later = tasks_app.add.delay(1, 1)
        app.control.revoke(later.id)
        with pytest.raises(TaskRevokedError):
            later.get(timeout=PATIENCE)

    def test_it_has_one_slot_and_stops_when_told(self, app, start):
        worker = start("solo", concurrency=1)
        assert "one slot" in command(app, "pool_grow", n=1)["error"]
        app.control.shutdown()
        wait_until(lambda: not worker.is_running())
