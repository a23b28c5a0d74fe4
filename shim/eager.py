"""Tasks run here and now, for tests (``task_always_eager`` and ``Task.apply``)."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import socket
from collections.abc import Mapping
from typing import Any

from . import states
from .app import telling
from .app.context import HEADERS, Context
from .app.runs import called
from .app.task import Task
from .batches import run_one
from .canvas.errbacks import called_here
from .einfo import ExceptionInfo
from .exceptions import Ignore, Reject, Retry
from .ids import uuid
from .local import running
from .message import Message, decode
from .result import EagerResult

logger = logging.getLogger("celery.app.trace")

#: Options of a call by the names that a request has for them.
_RENAMED = {"group_id": "group"}


class EagerRun:
    """One task that is run here and now, with its retries, without waiting between them.

    Args:
        throw: whether what it raises gets out, a `Retry` too.
        options: those of the call.
    """

    def __init__(self, task: Task, throw: bool, options: Mapping[str, Any]) -> None:
        self.task, self.throw, self.options = task, throw, options
        self.id = options.get("task_id") or uuid()
        self.known = self._known()

    def start(self, args: Any, kwargs: dict[str, Any]) -> EagerResult:
        """Run it to its end.

        Raises:
            Exception: what it raised, when `throw`; what `on_success` raised.
        """
        retries = self.options.get("retries") or 0
        while True:
            context = Context(self.known, args=args, kwargs=kwargs, retries=retries)
            token = running.set((*running.get(), (self.task, context)))
            try:
                came = self._attempt(context)
            finally:
                running.reset(token)
            if isinstance(came, EagerResult):
                return came
            if came.plan is not None:
                args, kwargs = came.plan.args, came.plan.kwargs
                self._heed(came.plan.options)
            retries += 1

    def _known(self) -> dict[str, Any]:
        """What the request says in every attempt."""
        options, parents = self.options, running.get()
        parent = parents[-1][1] if parents else None
        known = _named(options)
        known["callbacks"] = _listed(options.get("link")) or None
        known["errbacks"] = _listed(options.get("link_error")) or None
        if parent is not None and parent.id is not None:
            known.setdefault("parent_id", parent.id)
            known.setdefault("root_id", parent.root_id or parent.id)
        known.setdefault("root_id", self.id)
        return {
            **known,
            "id": self.id,
            "task": self.task.name,
            "is_eager": True,
            "called_directly": False,
            "hostname": socket.gethostname(),
            "delivery_info": {
                "is_eager": True,
                "exchange": options.get("exchange"),
                "routing_key": options.get("routing_key"),
                "priority": options.get("priority"),
            },
        }

    def _heed(self, options: Mapping[str, Any]) -> None:
        """What a retry asked for shows in the attempts that follow."""
        self.known.update(_named(options))
        if options.get("priority") is not None:
            info = {**self.known["delivery_info"], "priority": options["priority"]}
            self.known["delivery_info"] = info

    def _attempt(self, context: Context) -> EagerResult | Retry:
        task, began = self.task, telling.clock()
        telling.tell_prerun(task, context)
        try:
            task.before_start(self.id, context.args, context.kwargs)
            value = self._value(context)
        except Retry as signal:
            return self._retried(context, signal)
        except (Ignore, Reject) as error:
            return self._steered(context, error)
        except Exception as error:
            return self._failed(context, error)
        for each in context.callbacks or ():
            self._signature(each).apply_async((value,))
        task.on_success(value, self.id, context.args, context.kwargs)
        telling.tell_success(task, context, value, began)
        self._end(context, states.SUCCESS, value)
        self._store(context, value, states.SUCCESS)
        return self._result(value, states.SUCCESS)

    def _value(self, context: Context) -> Any:
        task = self.task
        if task.batch is None:
            value = called(task)(*context.args, **context.kwargs)
        else:
            value = run_one(task, context.args, context.kwargs, context)
        return asyncio.run(value) if inspect.iscoroutine(value) else value

    def _retried(self, context: Context, signal: Retry) -> Retry:
        einfo = ExceptionInfo(signal)
        if not self.throw:
            args = (signal.exc, self.id, context.args, context.kwargs, einfo)
            self.task.on_retry(*args)
        telling.tell_retry(self.task, context, signal, einfo)
        telling.tell_postrun(self.task, context, signal, states.RETRY)
        if self.throw:
            raise signal
        return signal

    def _steered(self, context: Context, error: Ignore | Reject) -> EagerResult:
        state = states.IGNORED if isinstance(error, Ignore) else states.REJECTED
        einfo = ExceptionInfo(error)
        if isinstance(error, Ignore):
            telling.tell_ignored(self.task, context, error)
        else:
            telling.tell_rejected(self.task, context, error, einfo)
        telling.tell_postrun(self.task, context, error, state)
        return self._result(error, state, einfo.traceback)

    def _failed(self, context: Context, error: Exception) -> EagerResult:
        einfo = ExceptionInfo(error)
        if self.throw:
            telling.tell_failure(self.task, context, error, einfo)
            telling.tell_postrun(self.task, context, error, states.FAILURE)
            raise error
        self._call_errbacks(context, error, einfo.traceback)
        self.task.on_failure(error, self.id, context.args, context.kwargs, einfo)
        telling.tell_failure(self.task, context, error, einfo)
        self._end(context, states.FAILURE, error)
        self._store(context, error, states.FAILURE, einfo.traceback)
        return self._result(error, states.FAILURE, einfo.traceback)

    def _end(self, context: Context, state: str, value: Any) -> None:
        self.task.after_return(state, value, self.id, context.args, context.kwargs, None)
        telling.tell_postrun(self.task, context, value, state)

    def _store(
        self, context: Context, value: Any, state: str, traceback: str | None = None
    ) -> None:
        """For those who ask by the id, if the settings say so."""
        task = self.task
        if task.store_eager_result and not (context.ignore_result or task.ignore_result):
            task.app.backend.store_result(self.id, value, state, traceback, context)

    def _call_errbacks(self, context: Context, error: Exception, traceback: str) -> None:
        for each in context.errbacks or ():
            errback = self._signature(each)
            if called_here(self.task.app, errback, context, error, traceback):
                continue
            try:
                errback.apply_async((self.id,))
            except Exception:
                logger.exception("the errback %s of %s raised", errback, self.id)

    def _signature(self, stored: Any) -> Any:
        return self.task.app.signature(stored) if isinstance(stored, dict) else stored

    def _result(self, value: Any, state: str, traceback: str | None = None) -> EagerResult:
        return EagerResult(self.id, value, state, traceback, name=self.task.name)


def _named(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a call as a request has them."""
    return {
        name: options[option]
        for option, name in ((each, _RENAMED.get(each, each)) for each in (*HEADERS, *_RENAMED))
        if options.get(option) is not None
    }


def run_eagerly(
    task: Task,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    as_sent: bool = False,
    throw: bool | None = None,
    **options: Any,
) -> EagerResult:
    """Run a task with its retries, without waiting between them.

    Args:
        as_sent: whether the arguments take the way through the serializer.
        throw: see `Task.apply`.
        **options: of `apply_async`; the place and the time of the run mean nothing.

    Raises:
        Exception: what the task raised, when `throw`.
        UnserializableArgument: an argument has no form in the serializer.
    """
    if as_sent:
        args, kwargs = _through_serializer(task, args, kwargs, options)  # type: ignore[assignment]
    throw = bool(task.app.conf.task_eager_propagates) if throw is None else throw
    return EagerRun(task, throw, options).start(args, kwargs)


def _through_serializer(
    task: Task, args: tuple[Any, ...], kwargs: dict[str, Any], options: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """A worker would get lists for tuples, and text for numbers as keys."""
    conf = task.app.conf
    serializer = options.get("serializer") or task.serializer
    raw = Message(args, kwargs).encode(serializer).text
    message = decode(raw.encode(), json.loads(raw), conf.accept_content)
    return list(message.args), message.kwargs


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
