"""Asserting what waits in the queues."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bullrush.core.job import Job
from bullrush.core.views import list_queues

if TYPE_CHECKING:
    from ..app.base import Celery

_PENDING = ("waiting", "prioritized", "delayed", "waiting-children")
#: So many jobs are named when an assertion fails.
_MOST_NAMED = 20


@dataclass(frozen=True)
class Call:
    """One call that waits.

    Args:
        queue, name: of its job.
        args, kwargs: what it is called with; of a job that is no task's, `data` has it all.
        data: the job's data.
    """

    queue: str
    name: str
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
    data: Any = None

    def __str__(self) -> str:
        shown = [
            *map(repr, self.args),
            *(f"{name}={value!r}" for name, value in self.kwargs.items()),
        ]
        return f"{self.name}({', '.join(shown)}) in {self.queue!r}"


def pending_calls(app: Celery) -> list[Call]:
    """What waits in all queues of an application, delayed jobs too."""
    found = []
    for name in sorted({*list_queues(app.driver, app.prefix), *app.known_queues()}):
        for job in app.queue(name).get_jobs(*_PENDING):
            found.append(call_of(name, job))
    return found


def call_of(queue: str, job: Job) -> Call:
    """The call that a job stands for."""
    return as_call(queue, job.name, job.data)


def as_call(queue: str, name: str, data: Any) -> Call:
    """The call of a job with that name and data."""
    if not isinstance(data, Mapping):
        return Call(queue, name, data=data)
    if not {"args", "kwargs"} & data.keys():
        return Call(queue, name, kwargs=dict(data), data=data)
    return Call(queue, name, list(data.get("args") or ()), dict(data.get("kwargs") or {}), data)


class AssertEnqueued:
    """Asserts that calls wait:

        assert_enqueued(send, 2, args=["ann"])

    Args:
        pending: gives what waits.
    """

    def __init__(self, pending: Callable[[], Iterable[Call]]) -> None:
        self._pending = pending

    def __call__(
        self,
        task: Any,
        n: int | None = None,
        *,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        queue: str | None = None,
    ) -> list[Call]:
        """What waits of a task.

        Args:
            task: the task, or the name of a job.
            n: how many there must be; None for at least one, 0 for none.
            args: their positional arguments.
            kwargs: keyword arguments that they have among others.
            queue: where.

        Raises:
            AssertionError: another number; the message names what does wait.
        """
        __tracebackhide__ = True
        name = getattr(task, "name", task)
        calls = list(self._pending())
        found = [
            each
            for each in calls
            if each.name == name
            and (args is None or each.args == list(args))
            and (kwargs is None or all(each.kwargs.get(k, _NONE) == v for k, v in kwargs.items()))
            and (queue is None or each.queue == queue)
        ]
        if (n is None and not found) or (n is not None and len(found) != n):
            wanted = Call(queue or "any queue", name, list(args or ()), dict(kwargs or {}))
            raise AssertionError(_complaint(wanted, n, len(found), calls))
        return found


_NONE = object()


def _complaint(wanted: Call, n: int | None, found: int, calls: Sequence[Call]) -> str:
    number = "at least one" if n is None else n
    lines = [f"{number} of {wanted} should wait, {found} {'does' if found == 1 else 'do'}"]
    if not calls:
        return f"{lines[0]}; nothing waits at all"
    lines.append("what waits:")
    lines += [f"  {each}" for each in calls[:_MOST_NAMED]]
    if len(calls) > _MOST_NAMED:
        lines.append(f"  ... and {len(calls) - _MOST_NAMED} more")
    return "\n".join(lines)
