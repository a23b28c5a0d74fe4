"""Projects written for Celery, unchanged."""

from __future__ import annotations

from contextlib import ExitStack

import pytest


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_the_tutorial_project_runs_unchanged(project, tmp_path, pool):
    tutorial = project("tutorial", "proj")
    with tutorial.worker("--pool", pool, "--concurrency", "2", log=tmp_path / "worker.log"):
        printed = tutorial.use()
    assert printed == [
        "add 8",
        "options 4",
        "fail no good FAILURE True",
        "flaky 2",
        "slow proj.tasks.slow was too slow",
        "count 1",
        "partial 10",
        "chain 64",
        "group [0, 2, 4, 6]",
        "chord 12",
        "upgraded 6",
        "chunks [[0, 2], [4, 6]]",
        "nested 10",
        "by id FAILURE",
        "by name 3",
    ]


def test_a_flask_factory_runs_unchanged(project, tmp_path):
    flask_project = project("flask_factory", "make_celery")
    with flask_project.worker("--pool", "threads", log=tmp_path / "worker.log"):
        printed = flask_project.use()
    assert printed == [
        "add {'ready': True, 'successful': True, 'value': 5}",
        "greet {'ready': True, 'successful': True, 'value': 'hello world'}",
        "process {'ready': True, 'successful': True, "
        "'value': {'current': 2, 'retries': 0, 'total': 2}}",
        "ignored None",
    ]


@pytest.mark.parametrize("embedded", [False, True], ids=["beat", "worker -B"])
def test_a_django_project_with_beat_runs_unchanged(project, tmp_path, embedded):
    news = project("django_beat", "newsroom")
    news.environment["PROJECT_DATABASE"] = str(tmp_path / "news.db")
    news.manage("migrate", "--run-syncdb", "--verbosity", "0")
    log, schedule = tmp_path / "worker.log", str(tmp_path / "schedule")
    beat = ("--beat", "--schedule", schedule) if embedded else ()
    with ExitStack() as stack:
        stack.enter_context(news.worker("--pool", "prefork", "-c", "2", *beat, log=log))
        if not embedded:
            words = ("beat", "--schedule", schedule)
            stack.enter_context(news.running(*words, log=tmp_path / "beat.log"))
        printed = news.use()
    # What the project prints on Celery itself.
    assert printed == [
        "app newsroom newsroom Europe/Paris",
        "tasks articles.tasks.count articles.tasks.publish_due articles.tasks.refuse "
        "articles.tasks.total articles.tasks.total_of_one articles.tasks.words_of "
        "newsroom.celery.debug_task",
        "schedule count-articles every night publish what is due",
        "on commit None",
        "words 3 3",
        "rolled back 2",
        "published one two three",
        "counted by beat",
        "chord 6",
        "chain 5",
        "failed article 7 is not printable FAILURE articles.tasks.refuse",
        "noted articles.tasks.refuse failed: ValueError('article 7 is not printable')",
        "retried DoesNotExist FAILURE",
    ]


def test_a_suite_written_with_celerys_fixtures_passes_unchanged(project):
    tested = project("tested", "things")
    printed = tested.use("run_suite.py")
    assert printed[-1].startswith("5 passed"), printed
