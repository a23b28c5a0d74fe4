"""A worker in a thread of the test."""

from __future__ import annotations

import sys

import pytest

from bullrush import Celery
from bullrush.contrib.testing.worker import start_worker


@pytest.mark.parametrize("again", [False, True])
def test_reload_imports_modules_and_loads_them_anew_when_asked(
    request, tmp_path, monkeypatch, again
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    request.addfinalizer(lambda: sys.modules.pop("reloaded_tasks"))
    module = tmp_path / "reloaded_tasks.py"
    module.write_text("answer = 41")
    with (
        Celery("reloaded", broker="memory://reloaded", set_as_current=False) as app,
        start_worker(app, perform_ping_check=False) as worker,
    ):
        worker.reload(["reloaded_tasks"])
        assert sys.modules["reloaded_tasks"].answer == 41
        module.write_text("answer = 6 * 7")
        worker.reload(["reloaded_tasks"], reload=again)
        assert sys.modules["reloaded_tasks"].answer == (42 if again else 41)
