"""What there is to do in the queues of a test, read in one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bullrush.core.job import id_of
from bullrush.core.keys import META_FIELDS
from bullrush.core.queue import Queue

#: The scores of delayed jobs hold the due time above so many low numbers (protocol 1.2).
_SCORE = 4096


@dataclass(frozen=True)
class Scene:
    """One queue at one moment.

    Args:
        queue: its name.
        ready: how many jobs could start.
        active: the ids of those that were handed out.
        due: Unix ms of the first delayed job; None without one.
        paused: whether nobody is to take jobs.
    """

    queue: str
    ready: int
    active: Sequence[str]
    due: int | None
    paused: bool

    def __str__(self) -> str:
        held = ", paused" if self.paused else ""
        return f"{self.queue}: {self.ready} could start, {len(self.active)} run{held}"


def read_scenes(queues: Sequence[Queue]) -> list[Scene]:
    """All queues at the same moment: a transaction, as a job that ends may add one elsewhere."""
    if not queues:
        return []
    commands: list[tuple[str | int, ...]] = [("MULTI",)]
    for queue in queues:
        keys = queue.keys
        commands += [
            ("LLEN", keys.wait),
            ("ZCARD", keys.prioritized),
            ("LRANGE", keys.active, 0, -1),
            ("ZRANGE", keys.delayed, 0, 0, "WITHSCORES"),
            ("HEXISTS", keys.meta, META_FIELDS["paused"]),
        ]
    commands.append(("EXEC",))
    answers = queues[0].driver.execute_many(commands)[-1]
    if isinstance(answers, Exception):
        raise answers
    parts = [answers[first : first + 5] for first in range(0, len(answers), 5)]
    return [_scene(queue.name, *part) for queue, part in zip(queues, parts, strict=True)]


def _scene(
    name: str, waiting: int, prioritized: int, active: list[bytes], first: list[bytes], paused: int
) -> Scene:
    due = int(float(first[1])) // _SCORE if first else None
    ids = [id_of(each) for each in active]
    return Scene(name, waiting + prioritized, ids, due, bool(paused))
