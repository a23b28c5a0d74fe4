"""``bullrush mark-deploy``."""

from __future__ import annotations

import uuid

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
