"""Tasks that get several calls at once: ``@app.task(batch=100, max_wait=0.2)``."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bullrush.core.batch import Batching, check_answers
from bullrush.core.errors import InvalidBatchAnswer, InvalidOption
from bullrush.core.outcome import Outcome

from .app.runs import Run
from .app.telling import tell_prerun
from .local import running

if TYPE_CHECKING:
    from .app.task import Context, Task
    from .exceptions import Retry


@dataclass(frozen=True)
class BatchItem:
    """One call of a batch task.

    Attributes:
        args, kwargs: its arguments.
        request: what is known of its run, as ``self.request`` of other tasks.
    """

    args: Sequence[Any]
    kwargs: dict[str, Any]
    request: Context
    task: Task

    def retry(self, exc: BaseException | None = None, countdown: float | None = None) -> Retry:
        """An answer that has this call run again later. Arguments as `Task.retry`.

        Raises:
            MaxRetriesExceededError: there are no more retries, and no `exc`; or `exc`.
        """
        with in_run(self.task, self.request):
            return self.task.retry(exc=exc, countdown=countdown, throw=False)


@contextmanager
def in_run(task: Task, context: Context) -> Iterator[None]:
    """``task.request`` is `context` inside."""
    token = running.set((*running.get(), (task, context)))
    try:
        yield
    finally:
        running.reset(token)


def batching_of(task: Task) -> Batching | None:
    """How a worker gathers calls of a task; None for a task that gets each alone.

    Raises:
        InvalidOption: a number or a time out of range.
    """
    if task.batch is None:
        return None
    return Batching(task.batch, task.max_wait, task.name)


def check_batch(batch: Any, max_wait: Any) -> None:
    """Refuse such options where a task is defined.

    Raises:
        InvalidOption: a number or a time out of range, or a time without a number.
    """
    if batch is not None:
        Batching(batch, 0.2 if max_wait is None else max_wait)
    elif max_wait is not None:
        raise InvalidOption("max_wait is of a batch task: say batch=100 as well")


class BatchRun:
    """One run of a batch task.

    Args:
        runs: the run of each item.
        context: ``self.request`` of the function; it has no id, for it is nobody's alone.
    """

    def __init__(self, task: Task, runs: Sequence[Run], context: Context) -> None:
        self.task, self.runs, self.context = task, runs, context
        self.items = [
            BatchItem(run.message.args, dict(run.message.kwargs), run.context, task) for run in runs
        ]

    def start(self) -> list[Outcome] | Coroutine[Any, Any, list[Outcome]]:
        """An outcome for each item; of a coroutine function, what runs the rest."""
        if not self.runs:
            return []
        for run in self.runs:
            tell_prerun(self.task, run.context)
        raised: BaseException | None = None
        try:
            with in_run(self.task, self.context):
                value = self.task.run(self.items)
        except BaseException as error:
            raised = error
        if raised is not None:  # outside of the clause: `retry` looks for a current exception
            return self._all(raised)
        return self._rest(value) if inspect.iscoroutine(value) else self._answered(value)

    async def _rest(self, coroutine: Coroutine[Any, Any, Any]) -> list[Outcome]:
        raised: BaseException | None = None
        try:
            with in_run(self.task, self.context):
                value = await coroutine
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            raised = error
        return self._answered(value) if raised is None else self._all(raised)

    def _answered(self, value: Any) -> list[Outcome]:
        try:
            answers = check_answers(value, len(self.runs))
        except InvalidBatchAnswer as error:
            return self._each(Run.refuse, [error] * len(self.runs))
        return self._each(Run.finish, answers)

    def _all(self, error: BaseException) -> list[Outcome]:
        """What the function raised is the answer of every item."""
        return self._each(Run.finish_for_all, [error] * len(self.runs))

    def _each(self, finish: Callable[[Run, Any], Outcome], answers: Sequence[Any]) -> list[Outcome]:
        outcomes = []
        for run, answer in zip(self.runs, answers, strict=True):
            with in_run(self.task, run.context):
                outcomes.append(finish(run, answer))
        return outcomes


def run_one(task: Task, args: Sequence[Any], kwargs: dict[str, Any], context: Context) -> Any:
    """Run a batch task for one call, here and now: the call's answer, or a coroutine of it.

    Raises:
        Exception: the answer, when it is one.
        InvalidBatchAnswer: the answer is no list of one.
    """
    value = task.run([BatchItem(args, kwargs, context, task)])

    def answer(given: Any) -> Any:
        found = check_answers(given, 1)[0]
        if isinstance(found, BaseException):
            raise found
        return found

    async def rest() -> Any:
        return answer(await value)

    return rest() if inspect.iscoroutine(value) else answer(value)
