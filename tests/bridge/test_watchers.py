"""Libraries that watch Celery's tasks see those of this library alike."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ALIAS = "import bullrush; bullrush.install_as_celery(); "


def told(app: str, prefix: str, url: str) -> list[str]:
    """What the watcher gets of the application, a line for each event or span."""
    code = f"{prefix}import runpy, sys; del sys.argv[0]; runpy.run_path(sys.argv[0])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).with_name(app)), url],
        capture_output=True,
        text=True,
        timeout=50,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.splitlines())


@pytest.mark.timeout(110)
def test_sentry_gets_errors_and_traces_as_from_celery(redis_url):
    ours = told("sentry_app.py", ALIAS, redis_url)
    assert ours == told("sentry_app.py", "", redis_url)
    assert ['"same trace": true' in line for line in ours] == [True] * 4


@pytest.mark.timeout(110)
def test_opentelemetry_gets_spans_as_from_celery(redis_url):
    ours = told("traced_app.py", ALIAS, redis_url)
    assert ours == told("traced_app.py", "", redis_url)
    assert len(ours) == 4
