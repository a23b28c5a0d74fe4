"""Steps that a Node worker runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bullrush.core.outcome import RawJson

from ..app.sending import Prepared
from ..exceptions import ImproperlyConfigured
from ..ids import job_id_of, uuid
from ..serialization import dumps
from .signatures import Signature

if TYPE_CHECKING:
    from ..app.base import Celery

#: The option that holds a value for the step, in a list of one.
VALUE = "bullrush_value"
#: Options of Celery that say where a task stands; a job for Node is told none of them.
_PLACE = frozenset(
    (
        "task_id",
        "root_id",
        "parent_id",
        "group_id",
        "group_index",
        "chord",
        "queue",
        "countdown",
        "link",
        "link_error",
        VALUE,
    )
)


@Signature.register_type(name="node")
class NodeStep(Signature):
    """A step of a workflow that a worker of Node runs; see `node`."""

    @property
    def type(self) -> Any:
        """None: the task is not in Python."""
        return None

    def prepare(self, app: Celery, options: Mapping[str, Any], *, renew: bool) -> Prepared:
        """The job of it."""
        if options.get("link") or options.get("link_error"):
            raise ImproperlyConfigured(
                f"link and link_error of node({options['queue']!r}, {self.task!r}): a Node worker "
                "calls no Python; let a Python step follow in a chain"
            )
        queue = app.queue(options["queue"])
        chosen = {k: v for k, v in options.items() if k not in _PLACE}
        if options.get("countdown"):
            chosen["delay"] = round(options["countdown"] * 1000)
        task_id = options.get("task_id") or uuid()
        chosen["job_id"] = job_id_of(task_id)
        data = RawJson(dumps(self.kwargs["data"], "the data of a node step"))
        return Prepared(queue.prepare(self.task, data, chosen, renew=renew), queue, task_id, False)


def node(queue: str, name: str, data: Any = None, **options: Any) -> NodeStep:
    """A step of a workflow that a worker of Node BullMQ runs.

    The result of the steps before it is in ``job.getChildrenValues()`` there; what the worker
    returns goes on to the next step as its first argument.

    Args:
        queue: the name of the queue.
        name: the name of the job.
        data: the job's data, any JSON value; {} by default.
        **options: BullMQ's own, such as ``attempts=3, backoff=1000``.
    """
    kwargs = {"data": {} if data is None else data}
    return NodeStep(name, (), kwargs, {"queue": queue, **options}, subtask_type="node")
