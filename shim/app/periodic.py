"""The part of `Celery` that is about tasks by the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .importing import imported

if TYPE_CHECKING:
    from .settings import Settings


class Periodic:
    """The part of `Celery` that is about tasks by the clock."""

    conf: Settings
    #: Entries that came before the settings were read.
    _early_entries: dict[str, Any]

    def add_periodic_task(
        self,
        schedule: Any,
        sig: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | Sequence[Any] = (),
        name: str | None = None,
        **opts: Any,
    ) -> str:
        """Add an entry to the setting ``beat_schedule``; may be called before there are settings.

        Args:
            schedule: s, a timedelta or a schedule.
            sig: a signature, or a task.
            args: put before those of the signature; left out of one that is immutable.
            kwargs: put beside those of the signature.
            name: of the entry; by default what is called, as text.
            **opts: of `apply_async`.

        Returns:
            The name of the entry.
        """
        given = dict(kwargs)
        call = sig.clone(args, given) if hasattr(sig, "clone") else sig.s(*args, **given)
        key = name or repr(call)
        entry = {
            "schedule": schedule,
            "task": call.task,
            "args": call.args,
            "kwargs": call.kwargs,
            "options": {**call.options, **opts},
        }
        if self.conf._ready:
            self._add_entries({key: entry})
        else:
            self._early_entries[key] = entry
        return key

    @property
    def Beat(self) -> Any:
        """Makes the beat of this application; arguments as `bullrush.apps.beat.Beat`."""
        return partial(imported("bullrush.apps.beat:Beat"), app=self)

    def _add_early_entries(self) -> None:
        entries, self._early_entries = self._early_entries, {}
        if entries:
            self._add_entries(entries)

    def _add_entries(self, entries: Mapping[str, Any]) -> None:
        self.conf.beat_schedule = {**(self.conf.beat_schedule or {}), **entries}
