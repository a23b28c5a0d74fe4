"""One run of one task, and what came of it in the worker's words."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import inspect
import logging
import os
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
)

from .. import states
from ..canvas.following import (
    call_errbacks_of_body,
    call_errbacks_of_rest,
    fail_rest,
    follow_failure,
    follow_success,
    lets_go,
)
from ..canvas.joining import Inherited, behind_ignored
from ..canvas.plan import JOINT
from ..einfo import ExceptionInfo
from ..exceptions import Ignore, Reject, Retry, TimeLimitExceeded, WorkerLostError
from ..failures import note_of, record_of
from ..local import running
from ..message import LAST, NO_RESULT, Message
from ..revocation import Revocation
from ..serialization import dump_result
from . import telling
from .context import Context
from .failing import failure
from .requesting import tell_request
from .rerunning import run_again, run_beside
from .retrying import retry_by_itself
from .task import Task
from .task_options import DEFAULT_REQUEST

logger = logging.getLogger("celery.app.trace")


class Run:
    """One run of one task.

    What follows a run is done in Celery's order: signals, `before_start`, the function, what the
    canvas sends on, then the handlers. Its outcome is stored by the worker after that.
    """

    def __init__(self, task: Task, message: Message, context: Context, delivery: Delivery) -> None:
        self.task, self.message, self.context, self.delivery = task, message, context, delivery
        self.began = telling.clock()

    def start(self) -> Outcome | Coroutine[Any, Any, Outcome]:
        """Run it; of a coroutine function, what runs the rest."""
        telling.tell_prerun(self.task, self.context)
        try:
            if self.task.track_started:
                self._tell_started()
            self.task.before_start(*self._identity())
            value = called(self.task)(*self.message.args, **self.message.kwargs)
        except BaseException as error:
            return self._after_error(error)
        return self._rest(value) if inspect.iscoroutine(value) else self._after_value(value)

    def _tell_started(self) -> None:
        meta = {"pid": os.getpid(), "hostname": self.context.hostname}
        self.task.update_state(state=states.STARTED, meta=meta)

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
            return self._after_error(self._or_retry(answer))
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
        return self._after_error(self._or_retry(error))

    def _or_retry(self, error: BaseException) -> BaseException:
        if not self.task.autoretry_for:
            return error
        try:
            retry_by_itself(self.task, error)
        except BaseException as last:
            return last

    def refuse(self, error: BaseException) -> Outcome:
        """A final failure, whatever retries remain."""
        return self._failed(error, ExceptionInfo(error), failure(error))

    def end(self, error: BaseException) -> Outcome:
        """What comes of a run that was ended from outside; it has said nothing of its end."""
        task, context = self.task, self.context
        telling.tell_of_end(task, context, error)
        if isinstance(error, WorkerLostError) and task.retry_on_worker_lost:
            try:
                return self._retried(task.retry(exc=error, throw=False))
            except WorkerLostError:
                pass  # it was the last time
        einfo = ExceptionInfo(error)
        self._call("on_failure", error, *self._identity(), einfo)
        telling.tell_failure(task, context, error, einfo, log=False)
        self._after(states.FAILURE, error)
        tell_request(self, einfo)
        late = bool(task.acks_late)
        if late and isinstance(error, TimeLimitExceeded) and not task.acks_on_timeout:
            return Returned()
        outcome = failure(error)
        if self.message.headers:
            self._follow_failure(error, outcome)
        return outcome

    def _after_value(self, value: Any) -> Outcome:
        try:
            conf = self.task.app.conf
            stored = dump_result(value, conf.result_serializer, conf.result_compression)
            is_last = lets_go(self.context)
            if self.context.pending is not None:
                run_beside(self, self.context.pending)
            if self.message.headers:
                follow_success(self, value, is_last)
        except BaseException as error:
            return self._after_error(error)
        self._call("on_success", value, *self._identity())
        telling.tell_success(self.task, self.context, value, self.began)
        self._after(states.SUCCESS, value)
        telling.tell_postrun(self.task, self.context, value, states.SUCCESS)
        if self.task.Request is not DEFAULT_REQUEST:
            tell_request(self, value)
        children = self.context.__dict__.get("children")
        text = RawJson(LAST + stored if is_last else stored)
        return Completed(text, note_of(children) if children else "")

    def _after_error(self, error: BaseException) -> Outcome:
        if isinstance(error, Revocation):
            raise error  # the worker knows more of it than the run does
        pending = self.context.pending
        if pending is not None and pending is not error:
            try:
                run_beside(self, pending)
            except Exception as failed:
                error = failed
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            error = _lost(error)
        if isinstance(error, Retry):
            return self._retried(error)
        if isinstance(error, Ignore):
            return self._ignored(error)
        if isinstance(error, Reject):
            return self._rejected(error)
        return self._after_exception(error)

    def _ignored(self, error: Ignore) -> Outcome:
        """The state stays what it was, or what the task has made of it; nothing follows."""
        telling.tell_ignored(self.task, self.context, error)
        telling.tell_postrun(self.task, self.context, error, states.IGNORED)
        if self.message.headers and not self.delivery.moved:  # as what replaces it is
            behind = behind_ignored(str(self.context.id))
            fail_rest(self.task.app, self.message.headers, behind.outcome)
        return Completed(NO_RESULT)

    def _rejected(self, error: Reject) -> Outcome:
        """No handler of the task is called."""
        outcome = failure(error, repr(error))
        einfo = ExceptionInfo(error, outcome.stack)
        telling.tell_rejected(self.task, self.context, error, einfo)
        telling.tell_postrun(self.task, self.context, error, states.REJECTED)
        if error.requeue:
            return Returned()
        if self.message.headers:
            fail_rest(self.task.app, self.message.headers, outcome)
        return outcome

    def _identity(self) -> tuple[str, Any, Any]:
        return (str(self.context.id), self.context.args, self.context.kwargs)

    def _after_exception(self, error: BaseException) -> Outcome:
        outcome = self._decided(error)
        einfo = ExceptionInfo(error, outcome.stack)
        if isinstance(outcome, Failed):
            return self._failed(error, einfo, outcome)
        self._call("on_retry", error, *self._identity(), einfo)
        reason = Retry(exc=error, when=outcome.delay / 1000)
        telling.tell_retry(self.task, self.context, reason, einfo)
        telling.tell_postrun(self.task, self.context, reason, states.RETRY)
        return outcome

    def _failed(self, error: BaseException, einfo: ExceptionInfo, outcome: Failed) -> Outcome:
        if self.message.headers:
            self._follow_failure(error, outcome)
        self._call("on_failure", error, *self._identity(), einfo)
        telling.tell_failure(self.task, self.context, error, einfo)
        self._after(states.FAILURE, error)
        telling.tell_postrun(self.task, self.context, error, states.FAILURE)
        tell_request(self, einfo)
        children = self.context.__dict__.get("children")
        if children and isinstance(outcome, Failed):
            note = note_of(children, outcome.exception or "")
            return dataclasses.replace(outcome, exception=note)
        return outcome

    def _follow_failure(self, error: BaseException, outcome: Failed) -> None:
        """A failure stays one, whatever comes of telling others."""
        try:
            follow_failure(self, error, outcome)
        except Exception:
            logger.exception("what follows the failed %s was not told", self.context.id)

    def inherit(self, found: Inherited) -> Outcome:
        """Fail without a run, since something before it has failed."""
        if found.of_chord:
            call_errbacks_of_body(self, found.error, found.outcome)
            if self.task.name == JOINT:
                call_errbacks_of_rest(self, found.error, found.outcome)
        fail_rest(self.task.app, self.message.headers, found.outcome)
        return found.outcome

    def _decided(self, error: BaseException) -> Failed | Retried:
        """Attempts that a producer asked for in BullMQ's words count; those written for Node do
        not.
        """
        if self.message.headers.get("derived"):
            return failure(error)
        return dataclasses.replace(decide(self.delivery.job, error), exception=record_of(error))

    def _retried(self, signal: Retry) -> Outcome:
        try:
            outcome = run_again(self, signal)
        except Exception as error:
            rejected = Reject(error, requeue=False)
            rejected.__cause__ = error
            return self._rejected(rejected)
        einfo = ExceptionInfo(signal)
        self._call("on_retry", signal.exc, *self._identity(), einfo)
        telling.tell_retry(self.task, self.context, signal, einfo)
        telling.tell_postrun(self.task, self.context, signal, states.RETRY)
        tell_request(self, einfo)
        return outcome

    def _after(self, status: str, value: Any) -> None:
        self._call("after_return", status, value, *self._identity(), None)

    def _call(self, name: str, *args: Any) -> None:
        """A method of the user that raises must not undo what the task has done."""
        try:
            getattr(self.task, name)(*args)
        except Exception:
            telling.logger.exception("%s of %s raised", name, self.task.name)


def called(task: Task) -> Callable[..., Any]:
    """What runs the task: its `run`, or itself when it has a ``__call__`` of its own."""
    return task.run if type(task).__call__ is Task.__call__ else task


def _lost(error: BaseException) -> WorkerLostError:
    """What stands for an exception that would end the process of whoever asks for the result."""
    lost = WorkerLostError(f"Worker exited prematurely: {error!r}")
    lost.__cause__ = error
    return lost


def _moment(when: Any) -> dict[str, Any]:
    return {"eta": when} if isinstance(when, datetime.datetime) else {"countdown": when}
