"""Hearing events for as long as a program runs, whatever becomes of the connection."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bullrush.core.errors import AuthenticationFailed, ConnectionFailed
from bullrush.core.worker.pause import GrowingPause

if TYPE_CHECKING:
    from ..app.base import Celery
    from .receiver import EventReceiver

logger = logging.getLogger("celery.events.receiver")


def listen(
    app: Celery,
    handlers: Mapping[str, Callable[[dict[str, Any]], Any]],
    started: Callable[[EventReceiver], Any] | None = None,
) -> None:
    """Call handlers with every event, until the receiver's `should_stop` or Ctrl-C.

    Args:
        handlers: as `EventReceiver`.
        started: called with the receiver.

    Raises:
        AuthenticationFailed: Redis refuses the user or the password.
    """
    pause = GrowingPause()
    receiver = app.events.Receiver(app.connection(), handlers=handlers)
    if started is not None:
        started(receiver)
    while not receiver.should_stop:
        try:
            for _ in receiver.itercapture(limit=None, timeout=None, wakeup=True):
                pause.reset()
        except AuthenticationFailed:
            raise
        except ConnectionFailed as error:
            logger.error("%s; it is tried again", error)
            time.sleep(pause.next())
        except KeyboardInterrupt:
            return
