"""What projects import from Celery's inside gives what Celery gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def printed(prefix: str, file: str) -> list[str]:
    """What the calls in a file beside this one print, one line each."""
    code = f"{prefix}import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).with_name(file))],
        capture_output=True,
        text=True,
        timeout=50,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(("file", "least"), [("small_functions.py", 80), ("insides.py", 15)])
def test_small_things_give_what_those_of_celery_give(file, least):
    real = printed("", file)
    ours = printed("import bullrush; bullrush.install_as_celery(); ", file)
    assert [pair for pair in zip(real, ours, strict=True) if pair[0] != pair[1]] == []
    assert len(real) > least
