"""Sending events: ``celery.events.dispatcher``."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from bullrush.core.calls import Call
from bullrush.core.errors import ConnectionFailed
from bullrush.core.fleet import Fleet
from bullrush.core.private_keys import FleetKeys

from .._state import find_current
from ..utils.nodenames import anon_nodename
from ..utils.time import utcoffset
from .event import Event, group_from

if TYPE_CHECKING:
    from ..app.base import Celery

#: How many events go into one entry of the stream, at most.
CHUNK = 50
#: How many wait here while Redis does not answer; the oldest go first.
MOST_WAITING = 10_000


def fleet_of(app: Celery, connection: Any = None) -> Fleet:
    """Where the events of an application are.

    Args:
        connection: another Redis than the application's own.
    """
    driver = getattr(connection, "driver", None) or app.driver
    return Fleet(driver, FleetKeys(app.prefix, app.conf.event_exchange))


class EventDispatcher:
    """Sends events of one program.

    Args:
        connection: to another Redis than the application's own.
        hostname: whose events they are: a name of this process when not given.
        enabled: whether `send` sends.
        app: the application; the current one when not given.
        groups: send these only, such as ``["worker"]``.
        buffer_while_offline: keep events while Redis does not answer, instead of raising.
        buffer_group: groups that `flush` sends together, or `send` when there are `buffer_limit`.
        on_send_buffered: called after that.
        channel, serializer, delivery_mode: not needed; events are JSON.
    """

    app: Celery | None = None

    def __init__(
        self,
        connection: Any = None,
        hostname: str | None = None,
        enabled: bool = True,
        channel: Any = None,
        buffer_while_offline: bool = True,
        app: Celery | None = None,
        serializer: str | None = None,
        groups: Iterable[str] | None = None,
        delivery_mode: int = 1,
        buffer_group: Iterable[str] | None = None,
        buffer_limit: int = 24,
        on_send_buffered: Callable[[], Any] | None = None,
    ) -> None:
        self.app = app or self.app or find_current()
        self.connection, self.hostname = connection, hostname or anon_nodename()
        self.buffer_while_offline = buffer_while_offline
        self.groups = set(groups or ())
        self.buffer_group, self.buffer_limit = frozenset(buffer_group or ()), buffer_limit
        self.on_send_buffered = on_send_buffered
        self.on_enabled: set[Callable[[], Any]] = set()
        self.on_disabled: set[Callable[[], Any]] = set()
        self.serializer = serializer or self.app.conf.event_serializer
        self.headers = {"hostname": self.hostname}
        self.pid = os.getpid()
        self.enabled = enabled
        self._waiting: deque[dict[str, Any]] = deque(maxlen=MOST_WAITING)
        #: What could not be written.
        self._missed: deque[dict[str, Any]] = deque(maxlen=MOST_WAITING)
        self._writing = threading.Lock()
        self._found: Fleet | None = None

    def __enter__(self) -> EventDispatcher:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def enable(self) -> None:
        """Send from now on."""
        self.enabled = True
        for each in self.on_enabled:
            each()

    def disable(self) -> None:
        """Send no more."""
        if self.enabled:
            self.close()
            self.enabled = False
            for each in self.on_disabled:
                each()

    def send(
        self,
        type: str,
        blind: bool = False,
        retry: bool = False,
        retry_policy: Any = None,
        **fields: Any,
    ) -> None:
        """Send an event, if this is enabled and its group wanted.

        Args:
            type: ``group-what``.
            blind: leave the field ``clock`` out.
            **fields: what it tells.

        Raises:
            ConnectionFailed: Redis did not answer, and nothing is to be kept.
        """
        group = group_from(type)
        if not self.enabled or (self.groups and group not in self.groups):
            return
        event = self.made(type, fields, blind)
        if group in self.buffer_group:
            self._waiting.append(event)
            if len(self._waiting) >= self.buffer_limit:
                self.flush()
                if self.on_send_buffered is not None:
                    self.on_send_buffered()
        else:
            self._write([event])

    def publish(
        self,
        type: str,
        fields: dict[str, Any],
        producer: Any = None,
        blind: bool = False,
        **kw: Any,
    ) -> None:
        """As `send`, whatever is enabled."""
        self._write([self.made(type, fields, blind)])

    def made(self, type: str, fields: dict[str, Any], blind: bool = False) -> dict[str, Any]:
        """An event with what every event of this program has. ``clock`` is in ms, so that it tells
        the order of what different processes did.
        """
        event = {
            "hostname": self.hostname,
            "utcoffset": utcoffset(),
            "pid": self.pid,
            **fields,
        }
        moment = event.setdefault("timestamp", time.time())
        if not blind:
            event.setdefault("clock", int(moment * 1000))
        return Event(type, event)

    def calls(self, events: list[dict[str, Any]]) -> Iterator[Call[Any]]:
        """What sends them, for whoever sends something else in the same round trip."""
        assert self.app is not None
        for command in self._fleet().publications(
            _texts(events), self.app.conf.event_queue_expires
        ):
            yield Call(command, lambda reply: None)

    def extend_buffer(self, other: EventDispatcher) -> None:
        """Take over what waits in another dispatcher."""
        self._missed.extend([*other._missed, *other._waiting])

    def flush(self, errors: bool = True, groups: bool = True) -> None:
        """Send what waits.

        Raises:
            ConnectionFailed: Redis did not answer, and nothing is to be kept.
        """
        events = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if events or self._missed:
            self._write(events)

    def close(self) -> None:
        """Nothing to close: connections are the application's."""

    def _fleet(self) -> Fleet:
        """Where they go; looked up again when the application has connected anew."""
        assert self.app is not None
        driver = getattr(self.connection, "driver", None) or self.app.driver
        if self._found is None or self._found.driver is not driver:
            self._found = fleet_of(self.app, self.connection)
        return self._found

    def _write(self, events: list[dict[str, Any]]) -> None:
        assert self.app is not None
        seconds = self.app.conf.event_queue_expires
        with self._writing:
            texts = _texts([*self._missed, *events])
            try:
                self._fleet().publish(texts, seconds)
            except ConnectionFailed:
                if not self.buffer_while_offline:
                    raise
                self._missed.extend(events)
            else:
                self._missed.clear()


def _texts(events: list[dict[str, Any]]) -> list[str]:
    rest: Iterator[dict[str, Any]] = iter(events)
    return [
        json.dumps(chunk, default=repr, separators=(",", ":"))
        for chunk in iter(lambda: list(islice(rest, CHUNK)), [])
    ]
