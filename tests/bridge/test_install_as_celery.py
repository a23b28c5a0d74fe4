"""``import celery`` gives this library."""

from __future__ import annotations

import pytest

ALIAS = "import bullrush; bullrush.install_as_celery(); "


def test_every_module_is_the_very_same_object(run_python):
    printed = run_python(
        ALIAS + "import sys, importlib, celery\n"
        "names = ['app', 'app.base', 'app.task', 'exceptions', 'result', 'states', 'worker']\n"
        "for name in names:\n"
        "    theirs = importlib.import_module('celery.' + name)\n"
        "    ours = importlib.import_module('bullrush.' + name)\n"
        "    assert theirs is ours is sys.modules['celery.' + name], name\n"
        "    assert ours.__spec__.name == ours.__name__ == 'bullrush.' + name, ours.__spec__\n"
        "print(celery is bullrush, len(names))"
    )
    assert printed.split() == ["True", "7"]


def test_a_class_has_one_identity_under_both_names(run_python):
    printed = run_python(
        ALIAS + "from celery.exceptions import Retry; import bullrush.exceptions\n"
        "from celery import Celery\n"
        "print(Retry is bullrush.exceptions.Retry, Celery is bullrush.Celery)"
    )
    assert printed.split() == ["True", "True"]


def test_names_given_as_text_are_found(run_python):
    printed = run_python(
        ALIAS + "from kombu.utils.imports import symbol_by_name\n"
        "from unittest import mock\n"
        "print(symbol_by_name('celery.app.task:Task') is bullrush.Task)\n"
        "with mock.patch('celery.app.task.Task.delay') as fake:\n"
        "    print(bullrush.Task.delay is fake)"
    )
    assert printed.split() == ["True", "True"]


def test_celery_reports_a_version_of_the_fifth_series(run_python):
    printed = run_python(
        ALIAS + "import celery; print(celery.VERSION >= (5, 3), celery.VERSION[0])"
    )
    assert printed.split() == ["True", "5"]
    assert run_python(ALIAS + "print(bullrush.__version__)").startswith("5.")
    assert not run_python("import bullrush; print(bullrush.__version__)").startswith("5.")


@pytest.mark.parametrize("module", ["celery.decorators", "celery.task", "celery.core"])
def test_a_module_that_celery_has_not_is_not_found_by_its_name(run_python, module):
    printed = run_python(
        ALIAS + f"\ntry:\n    import {module}\nexcept ModuleNotFoundError as error:\n"
        "    print(error.name, error)"
    )
    assert printed.startswith(f"{module} No module named '{module}'")


def test_what_is_not_here_of_celerys_inside_says_what_to_use(run_python):
    printed = run_python(
        ALIAS + "\ntry:\n    from celery.concurrency import asynpool\n"
        "except ModuleNotFoundError as error:\n    print(error)"
    )
    assert "has no such module: worker_pool, or -P, chooses among prefork" in printed


@pytest.mark.parametrize(
    "name",
    [
        *("states.SUCCESS", "signals.task_prerun", "app.task.Task", "utils.text.abbr"),
        *("app.amqp.AMQP", "result.AsyncResult", "schedules.crontab", "beat.Scheduler"),
        *("utils.log", "platforms.EX_OK"),
    ],
)
def test_modules_are_there_as_attributes_of_celery(run_python, name):
    assert run_python(ALIAS + f"import celery; print(celery.{name})")


def test_what_the_package_has_not_is_an_attribute_error(run_python):
    printed = run_python(
        ALIAS + "import celery\n"
        "print(hasattr(celery, 'nothing'), hasattr(celery.utils, 'nothing'), "
        "hasattr(celery.app, 'nothing'))"
    )
    assert printed.split() == ["False"] * 3


def test_it_can_be_asked_for_twice(run_python):
    printed = run_python(
        ALIAS + "bullrush.install_as_celery(); import celery, sys\n"
        "from bullrush.bridge import is_installed\n"
        "print(is_installed(), sum(type(each).__name__ == '_Alias' for each in sys.meta_path))"
    )
    assert printed.split() == ["True", "1"]


def test_a_celery_that_is_already_imported_is_refused(run_python, tmp_path):
    (tmp_path / "celery.py").write_text("VERSION = (5, 0, 0)")
    printed = run_python(
        "import celery, bullrush\n"
        "try:\n    bullrush.install_as_celery()\nexcept RuntimeError as error:\n    print(error)",
        PYTHONPATH=str(tmp_path),
    )
    assert "before the first import of celery" in printed
    assert str(tmp_path) in printed


def test_the_real_celery_is_what_it_was_without_the_alias(run_python, tmp_path):
    (tmp_path / "celery.py").write_text("VERSION = (5, 0, 0)")
    printed = run_python(
        "import celery, bullrush; print(celery is bullrush)", PYTHONPATH=str(tmp_path)
    )
    assert printed.split() == ["False"]


HIDE = (
    "import importlib.machinery as m; real = m.PathFinder.find_spec\n"
    "m.PathFinder.find_spec = lambda name, *a: None if name == 'billiard' else real(name, *a)\n"
)


@pytest.mark.parametrize("before", ["", HIDE], ids=["installed", "not installed"])
def test_exceptions_of_billiard_are_those_that_workers_raise(run_python, before):
    printed = run_python(
        ALIAS + before + "import billiard.exceptions\n"
        "from billiard.exceptions import SoftTimeLimitExceeded, TimeoutError, WorkerLostError\n"
        "import celery.exceptions as ours, multiprocessing\n"
        "print(SoftTimeLimitExceeded is ours.SoftTimeLimitExceeded)\n"
        "print(WorkerLostError is ours.WorkerLostError)\n"
        "print(billiard.exceptions.TimeoutError is multiprocessing.TimeoutError)"
    )
    assert printed.split() == ["True"] * 3
