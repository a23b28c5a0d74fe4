"""Adding jobs, each parcel of them once, however often it is sent: what may have been carried out
although nobody was told, and what waits in a spool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .calls import Argument, Call
from .keys import QueueKeys
from .nodes import Node, Numbering, check_reply, check_size
from .scripts import script


@dataclass(frozen=True)
class Mark:
    """How a parcel is known again: a sender counts what it sends, one after the other.

    Args:
        sender: who counts; no other one has the name.
        lane: senders that send several at once count each in a lane of its own.
        number: grows, and is never used twice in a lane.
    """

    sender: str
    lane: str
    number: int


@dataclass(frozen=True)
class Parcel:
    """Jobs that are added together.

    Args:
        nodes: the jobs, every parent before its children; in queues that one script may reach.
        marks: of every time that it was sent.
    """

    nodes: Sequence[Node]
    marks: Sequence[Mark] = ()

    @property
    def home(self) -> QueueKeys:
        """The keys of the queue where its marks are kept."""
        return self.nodes[0].keys


def add_once(parcels: Sequence[Parcel], now: int, *, keep: int) -> Call[list[list[str] | None]]:
    """The call that adds all of these parcels, or none of them.

    Args:
        now: Unix ms.
        keep: ms for which Redis remembers what it has added.

    Returns:
        For each parcel the ids that stand for its jobs; None when it had been added before.

    Raises:
        As `add_nodes`.
    """
    check_size(sum(len(each.nodes) for each in parcels))
    numbering, hashes = Numbering(), dict[str, int]()
    records = [_record(each, numbering, hashes) for each in parcels]
    parents = numbering.parent_records()
    count = len(numbering.queues)
    arguments: list[Argument] = [now, keep, count, len(numbering.parents), *parents]
    for marks, jobs in records:
        arguments.append(len(marks))
        for number, mark in marks:
            arguments += (count + number, mark.lane, mark.number)
        arguments += jobs
    return script("add_once").call_on(
        [*numbering.queues, *hashes], arguments, lambda reply: _read(parcels, reply)
    )


def _record(
    parcel: Parcel, numbering: Numbering, hashes: dict[str, int]
) -> tuple[list[tuple[int, Mark]], list[Argument]]:
    """Its marks with the numbers of their hashes, and the arguments of its jobs."""
    marks = []
    for mark in parcel.marks:
        key = parcel.home.turns(f"sent:{mark.sender}")
        marks.append((hashes.setdefault(key, len(hashes) + 1), mark))
    jobs = [argument for node in parcel.nodes for argument in numbering.record(node)]
    return marks, [len(parcel.nodes), *jobs]


def _read(parcels: Sequence[Parcel], reply: list[Any]) -> list[list[str] | None]:
    check_reply(reply)
    ids = iter(reply[len(parcels) :])
    return [
        [next(ids).decode() for _ in parcel.nodes] if is_new else None
        for parcel, is_new in zip(parcels, reply, strict=False)
    ]
