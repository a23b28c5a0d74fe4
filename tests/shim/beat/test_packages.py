"""Schedulers that others have published, under the name of Celery."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

START = """
    import os, threading
    import bullrush
    bullrush.install_as_celery()
    from celery import Celery
    from celery.beat import Service
    from tests.support.waiting import wait_until

    def beat_until_sent(app, scheduler):
        service = Service(app, scheduler_cls=scheduler, max_interval=1)
        thread = threading.Thread(target=service.start)
        thread.start()
        wait_until(lambda: app.queue(os.environ["QUEUE"]).get_waiting_count(), timeout=30)
        service.stop(wait=True)
        thread.join()
        return service

    app = Celery("proj", broker=os.environ["BROKER"], task_default_queue=os.environ["QUEUE"])
"""
REDBEAT = """
    app.conf.redbeat_redis_url = os.environ["BROKER"]
    app.conf.redbeat_key_prefix = os.environ["QUEUE"]
    app.conf.beat_schedule = {"often": {"task": "tick", "schedule": 0.5, "args": (1,)}}
    service = beat_until_sent(app, "redbeat.RedBeatScheduler")
    print(app.queue(os.environ["QUEUE"]).get_waiting()[0].data["args"])
"""
DATABASE = """
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.configure(
        SECRET_KEY="x",
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.contenttypes", "django_celery_beat"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "beat.sqlite3"}},
    )
    django.setup()
    call_command("migrate", verbosity=0)
    from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

    every = IntervalSchedule.objects.create(every=1, period="seconds")
    PeriodicTask.objects.create(name="often", task="tick", interval=every, args="[1]")
    hourly = CrontabSchedule.objects.create(minute="0", timezone="Europe/Berlin")
    PeriodicTask.objects.create(name="hourly", task="tick", crontab=hourly, args="[2]")
    app.conf.beat_scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
    service = beat_until_sent(app, None)
    assert PeriodicTask.objects.get(name="often").total_run_count >= 1
    assert {"often", "hourly"} <= set(service.scheduler.schedule)
    print(app.queue(os.environ["QUEUE"]).get_waiting()[0].data["args"])
"""


@pytest.mark.parametrize("code", [REDBEAT, DATABASE], ids=["redbeat", "django-celery-beat"])
def test_a_published_scheduler_runs_as_it_is(code, tmp_path, redis_url, queue_name):
    root = str(Path(__file__).resolve().parents[3])
    environment = {**os.environ, "BROKER": redis_url, "QUEUE": queue_name, "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(START) + textwrap.dedent(code)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=55,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[1]\n"
