"""Flows: trees of jobs over one or several queues, where a parent runs after its children (protocol
part 2, section 1).

    with FlowProducer() as flows:
        flows.add(FlowJob("assemble", "cars", children=[
            FlowJob("weld", "doors", {"side": side}) for side in ("left", "right")
        ]))
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .calls import Call, Steps, operation, procedure
from .clock import now_ms
from .drivers import AsyncDriver, Driver
from .errors import InvalidOption
from .faces import AsyncFace, BlockingFace
from .job import Job
from .keys import DEFAULT_PREFIX, QueueKeys, split_job_key
from .new_job import NewJob, new_job
from .nodes import Node, add_nodes, check_size
from .options import JobOptions, check_names, snake_case
from .parents import Parent
from .scripts import script

QueuesOptions = Mapping[str, JobOptions]

#: Jobs of one level that one script reads; more would hold Redis for too long.
_READ_CHUNK = 100


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


class FlowOperations:
    """The operations of a flow producer. Use `FlowProducer` or `AsyncFlowProducer`."""

    prefix: str

    @operation
    def add(
        self,
        flow: FlowJob | Mapping[str, Any],
        *,
        queues_options: QueuesOptions | None = None,
    ) -> Call[JobNode]:
        """Add a tree of jobs, all of them or none (protocol part 2, section 1.3).

        Args:
            flow: the root, a `FlowJob` or a mapping of BullMQ's shape (``name``, ``queueName``,
                ``data``, ``prefix``, ``opts``, ``children``).
            queues_options: default options of the jobs of a queue, by the queue's name.

        Returns:
            The tree as it was added. A job whose `job_id` was in use is not made anew: the
            existing one becomes the child.

        Raises:
            InvalidOption, InvalidJobId, UnserializableData, JobTooLarge: as `Queue.add`, and a
                `deduplication` of a job with a parent or children.
            ParentNotFound: the `parent` of the root does not exist.
            ParentNotReplaceable: a `job_id` is that of another living parent's child.
            CircularParents: a job would wait for itself.
            ConnectionFailed: Redis did not answer.
        """
        call = self._add([flow], queues_options)
        return Call(call.command, lambda reply: call.read(reply)[0], call.full)

    @operation
    def add_bulk(
        self,
        flows: Iterable[FlowJob | Mapping[str, Any]],
        *,
        queues_options: QueuesOptions | None = None,
    ) -> Call[list[JobNode]]:
        """Add several trees, all of them or none; see `add`."""
        return self._add(list(flows), queues_options)

    @procedure
    def get_flow(
        self,
        queue_name: str,
        job_id: str,
        *,
        prefix: str | None = None,
        depth: int = 10,
        max_children: int = 20,
    ) -> Steps[JobNode | None]:
        """A job with what is below it (protocol part 2, section 1.9).

        Args:
            queue_name, job_id: the root.
            prefix: that of the producer by default.
            depth: how many levels; 1 is the root alone.
            max_children: at most that many of the pending, the processed, the ignored and the
                failed children of each job, in no order.

        Returns:
            The tree, or None without such a job. Children that are gone are left out.

        Raises:
            InvalidOption: a depth or a number below 1.
        """
        for name, value in (("depth", depth), ("max_children", max_children)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidOption(f"{name} is a whole number from 1, not {value!r}")
        root = QueueKeys(queue_name, prefix or self.prefix).job(job_id)
        found: dict[str, tuple[Job, list[str]]] = {}
        level = [root]
        for rest in range(depth - 1, -1, -1):
            below: list[str] = []
            for first in range(0, len(level), _READ_CHUNK):
                keys = level[first : first + _READ_CHUNK]
                read = yield _view(keys, max_children if rest else 0)
                found.update(read)
                below += (child for _, children in read.values() for child in children)
            level = [key for key in dict.fromkeys(below) if key not in found]
        return _tree_of(root, found)

    def _add(
        self, flows: Sequence[FlowJob | Mapping[str, Any]], queues_options: QueuesOptions | None
    ) -> Call[list[JobNode]]:
        planted = _plant([_flow_job(flow) for flow in flows], self.prefix, queues_options or {})
        if not planted:
            raise InvalidOption("there is no flow to add; give at least one")
        call = add_nodes([each.node for each in planted], now_ms())

        def read(reply: Any) -> list[JobNode]:
            return _trees(planted, call.read(reply))[: len(flows)]

        return Call(call.command, read, call.full)


class FlowProducer(FlowOperations, BlockingFace):
    """Adds and reads flows; acts at once.

    Args:
        url: where Redis is; else what the environment says.
        driver: a connected driver to share, which `close` leaves open.
        prefix: what the keys of all queues start with that do not say otherwise.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        driver: Driver | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        self.prefix = prefix
        super().__init__(url, driver)


class AsyncFlowProducer(FlowOperations, AsyncFace):
    """Adds and reads flows; its operations are awaited. Arguments as `FlowProducer`."""

    def __init__(
        self,
        *,
        url: str | None = None,
        driver: AsyncDriver | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        self.prefix = prefix
        super().__init__(url, driver)


@dataclass(frozen=True)
class _Planted:
    """A node and where its parent stands in the list; -1 for a root."""

    node: Node
    parent: int


def _plant(roots: Sequence[FlowJob], prefix: str, queues_options: QueuesOptions) -> list[_Planted]:
    """The jobs of all trees, level by level as BullMQ adds them, each knowing its parent. No
    recursion: a flow may be a chain of thousands.
    """
    now = now_ms()
    planted: list[_Planted] = []
    level: list[tuple[FlowJob, int]] = [(root, -1) for root in roots]
    while level:
        check_size(len(planted) + len(level))
        below: list[tuple[FlowJob, int]] = []
        for flow, above in level:
            parent = planted[above].node if above >= 0 else None
            below += ((_flow_job(child), len(planted)) for child in flow.children)
            planted.append(_Planted(_node(flow, parent, prefix, queues_options, now), above))
        level = below
    return planted


def _node(
    flow: FlowJob, parent: Node | None, prefix: str, queues_options: QueuesOptions, now: int
) -> Node:
    keys = QueueKeys(flow.queue_name, prefix if flow.prefix is None else flow.prefix)
    defaults = queues_options.get(flow.queue_name, {})
    if "job_id" in defaults:
        raise InvalidOption("job_id cannot be a default of all jobs: an id belongs to one job")
    options: dict[str, Any] = {**defaults, **(flow.options or {})}
    if parent is not None:
        if options.get("parent") is not None:
            raise InvalidOption(
                f"the job {flow.name!r} has a parent already, the one above it in the flow; only "
                "the root may have the option parent"
            )
        options["parent"] = Parent(parent.job.id, parent.keys.queue, parent.keys.prefix)
    if flow.children and options.get("deduplication") is not None:
        raise InvalidOption(
            f"the job {flow.name!r} has children and cannot have deduplication: they would wait "
            "for a job that was never made"
        )
    job = new_job(flow.name, flow.data, options, now=now)
    if not job.id:
        job = _with_id(job, str(uuid.uuid4()))
    return Node(job, keys, bool(flow.children))


def _with_id(job: NewJob, job_id: str) -> NewJob:
    # Not `dataclasses.replace`, which takes as long as all the rest.
    return NewJob(**{**vars(job), "id": job_id})


#: BullMQ's name of a part of a flow -> ours.
_PARTS = {"queueName": "queue_name", "opts": "options"}
_KNOWN = tuple(FlowJob.__dataclass_fields__)


def _flow_job(flow: FlowJob | Mapping[str, Any]) -> FlowJob:
    """A flow job from either shape. Options in a mapping may have BullMQ's names.

    Raises:
        InvalidOption: neither shape, or an unknown part.
    """
    if isinstance(flow, FlowJob):
        return flow
    if not isinstance(flow, Mapping):
        raise InvalidOption(f"a job of a flow is a FlowJob or a mapping, not {flow!r}")
    parts = {_PARTS.get(str(name), str(name)): value for name, value in flow.items()}
    check_names(parts, _KNOWN, "part of a flow:")
    for needed in ("name", "queue_name"):
        if needed not in parts:
            raise InvalidOption(f"a job of a flow needs {needed!r}: {flow!r:.100}")
    options = parts.get("options") or {}
    parts["options"] = {snake_case(str(name)): value for name, value in options.items()}
    parts["children"] = parts.get("children") or ()
    return FlowJob(**parts)


def _trees(planted: Sequence[_Planted], jobs: Sequence[Job]) -> list[JobNode]:
    """The jobs that came back, as trees; from the last, so that children are ready before their
    parent.
    """
    below: list[list[JobNode]] = [[] for _ in jobs]
    trees: list[JobNode] = []
    for position in range(len(jobs) - 1, -1, -1):
        job, each = jobs[position], planted[position]
        children = tuple(reversed(below[position]))
        tree = JobNode(each.node.keys.job(job.id), job, children)
        (below[each.parent] if each.parent >= 0 else trees).append(tree)
    return trees[::-1]


def _view(keys: Sequence[str], most: int) -> Call[dict[str, tuple[Job, list[str]]]]:
    """Read jobs and the keys of their children, at most `most` of each kind."""

    def read(reply: list[Any]) -> dict[str, tuple[Job, list[str]]]:
        found = {}
        for key, (stored, children) in zip(keys, reply, strict=True):
            if stored:
                job = Job.from_reply(*split_job_key(key), stored)
                found[key] = (job, [child.decode() for child in children])
        return found

    return script("view_family").call_on(keys, [most], read)


def _tree_of(root: str, found: Mapping[str, tuple[Job, list[str]]]) -> JobNode | None:
    """The tree below a job. A job that is its own ancestor, which only damage can cause, is shown
    once.
    """
    if root not in found:
        return None
    order, shown = [root], {root}
    children: dict[str, list[str]] = {}
    for key in order:
        children[key] = [child for child in found[key][1] if child in found and child not in shown]
        shown.update(children[key])
        order += children[key]
    trees: dict[str, JobNode] = {}
    for key in reversed(order):
        below = tuple(trees[child] for child in children[key])
        trees[key] = JobNode(key, found[key][0], below)
    return trees[root]
