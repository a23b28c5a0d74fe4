"""Flows: trees of jobs over one or several queues, where a parent runs after its children (protocol
part 2, section 1).

    with FlowProducer() as flows:
        flows.add(FlowJob("assemble", "cars", children=[
            FlowJob("weld", "doors", {"side": side}) for side in ("left", "right")
        ]))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .calls import Call, Steps, operation, procedure
from .checks import check_kind
from .clock import now_ms
from .drivers import AsyncDriver, Driver
from .errors import InvalidOption
from .faces import AsyncFace, BlockingFace
from .job import Job, id_bytes, id_of
from .keys import DEFAULT_PREFIX, QueueKeys, split_job_key
from .nodes import add_nodes
from .planting import FlowJob, JobNode, Planting, QueuesOptions
from .scripts import script

#: Jobs of one level that one script reads; more would hold Redis for too long.
_READ_CHUNK = 100


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
        check_kind(flows, Iterable, "flows", "several flows")
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
        id_bytes(job_id)
        base = QueueKeys(queue_name, prefix or self.prefix).base
        root = base + job_id
        found: dict[str, tuple[Job, list[str]]] = {}
        level = [root]
        for rest in range(depth - 1, -1, -1):
            if not level:  # a depth may be any number
                break
            below: list[str] = []
            for first in range(0, len(level), _READ_CHUNK):
                keys = level[first : first + _READ_CHUNK]
                read = yield _view(keys, max_children if rest else 0, {root: (base, job_id)})
                found.update(read)
                below += (child for _, children in read.values() for child in children)
            level = [key for key in dict.fromkeys(below) if key not in found]
        return _tree_of(root, found)

    def _add(
        self, flows: Sequence[FlowJob | Mapping[str, Any]], queues_options: QueuesOptions | None
    ) -> Call[list[JobNode]]:
        check_kind(queues_options or {}, Mapping, "queues_options", "a mapping by name of queue")
        if not flows:
            raise InvalidOption("there is no flow to add; give at least one")
        now = now_ms()
        planting = Planting(flows, self.prefix, queues_options or {}, now)
        call = add_nodes([each.node for each in planting.planted], now)
        return Call(call.command, lambda reply: planting.trees(call.read(reply)), call.full)


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


def _view(
    keys: Sequence[str], most: int, places: Mapping[str, tuple[str, str]]
) -> Call[dict[str, tuple[Job, list[str]]]]:
    """Read jobs and the keys of their children, at most `most` of each kind.

    Args:
        places: base and id of those keys that need not be cut, which goes wrong for an id with
            colons.
    """

    def read(reply: list[Any]) -> dict[str, tuple[Job, list[str]]]:
        found = {}
        for key, (stored, children) in zip(keys, reply, strict=True):
            if stored:
                job = Job.from_reply(*places.get(key, split_job_key(key)), stored)
                found[key] = (job, [id_of(child) for child in children])
        return found

    return script("view_family").call_on([id_bytes(key) for key in keys], [most], read)


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
