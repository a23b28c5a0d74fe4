"""When tasks are made and settings are read."""

from __future__ import annotations

import gc
import threading
import warnings

import pytest

from bullrush import Celery, Task, _state, current_app, shared_task
from bullrush.exceptions import DuplicateTaskNameWarning, ImproperlyConfigured


@pytest.fixture
def bare():
    """An application that connects to nothing."""
    with Celery("bare", set_as_current=False) as app:
        yield app


def test_a_decorated_task_is_made_when_it_is_first_used(bare):
    @bare.task
    def add(x, y):
        return x + y

    assert not bare.finalized
    assert add.name.endswith("test_lazy.add")
    assert isinstance(add, Task)
    assert add(1, 2) == 3


def test_without_autofinalize_a_task_cannot_be_used_too_early():
    with Celery("strict", autofinalize=False, set_as_current=False) as app:

        @app.task
        def one():
            return 1

        for early in (lambda: one.name, lambda: app.tasks):
            with pytest.raises(RuntimeError, match="app not finalized"):
                early()
        app.finalize()
        assert one() == 1


def test_the_hooks_of_an_application_are_called_in_order(bare):
    order = []
    bare.on_configure.connect(lambda sender, **_: order.append("configure"), weak=False)
    bare.on_after_configure.connect(
        lambda sender, source, **_: order.append(source.task_default_queue), weak=False
    )
    bare.on_after_finalize.connect(
        lambda sender, **_: order.append(sender.tasks is sender._tasks), weak=False
    )
    bare.config_from_object({"task_default_queue": "mine"})
    assert order == []
    assert bare.conf.task_default_queue == "mine"
    assert order == ["configure", "mine"]
    assert bare.tasks is not None
    assert order == ["configure", "mine", True]


def test_the_first_of_two_tasks_of_one_name_stays_with_a_warning(bare):
    @bare.task(name="same")
    def first():
        return 1

    @bare.task(name="same")
    def second():
        return 2

    with pytest.warns(DuplicateTaskNameWarning, match="'same' is already registered"):
        assert bare.tasks["same"]() == 1
    assert second() == 1


def test_a_registered_class_replaces_the_task_of_its_name_with_a_warning(bare):
    @bare.task(name="same")
    def first():
        return 1

    class Other(Task):
        name = "same"

        def run(self):
            return 3

    with pytest.warns(DuplicateTaskNameWarning, match="replaced"):
        task = bare.register_task(Other)
    assert (bare.tasks["same"], task()) == (task, 3)


def test_the_same_function_decorated_again_is_no_second_task(bare):
    def one():
        return 1

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            assert bare.task(one).name == "tests.shim.test_lazy.one"


def test_a_task_of_one_application_is_in_every_other(bare):
    @bare.task
    def everywhere():
        return 1

    @bare.task(shared=False)
    def here():
        return 1

    with Celery("other", set_as_current=False) as other:
        assert everywhere.name in other.tasks
        assert here.name not in other.tasks
        assert other.tasks[everywhere.name].app is other
        assert everywhere.app is bare


def test_a_shared_task_reaches_applications_that_are_finalized(bare):
    bare.finalize()

    @shared_task
    def late():
        return 1

    assert late.name in bare.tasks


def test_each_thread_has_its_current_application_and_falls_back_on_the_default(bare):
    before = current_app._get_current_object()
    bare.set_default()
    found = []
    thread = threading.Thread(target=lambda: found.append(current_app._get_current_object()))
    thread.start()
    thread.join()
    assert found == [bare]
    before.set_default()


def test_an_application_nobody_holds_is_forgotten():
    def make():
        app = Celery("gone", set_as_current=False)

        @app.task(name="of-a-gone-application")
        def task():
            return 1

    make()
    gc.collect()
    with Celery("after", set_as_current=False) as app:
        assert "of-a-gone-application" not in app.tasks


def test_components_that_cannot_be_replaced_are_refused():
    with pytest.raises(ImproperlyConfigured, match="amqp="):
        Celery("x", amqp="proj:AMQP", set_as_current=False)


def test_the_default_application_is_configured_by_the_environment(tmp_path, monkeypatch):
    (tmp_path / "own_celeryconfig.py").write_text("task_default_queue = 'from-a-module'")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("CELERY_CONFIG_MODULE", "own_celeryconfig")
    for name in ("_default", "_latest"):
        monkeypatch.setattr(_state, name, None)
    monkeypatch.setattr(_state._thread, "app", None, raising=False)
    assert current_app.conf.task_default_queue == "from-a-module"
    assert current_app.main == "default"
    current_app.close()
