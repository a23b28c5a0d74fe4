"""``flask bullrush``: the commands of bullrush for the application that flask finds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from bullrush.core import Queue, QueueEvents

FACTORY = textwrap.dedent(
    """
    from flask import Flask, current_app, g
    from bullrush import shared_task
    from bullrush.flask_ext import Bullrush

    @shared_task(name="greet")
    def greet(name):
        g.used = getattr(g, "used", 0) + 1
        return [current_app.config["GREETING"], name, g.used]

    @shared_task(name="greet-later")
    async def greet_later(name):
        g.used = getattr(g, "used", 0) + 1
        return [current_app.config["GREETING"], name, g.used]

    bullrush = Bullrush()

    def create_app():
        app = Flask(__name__)
        app.config["GREETING"] = "hello"
        app.config.from_prefixed_env()
        bullrush.init_app(app)
        return app
    """
)


@pytest.fixture
def project(tmp_path, redis_url, queue_name):
    """A folder with an application, and how to run ``flask`` in it."""
    (tmp_path / "shop.py").write_text(FACTORY)
    environment = {
        **os.environ,
        "FLASK_BULLRUSH_REDIS_URL": redis_url,
        "FLASK_BULLRUSH_PREFIX": queue_name,
        "FLASK_CELERY__task_default_queue": "greetings",
    }

    def start(*words, **more):
        return subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "shop:create_app()", "bullrush", *words],
            cwd=tmp_path,
            env={**environment, **more},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


@pytest.mark.row(4, 9)
@pytest.mark.timeout(120)
@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_of_flask_runs_tasks_in_a_context_of_their_own(
    project, redis_url, queue_name, pool
):
    with Queue("greetings", url=redis_url, prefix=queue_name) as queue:
        jobs = [
            queue.add(name, {"args": ["ann"], "kwargs": {}})
            for name in ("greet", "greet", "greet-later", "greet-later")
        ]
        worker = project("worker", "-P", pool, "-c", "1")
        try:
            with QueueEvents("greetings", driver=queue.driver, prefix=queue_name) as events:
                for job in jobs:
                    assert events.wait_until_finished(job.id, 60) == ["hello", "ann", 1]
            worker.send_signal(signal.SIGTERM)
            _, errors = worker.communicate(timeout=30)
            assert worker.returncode == 0, errors
        finally:
            worker.kill()


def test_a_beat_of_flask_writes_the_schedule_of_the_application(project):
    beat = project("beat", "--once")
    _, errors = beat.communicate(timeout=60)
    assert beat.returncode == 0, errors


@pytest.mark.row(93)
def test_without_redis_a_command_ends_with_one_line_that_names_no_secret(project, refusing_url):
    asked = project("purge", "-f", FLASK_BULLRUSH_REDIS_URL=refusing_url)
    _, errors = asked.communicate(timeout=60)
    assert asked.returncode == 1
    assert "did not answer" in errors
    assert "Traceback" not in errors
    assert "hush" not in errors


def test_help_names_the_commands_of_bullrush(project):
    shown, _ = project("--help").communicate(timeout=60)
    assert {"worker", "beat", "status"} <= set(shown.split())


def test_failed_jobs_are_listed_by_flask(project, redis_url, queue_name):
    with Queue("greetings", url=redis_url, prefix=queue_name) as queue:
        job = queue.add("greet", {})
        queue.fail_waiting(job.id, "nobody is there")
        shown = project("dlq", "ls", "-Q", "greetings")
        output, errors = shown.communicate(timeout=60)
    assert shown.returncode == 0, errors
    assert job.id in output
    assert "nobody is there" in output


def test_flask_says_what_is_wrong_and_how_the_queues_are(project, redis_url, queue_name):
    with Queue("greetings", url=redis_url, prefix=queue_name) as queue:
        queue.add("greet", {})
        found, _ = project("doctor", "--json").communicate(timeout=60)
        assert {"findings"} <= json.loads(found).keys()
        output, _ = project("status", "--json").communicate(timeout=60)
        assert json.loads(output)["queues"]["greetings"]["counts"]["waiting"] == 1
