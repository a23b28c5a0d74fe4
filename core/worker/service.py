"""A service: one `tick` and the thread around it. Start, stop and double stop are written here,
once.
"""

from __future__ import annotations

import logging
import threading

from ..errors import ConnectionFailed

logger = logging.getLogger("bullrush.worker")


class Service:
    """Calls `tick` at once and then every `interval` s until it is stopped. An error is logged and
    never ends it.

    Args:
        name: for the thread and the log.
        interval: s between two ticks.
    """

    def __init__(self, name: str, interval: float) -> None:
        self.name = name
        self.interval = interval
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def tick(self) -> None:
        """Do the work once."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the thread; a second start does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._loop, name=f"bullrush-{self.name}", daemon=True
            )
            self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End the thread; a second stop does nothing. Waits at most `timeout` s."""
        self._stopping.set()
        self.wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def wake(self) -> None:
        """End a wait of `tick` early. For services that wait on something else than time."""

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self.tick()
            except ConnectionFailed as error:
                logger.warning("%s: %s", self.name, error)
            except Exception:
                logger.exception("%s: unexpected error; going on", self.name)
            self._stopping.wait(self.interval)
