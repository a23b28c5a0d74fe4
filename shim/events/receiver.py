"""Hearing events: ``celery.events.receiver``."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .._state import find_current
from ..matching import topic_matches
from .dispatcher import fleet_of

if TYPE_CHECKING:
    from ..app.base import Celery

logger = logging.getLogger("celery.events.receiver")

#: s after which a receiver that hears nothing looks whether it should stop.
_LOOK = 0.5


class EventReceiver:
    """Calls handlers with the events that come while it listens:

        with app.connection() as connection:
            receiver = app.events.Receiver(connection, handlers={"task-failed": tell, "*": log})
            receiver.capture(limit=None, timeout=None, wakeup=True)

    Args:
        channel: a connection; another Redis than the application's own, if it is one to that.
        handlers: type of event -> function that gets the event; ``*`` gets all that no other gets.
        routing_key: hear these only: ``task.#``, ``worker.heartbeat``.
        node_id: a name of this receiver.
        app: the application; the current one when not given.

    Attributes:
        should_stop: True ends `capture` soon.
    """

    app: Celery | None = None
    should_stop = False

    def __init__(
        self,
        channel: Any = None,
        handlers: Mapping[str, Callable[[dict[str, Any]], Any]] | None = None,
        routing_key: str = "#",
        node_id: str | None = None,
        app: Celery | None = None,
        queue_prefix: str | None = None,
        accept: Any = None,
        queue_ttl: float | None = None,
        queue_expires: float | None = None,
        queue_exclusive: bool | None = None,
        queue_durable: bool | None = None,
    ) -> None:
        self.app = app or self.app or find_current()
        self.channel = channel
        self.handlers = {} if handlers is None else handlers
        self.routing_key = routing_key
        self.node_id = node_id or str(uuid.uuid4())
        self.queue_prefix = queue_prefix or self.app.conf.event_queue_prefix

    @property
    def connection(self) -> Any:
        """What it was given."""
        return self.channel

    def capture(
        self, limit: int | None = None, timeout: float | None = None, wakeup: bool = True
    ) -> None:
        """Listen, and call the handlers.

        Args:
            limit: enough events; None for all that come.
            timeout: s without an event after which it ends with an error; None for never.
            wakeup: have every worker send a heartbeat first, so that it is known at once.

        Raises:
            TimeoutError: nothing came for so long.
            ConnectionFailed: Redis did not answer.
        """
        for _ in self.itercapture(limit, timeout, wakeup):
            pass

    def itercapture(
        self, limit: int | None = None, timeout: float | None = None, wakeup: bool = True
    ) -> Iterator[None]:
        """As `capture`; stops after each event, and once before the first, when it listens."""
        assert self.app is not None
        reader = fleet_of(self.app, self.channel).events()
        try:
            self.on_consume_ready(self.channel, None, [], wakeup=wakeup)
            yield
            heard, taken = time.monotonic(), 0
            while not self.should_stop:
                rest = _LOOK if timeout is None else timeout - (time.monotonic() - heard)
                if rest <= 0:
                    raise TimeoutError("timed out")
                for event in self._wanted(reader.read(min(rest, _LOOK))):
                    self.process(*self.event_from_message(event))
                    heard, taken = time.monotonic(), taken + 1
                    yield
                    if self.should_stop or (limit is not None and taken >= limit):
                        return
        finally:
            reader.close()

    def on_consume_ready(
        self, connection: Any, channel: Any, consumers: Any, wakeup: bool = True, **kwargs: Any
    ) -> None:
        """It listens from now on."""
        if wakeup:
            self.wakeup_workers(channel)

    def wakeup_workers(self, channel: Any = None) -> None:
        """Have every worker send a heartbeat now."""
        assert self.app is not None
        self.app.control.broadcast("heartbeat")

    def process(self, type: str, event: dict[str, Any]) -> None:
        """Call the handler of an event, if there is one."""
        handler = self.handlers.get(type) or self.handlers.get("*")
        if handler is not None:
            handler(event)

    def event_from_message(
        self, body: dict[str, Any], localize: bool = True, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """(type, event), with ``local_received``: when it was heard, Unix s."""
        body["local_received"] = time.time()
        return body["type"], body

    def _wanted(self, texts: list[bytes]) -> Iterator[dict[str, Any]]:
        for text in texts:
            try:
                found = json.loads(text)
            except ValueError:
                found = None
            if not isinstance(found, list):
                logger.warning("no event: %.200r", text)
                continue
            for event in found:
                if not isinstance(event, dict) or not isinstance(event.get("type"), str):
                    logger.warning("no event: %.200r", event)
                elif topic_matches(self.routing_key, event["type"].replace("-", ".")):
                    yield event
