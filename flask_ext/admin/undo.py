"""Undo: what was taken away is kept for a day, and comes back when somebody asks for it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Any

from pydantic import Field
from werkzeug.exceptions import NotFound

from bullrush.core import Queue
from bullrush.core.clock import now_ms
from bullrush.core.keys import admin_key
from bullrush.core.operations.keeping import SHELVED_AT_ONCE

from ..access.roles import Role
from ..binding import Binding
from .models import Answer
from .places import queue_named
from .routing import Asked, Routes

ROUTES = Routes()
#: ms for which it is kept.
LIFE = 24 * 3_600_000
#: So many bytes, of so many jobs, are kept of one action.
ROOM, MOST_JOBS = 32 * 2**20, 50_000
#: So many ids are told of what did not come back.
MOST_TOLD = 1000


class Undo(Answer):
    """An action that can be undone."""

    id: str
    queue: str
    action: str
    who: str
    at: int = Field(description="Unix ms of the action")
    until: int = Field(description="Unix ms until which it can be undone")
    jobs: int
    size: int = Field(description="bytes that are kept")


class Undos(Answer):
    """The actions that can be undone, the newest first."""

    undos: list[Undo]


class Undone(Answer):
    """What came back."""

    restored: int
    skipped: int = Field(
        description="kept jobs that are lost: a new job has the id by now, and stays as it is"
    )
    skipped_ids: list[str] = Field(description=f"their ids, the first {MOST_TOLD} of them")


@ROUTES.get("/admin/undo")
def list_undos(asked: Asked) -> Undos:
    """The actions that can be undone."""
    driver, key = asked.binding.driver, _undos(asked.binding)
    driver.execute(("ZREMRANGEBYSCORE", key, "-inf", f"({now_ms()}"))
    members = [each.decode() for each in driver.execute(("ZREVRANGE", key, 0, 499))]
    abouts = driver.execute_many([("GET", _about(asked.binding, each)) for each in members])
    return Undos(undos=[Undo.model_validate(json.loads(text)) for text in abouts if text])


@ROUTES.action("/admin/undo/<undo_id>", Role.ADMIN)
def undo(asked: Asked) -> Undone:
    """Bring back what an action took away, with states, scores and logs."""
    driver, binding = asked.binding.driver, asked.binding
    member = _member(binding, asked.path["undo_id"])
    queue = queue_named(binding, member.partition(":")[2]) if member else None
    if member is None or queue is None:
        raise NotFound("there is nothing of that id to undo: it is kept for 24 hours, and used up")
    restored = skipped = 0
    told: list[str] = []
    left = 1
    while left:
        step = queue.restore(asked.path["undo_id"])
        restored, skipped, left = restored + len(step.ids), skipped + len(step.taken), step.left
        told += step.taken[: MOST_TOLD - len(told)]
    key = _undos(binding)
    driver.execute_many([("ZREM", key, member), ("DEL", _about(binding, member))])
    binding.catalogue.forget()
    asked.count = restored
    return Undone(restored=restored, skipped=skipped, skipped_ids=told)


class Shelf:
    """Keeps what one action takes away.

    Args:
        asked: the request.
        queue: the queue.
    """

    def __init__(self, asked: Asked, queue: Queue) -> None:
        self.id = secrets.token_hex(8)
        self._asked, self._queue = asked, queue
        self.jobs = self.size = 0

    def take(
        self, ids: Sequence[str], state: str, *, before: int | None = None, force: bool = False
    ) -> bool:
        """Take jobs away, and keep them; False when there is no room for more."""
        for first in range(0, len(ids), SHELVED_AT_ONCE):
            taken = self._queue.take_away(
                ids[first : first + SHELVED_AT_ONCE],
                state,
                shelf=self.id,
                life=LIFE,
                room=ROOM - self.size,
                before=before,
                force=force,
            )
            self.jobs, self.size = self.jobs + len(taken.ids), self.size + taken.size
            if taken.full:
                return False
        return True

    def take_settings(self, *, paused: bool) -> None:
        """Keep what is set for the queue, and its schedulers."""
        self.size += self._queue.shelve_settings(shelf=self.id, life=LIFE, paused=paused)

    def label(self, action: str) -> str | None:
        """Say what is on it; its id, or None when nothing is."""
        if not self.size:
            return None
        now, binding = now_ms(), self._asked.binding
        member = f"{self.id}:{self._queue.name}"
        about: dict[str, Any] = {
            "id": self.id,
            "queue": self._queue.name,
            "action": action,
            "who": self._asked.principal.name,
            "at": now,
            "until": now + LIFE,
            "jobs": self.jobs,
            "size": self.size,
        }
        key = _undos(binding)
        binding.driver.execute_many(
            [
                ("SET", _about(binding, member), json.dumps(about), "PX", LIFE),
                ("ZADD", key, now + LIFE, member),
                ("PEXPIRE", key, LIFE),
            ]
        )
        return self.id


def _undos(binding: Binding) -> str:
    return admin_key(binding.settings.prefix, "undos")


def _about(binding: Binding, member: str) -> str:
    shelf, _, name = member.partition(":")
    return binding.look_at(name).keys.shelf(f"{shelf}:about")


def _member(binding: Binding, undo_id: str) -> str | None:
    members = binding.driver.execute(("ZRANGE", _undos(binding), 0, -1))
    found = (each.decode() for each in members)
    return next((each for each in found if each.partition(":")[0] == undo_id), None)
