"""Jobs with parents and children on their way to Redis: the typed side of the script `add_flow`
(protocol part 2, sections 1.3 and 1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .calls import Argument, Call
from .errors import InvalidOption, error_for_code
from .job import Job
from .keys import QueueKeys
from .new_job import NewJob
from .parents import Parent
from .scripts import script

#: More would not fit into one command of Redis (about a million arguments), and a flow is added in
#: one step or not at all.
LARGEST_FLOW = 60_000


@dataclass(frozen=True)
class Node:
    """A job of a flow. `job.parent` names its parent; one with children has an id of its own.

    Args:
        job: the job, checked.
        keys: the keys of its queue.
        has_children: whether others of the same call name it as their parent.
    """

    job: NewJob
    keys: QueueKeys
    has_children: bool = False


def add_nodes(nodes: Sequence[Node], now: int) -> Call[list[Job]]:
    """The call that adds jobs to one or several queues, all or none of them.

    Args:
        nodes: every parent before its children.
        now: Unix ms, when a parent is released that has nothing to wait for.

    Raises:
        InvalidOption: more jobs than one step can take.
        When it is run: ParentNotFound, ParentNotReplaceable, CircularParents; nothing was written.
    """
    check_size(len(nodes))
    numbering = Numbering()
    records = [argument for node in nodes for argument in numbering.record(node)]
    heads = [now, len(numbering.parents), *numbering.parent_records()]

    def read(reply: list[Any]) -> list[Job]:
        check_reply(reply)
        return [
            Job(node.keys.base, job_id.decode(), node.job.stored)
            for node, job_id in zip(nodes, reply, strict=True)
        ]

    return script("add_flow").call_on(list(numbering.queues), heads + records, read)


def check_reply(reply: list[Any]) -> None:
    """Raise what a script says that let nothing pass: a code, and the keys of a job and a parent.

    Raises:
        ParentNotFound, ParentNotReplaceable, CircularParents.
    """
    if isinstance(reply[0], int) and reply[0] < 0:
        code, job, parent = reply
        raise error_for_code(code, operation="addJob", job=job.decode(), parent=parent.decode())


def check_size(jobs: int) -> None:
    """Refuse what one step cannot take.

    Raises:
        InvalidOption: more than `LARGEST_FLOW` jobs.
    """
    if jobs > LARGEST_FLOW:
        raise InvalidOption(
            f"a flow has more than {LARGEST_FLOW} jobs, or contains itself; add the parent first "
            "and its children with the option parent, or let a job add its own children"
        )


class Numbering:
    """Numbers the queues and the parents that records of nodes refer to.

    Attributes:
        queues: base -> its number.
        parents: likewise.
    """

    def __init__(self) -> None:
        self.queues: dict[str, int] = {}
        self.parents: dict[Parent, int] = {}

    def record(self, node: Node) -> tuple[Argument, ...]:
        """The arguments of a job: those of `add_jobs`, and its family."""
        job = node.job
        queue = _number(self.queues, node.keys.base)
        parent = _number(self.parents, job.parent) if job.parent else 0
        return (queue, *job.arguments(), parent, job.policy, "1" if node.has_children else "")

    def parent_records(self) -> list[Argument]:
        """The arguments of all parents that were met. Their queues get numbers as well."""
        found: list[Argument] = []
        for parent in self.parents:
            found += (_number(self.queues, parent.keys.base), parent.id, parent.reference()[:-1])
        return found


def _number(numbers: dict[Any, int], thing: Any) -> int:
    """The number of a thing, from 1; a new one gets the next."""
    return numbers.setdefault(thing, len(numbers) + 1)
