"""Of several beats, the one that sends, for schedulers that know nothing of each other."""

from __future__ import annotations

import os
import socket
import uuid
from typing import Any

from bullrush.core.calls import run
from bullrush.core.clock import now_ms
from bullrush.core.keys import QueueKeys
from bullrush.core.leases import LEASES, Lease, read_lease
from bullrush.core.turns import take_turn, view_turns

#: ms after which a beat that says nothing any more has lost it.
LEASE_MS = 30_000


class Lead:
    """A lease in Redis.

    Args:
        app: the application.
        name: beats of the same name have one leader.
    """

    def __init__(self, app: Any, name: str) -> None:
        self._app, self._name = app, name
        self._identity = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    def take(self) -> bool:
        """Whether this beat leads, from now or for longer. To be asked three times in a lease."""
        text, now = self._found(), now_ms()
        found = read_lease(text)
        if found is not None and found.holder == self._identity:
            wanted = Lease(self._identity, now + LEASE_MS, found.acquired, found.renewals + 1)
        elif found is not None and found.until > now:
            return False
        else:
            wanted = Lease(self._identity, now + LEASE_MS, now)
        return self._change(text, wanted.text())

    def leave(self) -> None:
        """Let another one lead at once."""
        text = self._found()
        found = read_lease(text)
        if found is not None and found.holder == self._identity:
            self._change(text, "")

    def _found(self) -> str:
        return run(self._app.driver, view_turns(self._keys, LEASES)).get(self._name, "")

    def _change(self, known: str, wanted: str) -> bool:
        call = take_turn(self._keys, LEASES, self._name, known, wanted)
        return run(self._app.driver, call).taken

    @property
    def _keys(self) -> QueueKeys:
        keys: QueueKeys = self._app.queue(self._app.conf.task_default_queue).keys
        return keys
