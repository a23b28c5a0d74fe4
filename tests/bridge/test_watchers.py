"""Libraries that watch Celery's tasks see those of this library alike."""

from __future__ import annotations

from pathlib import Path

import pytest

ALIAS = "import bullrush; bullrush.install_as_celery(); "


@pytest.fixture
def told(run_python, redis_url):
    """Gives what the watcher gets of an application, a line for each event or span."""

    def told(app, prefix):
        code = f"{prefix}import runpy, sys; del sys.argv[0]; runpy.run_path(sys.argv[0])"
        path = str(Path(__file__).with_name(app))
        return sorted(run_python(code, path, redis_url, PYTHONWARNINGS="ignore").splitlines())

    return told


@pytest.mark.timeout(110)
def test_sentry_gets_errors_and_traces_as_from_celery(told):
    ours = told("sentry_app.py", ALIAS)
    assert ours == told("sentry_app.py", "")
    assert ['"same trace": true' in line for line in ours] == [True] * 4


@pytest.mark.timeout(110)
def test_opentelemetry_gets_spans_as_from_celery(told):
    ours = told("traced_app.py", ALIAS)
    assert ours == told("traced_app.py", "")
    assert len(ours) == 4
