"""``app.events``: what sends events, hears them, and knows what they told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..events.dispatcher import EventDispatcher
from .importing import imported

if TYPE_CHECKING:
    from .base import Celery


class Events:
    """Classes that belong to this application.

    Attributes:
        Dispatcher: `bullrush.events.EventDispatcher`.
        Receiver: `bullrush.events.EventReceiver`.
        State: `bullrush.events.state.State`.
    """

    receiver_cls = "bullrush.events.receiver:EventReceiver"
    dispatcher_cls = "bullrush.events.dispatcher:EventDispatcher"
    state_cls = "bullrush.events.state:State"

    def __init__(self, app: Celery | None = None) -> None:
        self.app = app
        self._sender: tuple[Any, EventDispatcher] | None = None

    @cached_property
    def Receiver(self) -> Any:
        """Hears events."""
        return self._of_app(self.receiver_cls)

    @cached_property
    def Dispatcher(self) -> Any:
        """Sends events."""
        return self._of_app(self.dispatcher_cls)

    @cached_property
    def State(self) -> Any:
        """Knows what the events told."""
        return imported(self.state_cls)

    def _of_app(self, path: str) -> Any:
        found = imported(path)
        return type(found.__name__, (found,), {"app": self.app, "__module__": found.__module__})

    def sender(self) -> EventDispatcher:
        """What tells of calls in this process, made anew when the settings change."""
        assert self.app is not None
        key = (os.getpid(), self.app.conf._version)
        if self._sender is None or self._sender[0] != key:
            self._sender = (key, self.Dispatcher())
        return self._sender[1]

    @contextmanager
    def default_dispatcher(
        self,
        hostname: str | None = None,
        enabled: bool = True,
        buffer_while_offline: bool = False,
    ) -> Iterator[EventDispatcher]:
        """A dispatcher on the application's own connections."""
        yield self.Dispatcher(
            hostname=hostname, enabled=enabled, buffer_while_offline=buffer_while_offline
        )
