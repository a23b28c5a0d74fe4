"""The consumer's inbox: everybody speaks to it there, from any thread."""

from __future__ import annotations

import contextlib
import os
import queue as queues
import select
import weakref
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from ..delivery import Finished

if TYPE_CHECKING:
    from .feed import Feed


class Readable(Protocol):
    """What a selector can watch."""

    def fileno(self) -> int: ...


class Due(NamedTuple):
    """A delayed job of that queue falls due then, Unix ms."""

    feed: Feed
    moment_ms: int


#: What arrives: an outcome, a queue that may have work, a due time, or None to look again.
Message: TypeAlias = "Finished | Feed | Due | None"


class Inbox:
    """A queue whose reader can wait for a file descriptor at the same time."""

    def __init__(self) -> None:
        self._messages: queues.SimpleQueue[Message] = queues.SimpleQueue()
        self._watching = False
        self._pipe: tuple[int, int] | None = None

    def put(self, message: Message) -> None:
        """Safe from any thread, and in a signal handler."""
        self._messages.put(message)
        if self._watching and self._pipe is not None:
            with contextlib.suppress(BlockingIOError):  # full: it is readable anyway
                os.write(self._pipe[1], b"!")

    def get(self, timeout: float | None) -> Message:
        """The next message.

        Args:
            timeout: s to wait for it; None for as long as it takes.

        Raises:
            queue.Empty: there is none.
        """
        if timeout == 0.0:
            return self._messages.get_nowait()
        return self._messages.get(timeout=timeout)

    def watch(self, source: Readable, timeout: float | None) -> bool:
        """Wait until that source is readable, or a message is there.

        Returns:
            Whether the source is.
        """
        descriptor = source.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.register(self._reading_end(), select.POLLIN)
        self._watching = True
        try:
            # Who puts a message looks at `_watching` after that; so one of both sees the other.
            wait = timeout if self._messages.empty() else 0.0
            ready = poll.poll(None if wait is None else wait * 1000)
        finally:
            self._watching = False
        found = {each for each, _ in ready}
        if self._reading_end() in found:
            os.read(self._reading_end(), 65536)
        return descriptor in found

    def _reading_end(self) -> int:
        if self._pipe is None:
            self._pipe = pipe = os.pipe()
            os.set_blocking(pipe[1], False)
            # Not before nobody can put anything any more: the number would be somebody else's.
            # At exit neither: whoever stops a worker then, by `atexit`, still speaks to it here.
            weakref.finalize(self, _close, pipe).atexit = False
        return self._pipe[0]


def _close(pipe: tuple[int, int]) -> None:
    for each in pipe:
        os.close(each)
