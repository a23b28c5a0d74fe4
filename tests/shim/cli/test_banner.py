"""What a worker writes first."""

from __future__ import annotations

from tests.shim.cli.conftest import until


def test_the_tasks_of_the_project_are_listed_and_the_builtin_ones_only_for_debugging(commands):
    usual = until(commands.start("worker", "-P", "solo"), "  . who")
    assert "celery." not in usual
    everything = until(commands.start("worker", "-P", "solo", "-l", "DEBUG"), "  . who")
    assert "  . celery.chord\n" in everything
