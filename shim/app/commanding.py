"""How an application speaks to its workers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from .control import Control
from .events import Events
from .importing import imported
from .revoking import AppRevocations

if TYPE_CHECKING:
    from .base import Celery


class Commanding:
    """The part of `Celery` that has to do with remote control and events.

    Attributes:
        control_cls: the class of `control`, or its dotted path.
        events_cls: the class of `events`, or its dotted path.
    """

    control_cls: Any = Control
    events_cls: Any = Events

    @cached_property
    def control(self) -> Control:
        """Commands for workers."""
        made = imported(self.control_cls) if isinstance(self.control_cls, str) else self.control_cls
        control: Control = made(app=self)
        return control

    @cached_property
    def events(self) -> Events:
        """What workers tell of their tasks."""
        made = imported(self.events_cls) if isinstance(self.events_cls, str) else self.events_cls
        events: Events = made(cast("Celery", self))
        return events

    @cached_property
    def revocations(self) -> AppRevocations:
        """What was revoked."""
        return AppRevocations(cast("Celery", self))
