"""Flows on their way to Redis: the trees that a caller gives, checked and laid out level by level
(protocol part 2, section 1.3). Nothing here is a recursion: a flow may be a chain of thousands.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .checks import check_kind
from .errors import InvalidOption
from .job import Job
from .keys import QueueKeys
from .new_job import NewJob, new_job
from .nodes import Node, check_size
from .options import JobOptions, check_names, snake_case
from .parents import Parent
from .telemetry import traced

#: Name of a queue -> default options of its jobs.
QueuesOptions: TypeAlias = Mapping[str, JobOptions]


@dataclass(frozen=True)
class FlowJob:
    """A job of a flow that is to be added.

    Args:
        name: the job's name.
        queue_name: the queue it goes to.
        data: any JSON value, or `RawJson`.
        prefix: what the keys of that queue start with; that of the producer by default.
        options: as the keyword options of `Queue.add`. Only the root may have a `parent`.
        children: the jobs it waits for; each may have children of its own.
    """

    name: str
    queue_name: str
    data: Any = None
    prefix: str | None = None
    options: JobOptions | None = None
    children: Sequence[FlowJob | Mapping[str, Any]] = ()


@dataclass(frozen=True)
class JobNode:
    """A job of a flow that is in Redis.

    Args:
        key: the key of its hash, as `get_children_values` names a child.
        job: the job.
        children: those below it.
    """

    key: str
    job: Job
    children: tuple[JobNode, ...] = ()

    def __repr__(self) -> str:
        """Without what is below, which may be very deep."""
        return f"<JobNode {self.key} with {len(self.children)} children>"


@dataclass(frozen=True)
class Planted:
    """A job of a flow that is ready to be sent.

    Args:
        node: the job.
        above: where its parent stands among the planted; -1 for a root.
        name: the job as its children name it; None without children.
    """

    node: Node
    above: int
    name: Parent | None


class Planting:
    """The jobs of some trees, in BullMQ's order: level by level, all roots first.

    Args:
        flows: the roots, in either shape.
        prefix: what the keys of queues start with that do not say otherwise.
        queues_options: default options by queue.
        now: Unix ms.

    Raises:
        As `FlowOperations.add`, but for what only Redis knows.
    """

    def __init__(
        self,
        flows: Sequence[FlowJob | Mapping[str, Any]],
        prefix: str,
        queues_options: QueuesOptions,
        now: int,
    ) -> None:
        self._prefix = prefix
        self._options = queues_options
        self._now = now
        self._keys: dict[tuple[str, str], QueueKeys] = {}
        self.planted: list[Planted] = []
        level = [(flow_job(flow), -1) for flow in flows]
        while level:
            check_size(len(self.planted) + len(level))
            level = [each for flow, above in level for each in self._plant(flow, above)]

    def _plant(self, flow: FlowJob, above: int) -> list[tuple[FlowJob, int]]:
        """Plant one job; its children and where it stands."""
        parent = self.planted[above].name if above >= 0 else None
        keys = self._keys_of(flow)
        job = self._job(flow, parent)
        children = [(flow_job(child), len(self.planted)) for child in flow.children]
        name = Parent(job.id, keys.queue, keys.prefix) if children else None
        self.planted.append(Planted(Node(job, keys, bool(children)), above, name))
        return children

    def _keys_of(self, flow: FlowJob) -> QueueKeys:
        place = (flow.queue_name, self._prefix if flow.prefix is None else flow.prefix)
        if place not in self._keys:
            self._keys[place] = QueueKeys(*place)
        return self._keys[place]

    def _job(self, flow: FlowJob, parent: Parent | None) -> NewJob:
        defaults = self._options.get(flow.queue_name, {})
        check_kind(defaults, Mapping, f"queues_options[{flow.queue_name!r}]", "a mapping")
        if "job_id" in defaults:
            raise InvalidOption("job_id cannot be a default of all jobs: an id belongs to one job")
        options: dict[str, Any] = {**defaults, **(flow.options or {})}
        if parent is not None:
            if options.get("parent") is not None:
                raise InvalidOption(
                    f"the job {flow.name!r} has a parent already, the one above it in the flow; "
                    "only the root may have the option parent"
                )
            options["parent"] = parent
        if flow.children and options.get("deduplication") is not None:
            raise InvalidOption(
                f"the job {flow.name!r} has children and cannot have deduplication: they would "
                "wait for a job that was never made"
            )
        given = traced(flow.queue_name, flow.name, options)
        job = new_job(flow.name, flow.data, given, now=self._now)
        # Its children have to know the id before Redis could count one.
        job.id = job.id or str(uuid.uuid4())
        return job

    def trees(self, jobs: Sequence[Job]) -> list[JobNode]:
        """The jobs that came back, as trees; from the last, so that children are ready before
        their parent.
        """
        below: list[list[JobNode]] = [[] for _ in jobs]
        trees: list[JobNode] = []
        for position in range(len(jobs) - 1, -1, -1):
            job, above = jobs[position], self.planted[position].above
            tree = JobNode(job.key, job, tuple(reversed(below[position])))
            (below[above] if above >= 0 else trees).append(tree)
        return trees[::-1]


#: BullMQ's name of a part of a flow -> ours.
_PARTS = {"queueName": "queue_name", "opts": "options"}
_KNOWN = tuple(FlowJob.__dataclass_fields__)


def flow_job(flow: FlowJob | Mapping[str, Any]) -> FlowJob:
    """A flow job from either shape. Options in a mapping may have BullMQ's names.

    Raises:
        InvalidOption: neither shape, or an unknown part.
    """
    if isinstance(flow, FlowJob):
        _check_shape(flow.options, flow.children)
        return flow
    if not isinstance(flow, Mapping):
        raise InvalidOption(f"a job of a flow is a FlowJob or a mapping, not {flow!r}")
    parts = {_PARTS.get(str(name), str(name)): value for name, value in flow.items()}
    check_names(parts, _KNOWN, "part of a flow:")
    for needed in ("name", "queue_name"):
        if needed not in parts:
            raise InvalidOption(f"a job of a flow needs {needed!r}: {flow!r:.100}")
    options = parts.get("options") or {}
    parts["children"] = parts.get("children") or ()
    _check_shape(options, parts["children"])
    parts["options"] = {snake_case(str(name)): value for name, value in options.items()}
    return FlowJob(**parts)


def _check_shape(options: Any, children: Any) -> None:
    """Refuse what cannot be gone through.

    Raises:
        InvalidOption: names the part.
    """
    check_kind({} if options is None else options, Mapping, "options of a flow job", "a mapping")
    check_kind(children, Sequence, "children of a flow job", "a list of flow jobs")
