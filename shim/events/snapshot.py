"""Cameras, which look at what the events told from time to time: ``celery.events.snapshot``."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bullrush.core.worker.service import Service

from .._state import find_current
from ..app.importing import imported
from ..utils.dispatch import Signal
from ..utils.time import rate
from .listening import listen

if TYPE_CHECKING:
    from ..app.base import Celery
    from .state import State

logger = logging.getLogger("celery.evcam")


class Polaroid:
    """A camera: override `on_shutter`, which gets the state.

    Args:
        state: what is looked at.
        freq: s between two pictures.
        maxrate: no more pictures than that: ``10/m``.
        cleanup_freq: s between two calls of `on_cleanup`.
        app: the application; the current one when not given.
        timer: not needed; a camera has threads of its own.

    Attributes:
        clear_after: forget everything after each picture.
        shutter_signal, cleanup_signal: sent before the methods are called.
    """

    shutter_signal = Signal(("state",), name="shutter_signal")
    cleanup_signal = Signal((), name="cleanup_signal")
    clear_after = False
    timer: Any = None

    def __init__(
        self,
        state: State,
        freq: float = 1.0,
        maxrate: str | float | None = None,
        cleanup_freq: float = 3600.0,
        timer: Any = None,
        app: Celery | None = None,
    ) -> None:
        self.app = app or find_current()
        self.state, self.freq, self.cleanup_freq = state, freq, cleanup_freq
        self.timer = timer or self.timer
        self.logger = logger
        self.maxrate = maxrate
        self._gap = 1 / rate(maxrate) if maxrate else 0.0
        self._taken = -self._gap
        self._services: tuple[Service, ...] = ()

    def install(self) -> None:
        """Take pictures from now on."""
        self._services = (
            _Repeating("camera", self.freq, self.capture),
            _Repeating("camera-cleanup", self.cleanup_freq, self.cleanup),
        )
        for each in self._services:
            each.start()

    def cancel(self) -> None:
        """Take no more."""
        for each in self._services:
            each.stop()
        self._services = ()

    def on_shutter(self, state: State) -> None:
        """A picture is taken."""

    def on_cleanup(self) -> None:
        """Time to throw old pictures away."""

    def cleanup(self) -> None:
        """Have old pictures thrown away."""
        logger.debug("Cleanup: Running...")
        self.cleanup_signal.send(sender=self.state)
        self.on_cleanup()

    def shutter(self) -> None:
        """Take a picture, unless there were too many."""
        if time.monotonic() - self._taken < self._gap:
            return
        self._taken = time.monotonic()
        logger.debug("Shutter: %s", self.state)
        self.shutter_signal.send(sender=self.state)
        self.on_shutter(self.state)

    def capture(self) -> None:
        """As `shutter`, while no event changes the state."""
        self.state.freeze_while(self.shutter, clear_after=self.clear_after)

    def __enter__(self) -> Polaroid:
        self.install()
        return self

    def __exit__(self, *exc: object) -> None:
        self.cancel()


class _Repeating(Service):
    """Calls a function every `interval` s, the first time after that."""

    def __init__(self, name: str, interval: float, function: Callable[[], None]) -> None:
        super().__init__(name, interval)
        self._function, self._waited = function, False

    def tick(self) -> None:
        """See `Service`."""
        if self._waited:
            self._function()
        self._waited = True


def evcam(
    camera: Any,
    freq: float = 1.0,
    maxrate: str | float | None = None,
    loglevel: Any = 0,
    logfile: str | None = None,
    pidfile: str | None = None,
    timer: Any = None,
    app: Celery | None = None,
) -> None:
    """Take pictures until Ctrl-C.

    Args:
        camera: a `Polaroid`, or the dotted path of one.
        freq: s between two pictures.
        maxrate: as `Polaroid`.
    """
    app = app or find_current()
    app.log.setup(loglevel or "WARNING", logfile)
    name = camera if isinstance(camera, str) else f"{camera.__module__}.{camera.__qualname__}"
    state = app.events.State()
    made = (imported(camera) if isinstance(camera, str) else camera)(
        state, freq=freq, maxrate=maxrate, timer=timer, app=app
    )
    print(f"-> evcam: Taking snapshots with {name} (every {freq} secs.)", flush=True)
    with made:
        listen(app, {"*": state.event})
