"""For a pool that works in the consumer's own thread: what waits behind a long job is handed back
by another thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

logger = logging.getLogger("bullrush.worker")

#: s without work after which the thread sleeps until there is some.
_REST = 1.0


class Rescue:
    """Calls a function when the consumer's thread is busy for too long. What is watched is entered
    and left many times a second, so that only notes times; a thread looks at them.

    Args:
        guard: held while it is called; the consumer does not hold it while it runs handlers.
        patience: s.
        call: what to do.
    """

    def __init__(self, guard: threading.Lock, patience: float, call: Callable[[], None]) -> None:
        self._guard, self._patience, self._call = guard, patience, call
        self._since: float | None = None
        self._last = 0.0
        self._working = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        self._since = self._last = time.monotonic()
        if not self._working.is_set():
            self._working.set()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._watch, name="bullrush-rescue", daemon=True
                )
                self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._since = None

    def stop(self) -> None:
        """Call it no more."""
        self._stopped = True
        self._working.set()
        if self._thread is not None:
            self._thread.join(5)

    def _watch(self) -> None:
        rescued: float | None = None
        while not self._stopped:
            if self._since is None and time.monotonic() - self._last > _REST:
                self._working.clear()
                if self._since is None:
                    self._working.wait()
            time.sleep(self._patience / 2)
            since = self._since
            if since is None or since == rescued or time.monotonic() - since < self._patience:
                continue
            rescued = since
            self._act()

    def _act(self) -> None:
        try:
            with self._guard:
                self._call()
        except Exception:
            logger.exception("handing back what waits behind a long job: unexpected error")
