"""A small Django project: its settings, its transactions, its connections, a worker and a beat."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bullrush import Celery
from bullrush.fixups.django import FixupWarning
from tests.support.waiting import wait_until

SHOP = Path(__file__).resolve().parents[1] / "support" / "django_shop"


@pytest.fixture
def database(tmp_path):
    return tmp_path / "shop.db"


@pytest.fixture
def environment(redis_url, queue_name, database):
    return {
        **os.environ,
        "SHOP_DATABASE": str(database),
        "SHOP_BROKER": redis_url,
        "SHOP_QUEUE": queue_name,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(SHOP),
    }


@pytest.fixture
def run(environment):
    """Runs code in the project's folder, and gives what it prints."""

    def run(code, **more):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            cwd=SHOP,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


def orders(database):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("select id, shipped, counted > 0 from orders_order").fetchall()


@contextmanager
def running(environment, *words):
    command = [sys.executable, "-m", "bullrush", "-A", "shop", *words]
    with subprocess.Popen(command, cwd=SHOP, env=environment) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_orders_are_shipped_after_their_commit_and_counted_by_the_clock(
    environment, run, database, pool
):
    placed = run((SHOP / "place.py").read_text())
    assert placed == ["None"]
    with running(environment, "worker", "-B", "-P", pool, "-c", "1"):
        assert wait_until(lambda: orders(database) == [(1, 1, 1)], timeout=40)


def test_a_beat_of_its_own_reads_djangos_settings(environment, run, queue_name):
    found = run(
        """
        from click.testing import CliRunner
        from bullrush.cli.main import cli
        result = CliRunner().invoke(cli, ["-A", "shop", "beat", "--once"])
        assert result.exit_code == 0, result.output
        from shop import celery_app as app
        print(*[each.name for each in app.queue(app.conf.task_default_queue).get_job_schedulers()])
        print(app.conf.timezone, app.Task.__mro__[1].__name__)
        """
    )
    assert found == ["orders.tasks.count", "Asia/Kathmandu", "DjangoTask"]


def test_tasks_of_installed_applications_are_found(run):
    found = run(
        """
        from shop import celery_app as app
        app.loader.import_default_modules()
        print(*[name for name in sorted(app.tasks) if name.startswith("orders")])
        """
    )
    assert found == ["orders.tasks.count", "orders.tasks.look", "orders.tasks.ship"]


@pytest.mark.parametrize(
    ("pool", "reuse", "open_before"),
    [("threads", "", "0 0 0 0"), ("threads", "2", "0 1 0 1"), ("prefork", "", "0 0 0 0")],
)
def test_connections_are_closed_around_tasks(run, reuse, open_before, pool):
    found = run(
        f"""
        from shop import celery_app as app
        from bullrush.worker import make_worker
        from bullrush import signals
        app.loader.init_worker()
        from orders.tasks import look
        worker = make_worker(app, concurrency=1, pool={pool!r}, source="shop:celery_app")
        signals.worker_init.send(sender=worker)
        worker.start()
        for _ in range(4):
            print(int(look.delay().get(timeout=20)))
        worker.stop()
        """,
        SHOP_REUSE=reuse,
    )
    assert found == open_before.split()


def test_rows_of_django_celery_results_are_written(run):
    found = run(
        """
        from django.core.management import call_command
        from shop import celery_app as app
        from bullrush import signals
        from bullrush.worker import make_worker
        app.loader.init_worker()
        call_command("migrate", verbosity=0, run_syncdb=True)
        from orders.tasks import look, ship
        worker = make_worker(app, concurrency=1, pool="threads")
        signals.worker_init.send(sender=worker)
        worker.start()
        results = [look.delay(), ship.delay(7), look.apply_async(ignore_result=True)]
        results.append(look.apply_async(expires=-1))
        results[0].get(timeout=20)
        for each in results[1], results[3]:
            each.get(timeout=20, propagate=False)
        worker.stop()
        from django_celery_results.models import TaskResult
        for id in (each.id for each in results):
            row = TaskResult.objects.filter(task_id=id).first()
            print(row and f"{row.status},{row.result},{row.task_name}".replace(" ", ""))
        """,
        SHOP_BACKEND="django-db",
    )
    assert found[0] == "SUCCESS,false,orders.tasks.look"
    assert found[1].startswith('FAILURE,{"exc_type":"Order.DoesNotExist"')
    assert found[2] == "None"
    assert found[3].startswith('REVOKED,{"exc_type":"TaskRevokedError"')


def test_a_worker_checks_the_project_first(run):
    code = """
        from shop import celery_app as app
        from django.core import checks
        from bullrush import signals

        @checks.register()
        def bad(app_configs, **_):
            return [checks.Error("no shop")]

        seen = signals.worker_init.send(sender=None)
        print(type(seen[0][1]).__name__)
        """
    assert run(code) == ["SystemCheckError"]
    assert run(code, CELERY_SKIP_CHECKS="1") == ["NoneType"]


def test_an_application_with_its_own_class_of_tasks_keeps_it(run):
    found = run(
        """
        import shop
        from bullrush import Celery, Task
        class Own(Task):
            pass
        print(Celery("other", task_cls=Own).Task.__mro__[1].__name__)
        """
    )
    assert found == ["Own"]


def test_without_djangos_settings_there_is_nothing_of_django():
    with Celery("plain", broker="memory://plain", set_as_current=False) as app:
        assert not hasattr(app.Task, "delay_on_commit")


def test_settings_without_django_are_told(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "nowhere.settings")
    monkeypatch.setattr("bullrush.fixups.django.find_spec", lambda name: None)
    with pytest.warns(FixupWarning, match="pip install django"):
        Celery("bare", broker="memory://bare", set_as_current=False).close()
