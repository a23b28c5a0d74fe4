"""One run of one task, and what came of it in the worker's words."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import inspect
import json
import random
from collections.abc import Callable, Coroutine
from typing import Any

from bullrush.core.delivery import Delivery
from bullrush.core.outcome import (
    Completed,
    Failed,
    Outcome,
    RawJson,
    Retried,
    Returned,
    decide,
    reason_of,
    stack_of,
)

from .. import states
from ..exceptions import Ignore, Reject, Retry
from ..local import running
from ..message import Message
from ..serialization import dump_result
from . import telling
from .task import Context, Task


class Run:
    """One run of one task."""

    def __init__(self, task: Task, message: Message, context: Context, delivery: Delivery) -> None:
        self.task, self.message, self.context, self.delivery = task, message, context, delivery
        self.began = telling.clock()

    def start(self) -> Outcome | Coroutine[Any, Any, Outcome]:
        """Run it; of a coroutine function, what runs the rest."""
        telling.tell_prerun(self.task, self.context)
        try:
            self.task.before_start(*self._identity())
            value = called(self.task)(*self.message.args, **self.message.kwargs)
        except BaseException as error:
            return self._after_error(error)
        return self._rest(value) if inspect.iscoroutine(value) else self._after_value(value)

    async def _rest(self, coroutine: Coroutine[Any, Any, Any]) -> Outcome:
        token = running.set((*running.get(), (self.task, self.context)))
        try:
            return self._after_value(await coroutine)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            return self._after_error(error)
        finally:
            running.reset(token)

    def finish(self, answer: Any) -> Outcome:
        """What came of one item of a batch, whose answer is a value or an exception."""
        if isinstance(answer, BaseException):
            return self._after_error(answer)
        return self._after_value(answer)

    def finish_for_all(self, error: BaseException) -> Outcome:
        """The same, when the function raised. A retry of the whole batch counts the retries of each
        item.
        """
        if isinstance(error, Retry):
            try:
                error = self.task.retry(exc=error.cause, throw=False, **_moment(error.when))
            except BaseException as last:
                error = last
        return self._after_error(error)

    def refuse(self, error: BaseException) -> Outcome:
        """A final failure, whatever retries remain."""
        outcome = failure(error)
        self._failed(error, outcome)
        return outcome

    def tell_failure(self, error: BaseException, outcome: Failed) -> None:
        """Tell of a failure that came from outside. The run itself has said nothing of its end."""
        telling.tell_of_end(self.task, self.context, error)
        self._call("on_failure", error, *self._identity(), outcome.stack)
        telling.tell_failure(self.task, self.context, error, outcome.stack, log=False)
        self._after(states.FAILURE, error, outcome.stack)

    def _after_value(self, value: Any) -> Outcome:
        try:
            conf = self.task.app.conf
            stored = RawJson(dump_result(value, conf.result_serializer, conf.result_compression))
        except BaseException as error:
            return self._after_error(error)
        self._call("on_success", value, *self._identity())
        telling.tell_success(self.task, self.context, value, self.began)
        self._after(states.SUCCESS, value)
        telling.tell_postrun(self.task, self.context, value, states.SUCCESS)
        return Completed(stored)

    def _after_error(self, error: BaseException) -> Outcome:
        if isinstance(error, Retry):
            return self._retried(error)
        if isinstance(error, Ignore):
            telling.tell_ignored(self.task, self.context, error)
            telling.tell_postrun(self.task, self.context, error, states.IGNORED)
            return Completed(None)
        if isinstance(error, Reject):
            return self._rejected(error)
        return self._after_exception(error)

    def _rejected(self, error: Reject) -> Outcome:
        outcome = failure(error, "rejected")
        telling.tell_rejected(self.task, self.context, error, outcome.stack)
        telling.tell_postrun(self.task, self.context, error, states.REJECTED)
        return Returned() if error.requeue else outcome

    def _identity(self) -> tuple[str, Any, Any]:
        return (str(self.context.id), self.context.args, self.context.kwargs)

    def _after_exception(self, error: BaseException) -> Outcome:
        if self._may_autoretry(error):
            try:
                signal = self.task.retry(exc=error, throw=False, **self._autoretry_options())
                return self._retried(signal)
            except BaseException as last:
                error = last
        outcome = self._decided(error)
        if isinstance(outcome, Retried):
            self._call("on_retry", error, *self._identity(), outcome.stack)
            reason = Retry(exc=error, when=outcome.delay / 1000)
            telling.tell_retry(self.task, self.context, reason, outcome.stack)
            self._after(states.RETRY, error, outcome.stack)
            telling.tell_postrun(self.task, self.context, reason, states.RETRY)
        else:
            self._failed(error, outcome)
        return outcome

    def _failed(self, error: BaseException, outcome: Failed) -> None:
        self._call("on_failure", error, *self._identity(), outcome.stack)
        telling.tell_failure(self.task, self.context, error, outcome.stack)
        self._after(states.FAILURE, error, outcome.stack)
        telling.tell_postrun(self.task, self.context, error, states.FAILURE)

    def _may_autoretry(self, error: BaseException) -> bool:
        task = self.task
        return isinstance(error, tuple(task.autoretry_for)) and not isinstance(
            error, tuple(task.dont_autoretry_for)
        )

    def _autoretry_options(self) -> dict[str, Any]:
        task, options = self.task, dict(self.task.retry_kwargs)
        if task.retry_backoff:
            first = 1.0 if task.retry_backoff is True else float(task.retry_backoff)
            exponent = min(self.context.retries, 60)
            delay = min(first * 2**exponent, task.retry_backoff_max)
            options["countdown"] = random.uniform(0, delay) if task.retry_jitter else delay
        return options

    def _decided(self, error: BaseException) -> Failed | Retried:
        """Attempts that a producer asked for in BullMQ's words count; those written for Node do
        not.
        """
        if self.message.headers.get("derived"):
            return failure(error)
        return dataclasses.replace(decide(self.delivery.job, error), exception=record_of(error))

    def _retried(self, signal: Retry) -> Outcome:
        cause = signal.cause or signal
        stack = stack_of(cause)
        data = None
        new_args, new_kwargs = signal.plan or (None, None)
        if new_args is not None or new_kwargs is not None:
            args = self.message.args if new_args is None else tuple(new_args)
            kwargs = self.message.kwargs if new_kwargs is None else dict(new_kwargs)
            try:
                data = Message(args, kwargs, self.message.headers).encode()
            except Exception as error:
                return failure(error)
        self._call("on_retry", cause, *self._identity(), stack)
        telling.tell_retry(self.task, self.context, signal, stack)
        self._after(states.RETRY, signal, stack)
        telling.tell_postrun(self.task, self.context, signal, states.RETRY)
        delay = _delay_ms(signal.when)
        return Retried(delay, reason_of(cause), stack, data=data, exception=record_of(cause))

    def _after(self, status: str, value: Any, einfo: Any = None) -> None:
        self._call("after_return", status, value, *self._identity(), einfo)

    def _call(self, name: str, *args: Any) -> None:
        """A method of the user that raises must not undo what the task has done."""
        try:
            getattr(self.task, name)(*args)
        except Exception:
            telling.logger.exception("%s of %s raised", name, self.task.name)


def called(task: Task) -> Callable[..., Any]:
    """What runs the task: its `run`, or itself when it has a ``__call__`` of its own."""
    return task.run if type(task).__call__ is Task.__call__ else task


def failure(error: BaseException, reason: str | None = None) -> Failed:
    """A final failure with its typed record."""
    return Failed(reason or reason_of(error), stack_of(error), exception=record_of(error))


def record_of(error: BaseException) -> str:
    """What an exception was, as text: its class and its arguments as far as JSON can hold them."""
    args = [
        each if isinstance(each, (str, int, float, bool, type(None))) else repr(each)
        for each in error.args
    ]
    kind = type(error)
    return json.dumps(
        {"exc_type": kind.__qualname__, "exc_module": kind.__module__, "exc_message": args}
    )


def _delay_ms(when: Any) -> int:
    if isinstance(when, datetime.datetime):
        moment = when if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)
        when = (moment - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    return max(0, round(float(when or 0) * 1000))


def _moment(when: Any) -> dict[str, Any]:
    return {"eta": when} if isinstance(when, datetime.datetime) else {"countdown": when}
