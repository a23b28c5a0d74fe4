"""Hears what is said to all workers, runs the commands and answers. A thread of its own, so that a
worker answers while all its slots are busy.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bullrush.core.errors import BullrushError
from bullrush.core.fleet import StreamReader
from bullrush.core.worker.pause import GrowingPause
from bullrush.core.worker.service import Service

from ..matching import matches
from .panel import Panel
from .untold import tell_untold

if TYPE_CHECKING:
    from .remote import Remote

logger = logging.getLogger("celery.worker.control")

#: After a failure of Redis that lasted longer, s, what was said meanwhile is not obeyed any more.
STALE = 60.0


class Pidbox(Service):
    """Reads the stream of commands.

    Args:
        state: the worker, for the commands.
    """

    def __init__(self, state: Remote) -> None:
        super().__init__("control", 0.0)
        self.state = state
        self._reader: StreamReader | None = None
        self._heard = time.monotonic()
        self._failing = False
        self._pause = GrowingPause()
        self._guard = threading.Lock()

    def open(self) -> None:
        """Hear everything that is said from now on, and learn what was revoked before.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        if self._reader is None:
            reader = self.state.fleet.commands()
            with self._guard:
                self._reader = reader
                if self._stopping.is_set():
                    reader.close()
        self.state.revoked.load()
        tell_untold(self.state)
        self._heard, self._failing = time.monotonic(), False

    def tick(self) -> None:
        """Wait for commands once, and run them."""
        try:
            if self._reader is None or self._failing:
                self.open()
            assert self._reader is not None
            texts = self._reader.read()
            self._heard = time.monotonic()
            self._pause.reset()
        except BullrushError as error:
            self._fail(error)
            return
        for text in texts:
            self._take(text)

    def wake(self) -> None:
        """See `Service`."""
        with self._guard:
            if self._reader is not None:
                self._reader.close()

    def _fail(self, error: BullrushError) -> None:
        if self._stopping.is_set():
            return
        logger.warning("remote control: %s", error)
        self._failing = True
        if time.monotonic() - self._heard > STALE and self._reader is not None:
            self._reader.close()
            self._reader = None
        self._stopping.wait(self._pause.next())

    def _take(self, text: bytes) -> None:
        try:
            message = json.loads(text)
            method, arguments = message["method"], message.get("arguments") or {}
            if not self._is_meant(message):
                return
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            logger.warning("remote control: not understood: %r", error)
            return
        try:
            answer = self._run(str(method), arguments)
        except SystemExit as error:
            self.state.node.leave(error)
            return
        if message.get("ticket"):
            self._answer(str(message["ticket"]), answer)

    def _is_meant(self, message: Mapping[str, Any]) -> bool:
        name, names = self.state.hostname, message.get("destination")
        if names:
            return name in names
        if message.get("pattern"):
            return matches(name, message["pattern"], message.get("matcher"))
        return True

    def _run(self, method: str, arguments: Mapping[str, Any]) -> Any:
        self.state.commands += 1
        try:
            return Panel.data[method](self.state, **arguments)
        except Exception as error:
            level = logging.DEBUG if isinstance(error, KeyError) else logging.ERROR
            logger.log(level, "control command %s: %r", method, error, exc_info=level > 10)
            return {"error": repr(error)}

    def _answer(self, ticket: str, answer: Any) -> None:
        try:
            self.state.fleet.answer(ticket, json.dumps({self.state.hostname: answer}, default=repr))
        except BullrushError as error:
            logger.warning("remote control: an answer was lost: %s", error)
