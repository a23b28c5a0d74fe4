"""What is called once a result is there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)


class Promise:
    """Calls what was asked for, once, as soon as it is kept; at once if it is kept already."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._callbacks: list[tuple[Callable[[Any], Any], Callable[[Any], Any] | None]] = []
        self.ready = False
        self.value: Any = None

    def then(
        self, callback: Callable[[Any], Any], on_error: Callable[[Any], Any] | None = None
    ) -> Promise:
        """Call `callback` with the value; what it raises goes to `on_error`, else to the log."""
        with self._guard:
            if not self.ready:
                self._callbacks.append((callback, on_error))
                return self
        self._call(callback, on_error)
        return self

    def keep(self, value: Any) -> None:
        """Here is the value. A second one is of no interest."""
        with self._guard:
            if self.ready:
                return
            self.ready, self.value = True, value
            callbacks, self._callbacks = self._callbacks, []
        for callback, on_error in callbacks:
            self._call(callback, on_error)

    def _call(self, callback: Callable[[Any], Any], on_error: Callable[[Any], Any] | None) -> None:
        try:
            callback(self.value)
        except Exception as error:
            if on_error is None:
                logger.exception("what was to be done with %s raised", self.value)
            else:
                on_error(error)
