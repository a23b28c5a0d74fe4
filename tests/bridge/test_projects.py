"""Projects written for Celery, unchanged."""

from __future__ import annotations

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


def test_a_suite_written_with_celerys_fixtures_passes_unchanged(project):
    tested = project("tested", "things")
    printed = tested.use("run_suite.py")
    assert printed[-1].startswith("5 passed"), printed
