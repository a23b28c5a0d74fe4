"""Who is told of what happens in a worker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeAlias

from ..delivery import Finished
from ..errors import InvalidOption
from ..options import check_names
from ..outcome import Completed, Failed, Retried

logger = logging.getLogger("bullrush.worker")

#: Names of events -> what a listener gets.
EVENTS: dict[str, str] = {
    "ready": "nothing: the worker serves its queues from now on",
    "active": "(Delivery): a job was fetched",
    "started": "(Delivery): it was given to a slot",
    "completed": "(Delivery, Completed): its outcome is stored",
    "failed": "(Delivery, Failed or Retried): its outcome is stored",
    "finished": "(Finished): whatever came of it is stored, or will never be",
    "stalled": "(queue name, job id): taken back from a lost worker",
    "lock_lost": "(Delivery): its outcome will not count",
    "drained": "(queue name): nothing is left to fetch",
    "error": "(exception): of Redis, or unexpected",
    "paused": "nothing",
    "resumed": "nothing",
    "heartbeat": "nothing: its record was written",
    "signalled": "(name of the signal, whether at once): a signal asks the worker to stop",
    "closing": "nothing: the worker takes no more jobs",
    "closed": "nothing: everything has ended",
}

Listener: TypeAlias = Callable[..., Any]


class Listeners:
    """Called in the thread where something happens; they must be quick. One that raises is logged
    and stops nobody.
    """

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}
        #: Told of every outcome, whatever it is, if somebody counts.
        self.count: Callable[[Finished], None] | None = None

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Add one; what is returned takes it away again.

        Raises:
            InvalidOption: no such event.
        """
        check_names({name: listener}, tuple(EVENTS), "worker event")
        if not callable(listener):
            raise InvalidOption(f"a listener is called, which {listener!r} cannot be")
        self._listeners[name] = [*self._listeners.get(name, ()), listener]

        def forget() -> None:
            self._listeners[name] = [each for each in self._listeners[name] if each is not listener]

        return forget

    def wants(self, name: str) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners.get(name))

    def tell(self, name: str, *details: Any) -> None:
        """Tell those who listen."""
        for listener in self._listeners.get(name, ()):
            try:
                listener(*details)
            except Exception:
                logger.exception("a listener of %s raised", name)

    def tell_outcome(self, finished: Finished) -> None:
        """Tell those who listen what came of a delivery."""
        self.tell("finished", finished)
        outcome = finished.outcome
        if self.count is not None:
            self.count(finished)
        if isinstance(outcome, Completed):
            self.tell("completed", finished.delivery, outcome)
        elif isinstance(outcome, (Failed, Retried)):
            self.tell("failed", finished.delivery, outcome)


def nobody(*details: Any) -> None:
    """Listens to nothing."""
