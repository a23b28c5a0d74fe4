"""``bullrush mark-deploy``."""

from __future__ import annotations

import uuid

import pytest
from click.testing import CliRunner

from bullrush import Celery
from bullrush.cli.main import cli
from bullrush.core.deploys import list_deploys


def test_a_deploy_is_marked(redis_url):
    prefix = f"test-{uuid.uuid4().hex[:12]}"
    with Celery("d", broker=redis_url, bullrush_prefix=prefix, set_as_current=False) as app:
        run = CliRunner().invoke
        assert run(cli, ["mark-deploy", "v7"], obj=app).output == "marked: v7\n"
        assert run(cli, ["mark-deploy"], obj=app).exit_code == 0
        refused = run(cli, ["mark-deploy", "two\nlines"], obj=app)
        assert refused.exit_code != 0
        assert [each.text for each in list_deploys(app.driver, prefix)] == ["deploy", "v7"]


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("2026-03-01T12:00:00Z", 1_772_366_400_000),
        ("2026-03-01T12:00:00.250+02:00", 1_772_359_200_250),
        ("2026-03-01 12:00", 1_772_366_400_000),
    ],
)
def test_a_deploy_of_the_past_is_marked_when_it_was(redis_url, said, at):
    prefix = f"test-{uuid.uuid4().hex[:12]}"
    with Celery("d", broker=redis_url, bullrush_prefix=prefix, set_as_current=False) as app:
        run = CliRunner().invoke
        assert run(cli, ["mark-deploy", "v7"], obj=app).exit_code == 0
        assert run(cli, ["mark-deploy", "v6", "--at", said], obj=app).output == "marked: v6\n"
        newest, oldest = list_deploys(app.driver, prefix)
        assert (newest.text, oldest.text, oldest.at) == ("v7", "v6", at)


@pytest.mark.parametrize("said", ["2999-01-01", "yesterday", "1960-01-01"])
def test_a_moment_that_cannot_be_marked_is_refused(redis_url, said):
    prefix = f"test-{uuid.uuid4().hex[:12]}"
    with Celery("d", broker=redis_url, bullrush_prefix=prefix, set_as_current=False) as app:
        refused = CliRunner().invoke(cli, ["mark-deploy", "v7", "--at", said], obj=app)
        assert refused.exit_code != 0
        assert list_deploys(app.driver, prefix) == []
