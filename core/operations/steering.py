"""Steering a whole queue: pause, resume, and what stands in its meta hash (protocol part 1,
sections 1.3 and 8.1).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..calls import Call, Steps, operation, procedure
from ..checks import check_whole
from ..keys import META_FIELDS
from ..scripts import script
from .base import QueueBase


@dataclass(frozen=True)
class QueueMeta:
    """What is set for a queue as a whole. None: not set, or not a number.

    Attributes:
        paused: whether nobody fetches.
        concurrency: how many jobs may be active at once, over all workers.
        max, duration: how many jobs may start within how many ms, over all workers.
        max_events: about how many entries the event stream keeps.
        version: the library that made a Node ``Queue`` last, such as ``bullmq:6.7.0``.
    """

    paused: bool
    concurrency: int | None
    max: int | None
    duration: int | None
    max_events: int | None
    version: str | None


class SteeringOperations(QueueBase):
    """Hold the queue, and let it go on."""

    @operation
    def pause(self) -> Call[None]:
        """No worker takes jobs of this queue from now on; running jobs go on (protocol 8.1)."""
        return self._pause_call()

    def _pause_call(self) -> Call[None]:
        return script("pause").call(self.keys.base, [], lambda reply: None)

    @procedure
    def resume(self) -> Steps[None]:
        """Let workers take jobs again. Jobs of a paused 5.x queue are taken over and run first."""
        first, rest = "1", 1
        while rest > 0:
            rest = yield script("resume").call(self.keys.base, [first], int)
            first = ""

    @operation
    def is_paused(self) -> Call[bool]:
        """Whether the queue is paused for everybody."""
        return Call(("HEXISTS", self.keys.meta, META_FIELDS["paused"]), bool)

    @operation
    def get_meta(self) -> Call[QueueMeta]:
        """What is set for the queue as a whole (protocol 1.3)."""

        def read(reply: list[bytes | None]) -> QueueMeta:
            stored = dict(zip(_META, reply, strict=True))
            numbers = {name: number_or_none(stored[name]) for name in _NUMBERS}
            version = stored["version"]
            return QueueMeta(
                paused=stored["paused"] is not None,
                version=version.decode("utf-8", "replace") if version is not None else None,
                **numbers,
            )

        fields = [META_FIELDS[name] for name in _META]
        return Call(("HMGET", self.keys.meta, *fields), read)

    @operation
    def get_version(self) -> Call[str | None]:
        """The library that made a Node ``Queue`` of this name last, such as ``bullmq:6.7.0``.

        Only Node writes it, and nothing reads it to decide anything.
        """

        def read(reply: bytes | None) -> str | None:
            return None if reply is None else reply.decode("utf-8", "replace")

        return Call(("HGET", self.keys.meta, META_FIELDS["version"]), read)

    @operation
    def set_max_events(self, length: int) -> Call[None]:
        """Let the event stream keep about so many entries from now on, for every process; 10 000
        when nobody says otherwise.

        A queue does not write this by itself, as a Node ``Queue`` does when it is made: that would
        undo the choice of another process.

        Raises:
            InvalidOption: negative or no whole number.
        """
        command = ("HSET", self.keys.meta, META_FIELDS["max_events"], check_whole(length, "length"))
        return Call(command, lambda reply: None)

    @operation
    def trim_events(self, length: int) -> Call[int]:
        """Cut the event stream to about so many entries now; returns how many went (protocol 9.2).
        Redis drops whole nodes, of about 100 entries.

        Raises:
            InvalidOption: negative or no whole number.
        """
        length = check_whole(length, "length")
        return Call(("XTRIM", self.keys.events, "MAXLEN", "~", length), int)


_META = ("paused", "concurrency", "max", "duration", "max_events", "version")
_NUMBERS = ("concurrency", "max", "duration", "max_events")


def number_or_none(raw: bytes | None) -> int | None:
    """A whole number that some process stored, or None for anything else."""
    try:
        return int(raw) if raw is not None else None
    except ValueError:
        return None
