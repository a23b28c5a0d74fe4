"""The class of tasks in a Django project."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction

from ...app.task import Task


class DjangoTask(Task):
    """A task that may be sent when the transaction of the request is committed; the base of tasks
    while ``DJANGO_SETTINGS_MODULE`` is set, unless the application has a class of its own.
    """

    abstract = True

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:
        """As `delay`, when the transaction is committed, or at once without one. Of a transaction
        that is rolled back nothing is sent.
        """
        transaction.on_commit(partial(self.delay, *args, **kwargs))

    def apply_async_on_commit(self, *args: Any, **kwargs: Any) -> None:
        """As `apply_async`, when the transaction is committed, or at once without one."""
        transaction.on_commit(partial(self.apply_async, *args, **kwargs))
