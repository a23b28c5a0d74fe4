"""What other code asks an application for."""

from __future__ import annotations

import pickle
import threading

import click
import pytest

import bullrush
from bullrush import Celery
from bullrush.bootsteps import ConsumerStep
from bullrush.exceptions import ImproperlyConfigured, OperationalError
from bullrush.loaders import BaseLoader


@pytest.fixture
def bare():
    """An application in this process's memory."""
    with Celery("bare", broker="memory://components", set_as_current=False) as app:
        yield app


def test_a_health_check_by_the_connection_works(app):
    for connection in (app.connection(), app.connection_for_read(), app.connection_for_write()):
        with connection as opened:
            assert opened.ensure_connection(max_retries=1).connected
        assert not connection.connected
    with app.connection_or_acquire() as connection:
        connection.connect()
    with app.pool.acquire(block=True) as connection:
        assert connection.ensure_connection() is connection


def test_a_health_check_of_a_redis_that_is_gone_is_an_operational_error():
    told = []
    with Celery("gone", broker="redis://u:secret@127.0.0.1:1/0", set_as_current=False) as app:
        with pytest.raises(OperationalError):
            app.connection().ensure_connection(
                errback=lambda error, pause: told.append(pause),
                max_retries=1,
                interval_start=0,
                interval_step=0,
            )
        assert told == [0]
        assert app.connection().as_uri() == "redis://u:**@127.0.0.1:1/0"
        assert "secret" in app.connection().as_uri(include_password=True)


def test_what_a_connection_of_kombu_has_besides_is_refused_by_name(bare):
    with pytest.raises(NotImplementedError, match=r"Connection\.channel"):
        bare.connection().channel()
    with bare.producer_or_acquire() as producer, pytest.raises(NotImplementedError):
        producer.publish({})


def test_another_url_has_connections_of_its_own(bare, redis_url):
    connection = bare.connection(redis_url)
    assert connection.connect().transport_cls == "redis"
    connection.release()
    assert bare.connection().transport_cls == "memory"


def test_an_application_survives_pickling(bare):
    bare.conf.task_default_queue = "kept"
    copy = pickle.loads(pickle.dumps(bare))
    assert (copy.main, copy.conf.task_default_queue, copy.conf.broker_url) == (
        "bare",
        "kept",
        "memory://components",
    )
    copy.close()


def test_every_application_and_thread_has_a_name_of_its_own(bare):
    names = [bare.oid, bare.thread_oid]
    thread = threading.Thread(target=lambda: names.append(bare.thread_oid))
    thread.start()
    thread.join()
    assert len(set(names)) == 3
    assert bare.oid == names[0]


def test_the_clock_counts(bare):
    assert [bare.clock.forward(), bare.clock.adjust(9), bare.clock.value] == [1, 10, 10]


def test_a_report_says_versions_and_settings(bare):
    report = bare.bugreport()
    for word in ("bullrush:", "kombu:", "loader", "memory://components"):
        assert word in report
    assert bullrush.bugreport(bare) == report


def test_either_gives_the_first_value_there_is(bare):
    assert bare.either("task_serializer", None, "pickle") == "pickle"
    assert bare.either("task_serializer", None) == "json"


def test_signed_messages_are_refused_by_name(bare):
    with pytest.raises(NotImplementedError, match="accept_content"):
        bare.setup_security()


def test_a_worker_is_started_only_by_its_word(bare):
    with pytest.raises(ValueError, match="must be specified in argv"):
        bare.worker_main(["-c", "1"])


def test_the_command_line_can_be_run_from_code(bare, capsys):
    with pytest.raises(click.UsageError, match="nope"):
        bare.start(["nope"])
    bare.start(["--version"])
    assert "bullrush" in capsys.readouterr().out


def test_a_class_can_be_made_that_knows_the_application(bare):
    class Mixed:
        """Some class."""

    made = bare.subclass_with_self(Mixed, name="Bound")
    assert (made.app, made.__name__, issubclass(made, Mixed)) == (bare, "Bound", True)
    assert bare.Task.app is bare
    assert issubclass(bare.create_task_cls(), bullrush.Task)


def test_the_version_of_the_interface_is_celerys():
    assert bullrush.VERSION >= (5, 0)
    assert bullrush.version_info.major == 5
    assert len(bullrush.uuid()) == 36


def test_fixups_and_a_loader_may_be_given():
    app = Celery(
        "x",
        set_as_current=False,
        loader="tests.shim.test_components:Loader",
        fixups=["tests.shim.test_components:fixup"],
    )
    with app:
        assert type(app.loader) is Loader
        app.autodiscover_tasks(related_name=None)
        app.loader.import_default_modules()
        assert asked == ["fixup"]


asked = []


class Loader(BaseLoader):
    """A loader."""


class Fixup:
    """Knows packages."""

    def autodiscover_tasks(self):
        """Their names."""
        asked.append("fixup")
        return []


def fixup(app):
    """A fixup."""
    return Fixup()


def test_a_step_of_celerys_worker_is_refused_by_name(bare):
    class Own(ConsumerStep):
        """A step."""

    for where in ("worker", "consumer"):
        with pytest.raises(ImproperlyConfigured, match=r"add\(Own\).*worker_ready"):
            bare.steps[where].add(Own)


def test_an_application_knows_the_task_that_runs(app, start):
    @app.task
    def inner():
        return [each.name for each in (app.current_task, app.current_worker_task)]

    @app.task
    def outer():
        return [inner(), inner.apply().get(disable_sync_subtasks=False)]

    assert (app.current_task, app.current_worker_task) == (None, None)
    assert inner.apply().state == "FAILURE"  # no worker has called it
    start()
    assert outer.delay().get(timeout=10) == [[inner.name, outer.name]] * 2
    assert inner.delay().get(timeout=10) == [inner.name, inner.name]


def test_a_signature_can_be_asked_of_the_application(bare):
    found = bare.signature("far.away", args=(1,), kwargs={"y": 2}, countdown=3)
    assert (found.task, found.args, found.kwargs) == ("far.away", (1,), {"y": 2})
    assert (found.app, found.options) == (bare, {"countdown": 3})
    assert bare.signature(dict(found)).app is bare


def test_a_name_without_a_module_is_that_of_the_application(bare):
    assert bare.gen_task_name("work", None) == "bare.work"
    assert Celery(set_as_current=False).gen_task_name("work", None) == "__main__.work"


def test_no_task_is_periodic_by_its_class(bare):
    assert bare.tasks.periodic() == {}
