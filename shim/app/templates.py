"""What the plain calls of a task have in common, worked out once: a call without options of its own
costs little more than its arguments.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from bullrush.core.clock import now_ms
from bullrush.core.new_job import NewJob
from bullrush.core.options import JobOptions
from bullrush.core.outcome import RawJson

from ..ids import uuid
from ..message import Message
from ..serialization import is_plain
from .headers import EXEC_OPTIONS, defaults_of, headers_of, ignores_result, job_options_of
from .task import Task

if TYPE_CHECKING:
    from .base import Celery

_PLACEHOLDER = "the-id-of-the-task"
#: With any other option a call is not like the next one.
_CONSTANT = frozenset(EXEC_OPTIONS) - {"expires"} | frozenset(JobOptions.__annotations__)
_own = attrgetter("job_options", "autoretry_for", "max_retries", *EXEC_OPTIONS)


class Template:
    """A call with everything but its id and its arguments.

    Attributes:
        queue: the name of its queue.
        ignored: whether nobody wants its result.
    """

    __slots__ = ("_head", "_headers", "_name", "_priority", "_tail", "ignored", "queue")

    def __init__(self, app: Celery, task: Task, options: dict[str, Any], queue: str) -> None:
        self.queue = queue
        self.ignored = ignores_result(app, options)
        self._name = task.name
        self._headers = headers_of(app, task, options, {})
        chosen = {**job_options_of(app, task, options, self._headers), "job_id": _PLACEHOLDER}
        job = app.queue(queue).prepare(task.name, RawJson("{}"), chosen, renew=True)
        self._head, _, self._tail = job.opts.partition(_PLACEHOLDER)
        self._priority = job.priority

    def job(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> NewJob:
        """The job of a call with these arguments.

        Raises:
            EncodeError: one of them has no JSON form.
        """
        data = Message(args, kwargs, self._headers).encode().text
        task_id = uuid()
        opts = f"{self._head}{task_id}{self._tail}"
        return NewJob(task_id, self._name, data, opts, now_ms(), 0, self._priority, False, "", True)


class Templates:
    """The templates of an application; made anew when its settings, or the task, change."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._found: dict[str, tuple[int, Any, Task, Template | None]] = {}

    def clear(self) -> None:
        """Make all of them anew."""
        self._found.clear()

    def of(self, task: Task) -> Template | None:
        """The template of the plain calls of a task; None when no two of them are alike."""
        version, own = self._app.conf._version, _own(task)
        found = self._found.get(task.name)
        if found is None or found[0] != version or found[1] != own or found[2] is not task:
            found = self._found[task.name] = (version, own, task, self._made(task))
        return found[3]

    def _made(self, task: Task) -> Template | None:
        app, conf = self._app, self._app.conf
        if type(task).message is not Task.message or not app.routes_are_static():
            return None
        options = app.routed(defaults_of(task), task.name, (), {}, task)
        serializer = options.get("serializer") or conf.task_serializer
        compression = options.get("compression") or conf.task_compression
        if options.keys() - _CONSTANT or not is_plain(serializer, compression):
            return None
        queues = app.queues_for(options)
        return Template(app, task, options, queues[0]) if len(queues) == 1 else None
