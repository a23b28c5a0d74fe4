"""What projects import from Celery's inside gives what Celery gives."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def printed(run_python):
    """Gives what the calls in a file beside this one print, one line each."""

    def printed(prefix, file):
        code = f"{prefix}import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
        path = str(Path(__file__).with_name(file))
        return run_python(code, path, PYTHONHASHSEED="0").splitlines()

    return printed


@pytest.mark.parametrize(("file", "least"), [("small_functions.py", 80), ("insides.py", 15)])
def test_small_things_give_what_those_of_celery_give(printed, file, least):
    real = printed("", file)
    ours = printed("import bullrush; bullrush.install_as_celery(); ", file)
    assert [pair for pair in zip(real, ours, strict=True) if pair[0] != pair[1]] == []
    assert len(real) > least
