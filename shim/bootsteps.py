"""Celery's steps of a worker: the names are here so that modules which define some can be imported;
adding one is refused.
"""

from __future__ import annotations

from typing import Any, NoReturn

from .exceptions import ImproperlyConfigured


class Step:
    """A part of Celery's worker."""

    name: str | None = None
    label: str | None = None
    conditional = False
    requires: Any = ()
    enabled = True

    def __init__(self, parent: Any = None, **options: Any) -> None:
        pass


class StartStopStep(Step):
    """A part that is started and stopped."""


class ConsumerStep(StartStopStep):
    """A part that consumes messages of its own."""


class Steps:
    """``app.steps["worker"]`` and ``app.steps["consumer"]``.

    Args:
        where: which of them.
    """

    def __init__(self, where: str) -> None:
        self.where = where

    def add(self, step: Any) -> NoReturn:
        """Not here.

        Raises:
            ImproperlyConfigured: always; says what to use instead.
        """
        name = getattr(step, "__name__", step)
        raise ImproperlyConfigured(
            f"app.steps[{self.where!r}].add({name}): workers here have no such steps; connect to "
            "the signals worker_init, worker_ready, worker_shutting_down and worker_shutdown, and "
            "give messages of your own a task"
        )

    update = add
