"""``self.request``: what a task knows of its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..ids import task_id_of
from ..local import running
from ..utils.nodenames import anon_nodename
from ..utils.saferepr import saferepr
from .ahead import chain_of, chord_of

if TYPE_CHECKING:
    from bullrush.core.delivery import Delivery

    from ..message import Message
    from .task import Task

#: Headers of a message that are attributes of the request under the same name.
HEADERS = (
    "root_id",
    "parent_id",
    "group",
    "group_index",
    "chord",
    "chain",
    "callbacks",
    "errbacks",
    "expires",
    "eta",
    "timelimit",
    "headers",
    "stamps",
    "stamped_headers",
    "shadow",
    "argsrepr",
    "kwargsrepr",
    "ignore_result",
    "reply_to",
    "properties",
    "origin",
    "replaced_task_nesting",
)

#: Those that are as they were sent; the others are worked out when somebody asks.
_PLAIN_HEADERS = tuple(name for name in HEADERS if name not in ("chain", "chord"))

#: Names that no custom header takes.
_RESERVED = ("delivery", "entered", "pending", "told", "_task", "_headers")


class _Derived:
    """An attribute that is worked out when it is asked for; what is set on the object comes first.
    A run pays nothing for attributes that nobody reads.
    """

    def __init__(self, find: Callable[[Context], Any]) -> None:
        self._find = find

    def __get__(self, context: Context | None, owner: type | None = None) -> Any:
        return self if context is None else self._find(context)


def _children(context: Context) -> list[Any]:
    children: list[Any] = []
    context.__dict__["children"] = children
    return children


def _limit(position: int) -> Callable[[Context], Any]:
    def find(context: Context) -> Any:
        return context.timelimit[position] if context.timelimit else None

    return find


class Context:
    """``self.request``: what is known of the run. Any attribute may be set on it, and custom
    headers are attributes.

    Attributes:
        id: the task id; None outside of a run.
        args, kwargs: the arguments as they were delivered.
        retries: how often it has been retried.
        called_directly: whether the function was just called, without a worker.
        is_eager: whether `Task.apply` runs it here and now.
        hostname: the worker's name.
        delivery_info: exchange, routing_key (the queue), priority, redelivered.
        root_id, parent_id, group, group_index, chord, chain: its place in a canvas.
        callbacks, errbacks: signatures that follow it.
        headers: the caller's own headers, or None.
        eta, expires: ISO text, or None.
        timelimit: [hard, soft] in s.
        children: results of the tasks that this run has started.
        delivery: what `bullrush.core` gave the worker; None in eager mode.
    """

    id: str | None = None
    args: Any = None
    kwargs: Any = None
    task: str | None = None
    retries: int = 0
    called_directly = True
    is_eager = False
    hostname: str | None = None
    delivery_info: Any = None
    delivery: Any = None
    _task: Any = None
    _headers: Any = None
    root_id: str | None = None
    parent_id: str | None = None
    group: str | None = None
    group_index: int | None = None
    chord: Any = None
    chain: Any = None
    callbacks: Any = None
    errbacks: Any = None
    expires: str | None = None
    eta: str | None = None
    timelimit: Any = None
    headers: Mapping[str, Any] | None = None
    stamps: Any = _Derived(lambda context: None if context.called_directly else {})
    stamped_headers: Any = None
    shadow: str | None = None
    ignore_result: bool | None = False
    reply_to: str | None = None
    properties: Any = None
    origin: str | None = None
    replaced_task_nesting: int = 0
    lang: str | None = None
    loglevel: Any = None
    logfile: Any = None
    utc: Any = None
    taskset: Any = None
    #: Whether a `__call__` of the user's has handed over to the task's own.
    entered = False
    #: What ``retry(throw=False)`` gave, until it is raised.
    pending: Any = None
    #: The last state that the run has told.
    told: Any = None

    children: Any = _Derived(_children)
    correlation_id: Any = _Derived(lambda context: context.id)
    time_limit: Any = _Derived(_limit(0))
    soft_time_limit: Any = _Derived(_limit(1))
    argsrepr: Any = _Derived(lambda context: repr(tuple(context.args or ())))
    kwargsrepr: Any = _Derived(lambda context: repr(context.kwargs or {}))

    def __init__(self, *args: Mapping[str, Any], **values: Any) -> None:
        self.update(*args, **values)

    def __repr__(self) -> str:
        return f"<Context: {vars(self)!r}>"

    def get(self, key: str, default: Any = None) -> Any:
        """One value by name."""
        return getattr(self, key, default)

    def update(self, *args: Any, **values: Any) -> None:
        """Set several attributes at once. Arguments as those of `dict.update`."""
        self.__dict__.update(*args, **values)

    def clear(self) -> None:
        """Forget all that was set."""
        self.__dict__.clear()

    def as_execution_options(self) -> dict[str, Any]:
        """What another task is to be called with to take this one's place."""
        options: dict[str, Any] = {
            "task_id": self.id,
            "root_id": self.root_id,
            "parent_id": self.parent_id,
            "group_id": self.group,
            "group_index": self.group_index,
            "shadow": self.shadow,
            "chord": self.chord,
            "chain": self.chain,
            "link": self.callbacks,
            "link_error": self.errbacks,
            "expires": self.expires,
            "soft_time_limit": self.soft_time_limit,
            "time_limit": self.time_limit,
            "headers": dict(self.headers or {}),
            "retries": self.retries,
            "reply_to": self.reply_to,
            "replaced_task_nesting": self.replaced_task_nesting,
            "origin": self.origin,
        }
        if self.stamped_headers:
            options["stamped_headers"] = self.stamped_headers
            options.update(self.stamps or {})
        return options


class WorkerContext(Context):
    """The request of a run in a worker: what is not in the message is worked out from the job."""

    task: Any = _Derived(lambda context: context._task.name)
    root_id: Any = _Derived(lambda context: context.id)
    parent_id: Any = _Derived(lambda context: context.id if context.retries else None)
    ignore_result: Any = _Derived(lambda context: context._task.ignore_result)
    timelimit: Any = _Derived(lambda context: _limits(context._task))
    delivery_info: Any = _Derived(lambda context: _delivery_info(context))
    properties: Any = _Derived(lambda context: _properties(context))
    origin: Any = _Derived(lambda context: anon_nodename())
    argsrepr: Any = _Derived(lambda context: _shown(context, tuple(context.args)))
    kwargsrepr: Any = _Derived(lambda context: _shown(context, context.kwargs))
    chain: Any = _Derived(chain_of)
    chord: Any = _Derived(chord_of)
    lang = "py"
    called_directly = False


def _shown(context: Context, value: Any) -> str:
    return saferepr(value, 1024, context._task.app.conf.task_repr_maxlevels)


def _limits(task: Task) -> list[float | None]:
    return [task.time_limit, task.soft_time_limit]


def _delivery_info(context: Context) -> dict[str, Any]:
    """`redelivered` tells of a start that came to no end."""
    job = context.delivery.job
    begun = job.attempts_started > job.attempts_made + 1
    info = {
        "exchange": "",
        "routing_key": job.queue_name,
        "priority": job.priority,
        "redelivered": job.stalled_count > 0 or begun,
    }
    context.__dict__["delivery_info"] = info
    return info


def _properties(context: Context) -> dict[str, Any]:
    info = context.delivery_info
    return {
        "correlation_id": context.id,
        "reply_to": context.reply_to,
        "delivery_info": {"exchange": "", "routing_key": info["routing_key"]},
        "priority": info["priority"],
    }


def worker_context(task: Task, message: Message, delivery: Delivery, hostname: str) -> Context:
    """The request of a run in a worker."""
    job = delivery.job
    context = WorkerContext.__new__(WorkerContext)
    values = context.__dict__
    headers = message.headers
    if headers:
        _take_headers(values, headers)
        values["_headers"] = headers
    values["id"] = headers.get("id") or task_id_of(job.id)
    if "properties" in headers:
        values["properties"] = {"correlation_id": values["id"], **headers["properties"]}
    values["args"] = list(message.args)
    values["kwargs"] = message.kwargs
    values["retries"] = job.attempts_made + headers.get("retries", 0)
    values["hostname"] = hostname
    values["delivery"] = delivery
    values["_task"] = task
    return context


def _take_headers(values: dict[str, Any], headers: Mapping[str, Any]) -> None:
    own = headers.get("headers")
    if own:
        values.update({name: value for name, value in own.items() if name not in _RESERVED})
    for name in _PLAIN_HEADERS:
        if name in headers:
            values[name] = headers[name]


class RequestStack:
    """The requests of one task that are running in this thread or coroutine, the innermost last."""

    def __init__(self, task: Task) -> None:
        self._task = task

    @property
    def stack(self) -> Sequence[Context]:
        """All of them."""
        return [context for task, context in running.get() if task is self._task]

    @property
    def top(self) -> Context | None:
        """The innermost, or None."""
        stack = self.stack
        return stack[-1] if stack else None

    def __len__(self) -> int:
        return len(self.stack)

    def push(self, context: Context) -> None:
        """Make it the current one."""
        running.set((*running.get(), (self._task, context)))

    def pop(self) -> Context | None:
        """Take the current one away."""
        entries = running.get()
        for place in range(len(entries) - 1, -1, -1):
            if entries[place][0] is self._task:
                running.set((*entries[:place], *entries[place + 1 :]))
                found: Context = entries[place][1]
                return found
        return None
