"""Workers inside web processes: exactly one in each, on request, stopped with it."""

from __future__ import annotations

import os
import signal
import textwrap
import threading

import pytest
from flask import current_app

from bullrush.core import Queue, QueueEvents
from bullrush.core.errors import InvalidOption
from bullrush.flask_ext.settings import settings_of
from tests.support.serving import serving_workers
from tests.support.waiting import wait_until


@pytest.fixture
def workers_of():
    """Gives the embedded consumers of this test that are alive."""
    before = set(threading.enumerate())
    return lambda: [
        each for each in set(threading.enumerate()) - before if each.name == "bullrush-consumer"
    ]


@pytest.fixture
def embedding(make_app):
    """Makes applications with a worker and a task that tells the process it ran in."""

    def make(**config):
        app = make_app(**{"BULLRUSH_EMBEDDED": True, **config})
        binding = app.extensions["bullrush"]

        @binding.celery.task(name="where")
        def where():
            return [os.getpid(), current_app.config["PLACE"]]

        app.config["PLACE"] = "corner"
        app.add_url_rule("/where", view_func=lambda: {"id": where.delay().id})
        return app

    return make


@pytest.mark.row(1, 4)
def test_a_job_runs_in_the_process_that_serves_and_in_its_context(embedding, workers_of):
    app = embedding()
    binding = app.extensions["bullrush"]
    assert not workers_of(), "none before the first request"
    result = binding.celery.AsyncResult(app.test_client().get("/where").json["id"])
    assert result.get(timeout=20) == [os.getpid(), "corner"]
    binding.close()
    assert not workers_of()


@pytest.mark.row(1)
def test_it_is_off_by_default_and_on_by_the_environment(monkeypatch):
    assert settings_of({}).embedded is None
    assert settings_of({"BULLRUSH_EMBEDDED": False}).embedded is None
    monkeypatch.setenv("BULLRUSH_EMBEDDED", "1")
    assert settings_of({}).embedded == {}
    assert settings_of({"BULLRUSH_EMBEDDED": ["a", "b"]}).embedded == {"queues": ["a", "b"]}
    with pytest.raises(InvalidOption, match="BULLRUSH_EMBEDDED"):
        settings_of({"BULLRUSH_EMBEDDED": 3.5})


@pytest.mark.row(7)
def test_a_factory_that_is_called_twice_has_one_worker(embedding, workers_of):
    apps = [embedding(), embedding()]
    for app in (*apps, *apps):
        app.test_client().get("/live")
    workers = {app.extensions["bullrush"].start_embedded() for app in apps}
    assert len(workers) == 1
    wait_until(lambda: len(workers_of()) == 1)


def test_a_running_job_is_handed_back_when_the_process_ends(embedding):
    app = embedding()
    binding = app.extensions["bullrush"]
    started, leave = threading.Event(), threading.Event()

    @binding.celery.task(name="slow")
    def slow():
        started.set()
        leave.wait(60)

    id = slow.delay().id
    worker = binding.start_embedded()
    assert started.wait(20)
    queue = Queue("celery", url=binding.settings.redis_url, prefix=binding.settings.prefix)
    worker.stop(0)
    assert queue.get_state(id) == "waiting"
    leave.set()
    queue.close()


@pytest.mark.row(1, 2)
@pytest.mark.timeout(120)
@pytest.mark.parametrize("reload", [False, True])
def test_flask_run_needs_no_other_process_and_has_one_worker_also_under_the_reloader(
    serve, redis_url, queue_name, reload
):
    more = ["--reload"] if reload else []
    process, ask = serve("-m", "flask", "--app", "shop", "run", "-p", "PORT", *more)
    answer = wait_until(ask, 60)
    posted = ask("/jobs", b"")["id"]
    polled = wait_until(lambda: (ask(f"/jobs/{posted}") or {}).get("ran"), 30)
    assert polled == answer["pid"]
    with (
        Queue("celery", url=redis_url, prefix=queue_name) as queue,
        QueueEvents("celery", driver=queue.driver, prefix=queue_name) as events,
    ):
        assert events.wait_until_finished(answer["id"], 30) == answer["pid"]
        ask()
        assert serving_workers(queue) == 1
        if not reload:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            wait_until(lambda: serving_workers(queue) == 0, 20, "the worker said goodbye")


FORKING = textwrap.dedent(
    """
    import os, signal, sys
    from werkzeug.serving import make_server
    import shop

    server = make_server("127.0.0.1", int(os.environ["PORT"]), shop.app)
    shop.app.test_client()  # the parent never serves
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            server.serve_forever()
        children.append(child)
    signal.signal(signal.SIGTERM, lambda *_: [os.kill(each, signal.SIGTERM) for each in children])
    for each in children:
        os.waitpid(each, 0)
    """
)


@pytest.mark.row(1, 7)
@pytest.mark.timeout(120)
def test_a_pre_fork_server_has_one_worker_in_each_child_that_serves(
    serve, tmp_path, redis_url, queue_name
):
    (tmp_path / "forking.py").write_text(FORKING)
    _, ask = serve("forking.py")
    wait_until(ask, 60)
    seen = set()

    def both():
        seen.add((ask() or {}).get("pid"))
        return len(seen - {None}) == 2

    wait_until(both, 60)
    with (
        Queue("celery", url=redis_url, prefix=queue_name) as queue,
        QueueEvents("celery", driver=queue.driver, prefix=queue_name) as events,
    ):
        wait_until(lambda: serving_workers(queue) == 2, 30)
        ids = [ask()["id"] for _ in range(6)]
        ran = {events.wait_until_finished(each, 30) for each in ids}
        assert ran <= seen
        assert serving_workers(queue) == 2
