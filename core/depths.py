"""How deep queues are, in one command however many there are. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .calls import Argument, Call
from .keys import QueueKeys
from .scripts import script
from .workers import RECORD_MS


@dataclass(frozen=True)
class Depth:
    """How many jobs of a queue may start and are active, and how many workers of ours serve it."""

    waiting: int
    active: int
    workers: int


def depths_of(queues: Sequence[QueueKeys], now: int) -> Call[dict[str, Depth]]:
    """The depths of some queues, one at least, by their names.

    Args:
        queues: of one Cluster slot, if it is a Cluster.
        now: Unix ms; workers that gave no sign of life lately do not count.
    """
    arguments: list[Argument] = [now - RECORD_MS, *(keys.workers for keys in queues)]

    def read(reply: list[list[int]]) -> dict[str, Depth]:
        pairs = zip(queues, reply, strict=True)
        return {keys.queue: Depth(*numbers) for keys, numbers in pairs}

    return script("queue_depths").call_on([keys.base for keys in queues], arguments, read)
