"""`celery.utils`: what projects import from there gives what Celery gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CALLS = Path(__file__).with_name("small_functions.py")


def printed(prefix: str) -> list[str]:
    """What the calls print, one line each."""
    code = f"{prefix}import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, str(CALLS)],
        capture_output=True,
        text=True,
        timeout=50,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_small_functions_give_what_those_of_celery_give():
    real = printed("")
    ours = printed("import bullrush; bullrush.install_as_celery(); ")
    assert [pair for pair in zip(real, ours, strict=True) if pair[0] != pair[1]] == []
    assert len(real) > 80
