"""The handler of a Celery worker: finds the task, runs it, and says what came of it in the worker's
words.
"""

from __future__ import annotations

import datetime
import inspect
import json
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from bullrush.core import clock
from bullrush.core.batch import BatchDelivery, Batching, BatchingOf
from bullrush.core.calls import run
from bullrush.core.delivery import Delivery
from bullrush.core.outcome import Moved, Outcome, Postponed
from bullrush.core.pools import Hold, TimeLimits
from bullrush.core.relocating import relocate_call

from ..batches import BatchRun, batching_of
from ..canvas.following import fail_rest
from ..canvas.joining import joined
from ..exceptions import (
    ContentDisallowed,
    DecodeError,
    InvalidTaskError,
    NotRegistered,
    TaskRevokedError,
)
from ..local import running
from ..message import Message, decode
from ..rates import RateLimits
from ..revocation import Revocation
from ..tenants import tenant_limit
from .context import Context, worker_context
from .failing import failure
from .from_settings import explicit
from .runs import Run
from .scheduled import date_expiry
from .task import Task
from .telling import tell_revoked
from .wrapping import TracerFunction, build_tracer, task_has_custom, traced

if TYPE_CHECKING:
    from .base import Celery

__all__ = ["Tracer", "build_tracer", "task_has_custom"]

logger = logging.getLogger("celery.app.trace")
_plain = build_tracer


class Tracer:
    """Called with every delivery of a worker. Lets no exception of a task out."""

    logs_outcomes = True

    def __init__(self, app: Celery, hostname: str = "") -> None:
        self.app = app
        self.hostname = hostname
        self._rates = RateLimits(app)
        #: Task -> what another library has put around its runs.
        self._tracers: dict[Task, TracerFunction] = {}

    @property
    def hold(self) -> Hold | None:
        """Says how long a delivery must wait for the rate limit of its task, and for others of its
        tenant; None when no task has one, and tenants have none, as the worker starts.
        """
        rates = self._rates.hold if self._rates.are_there() else None
        tenants = tenant_limit(self.app)
        if tenants is None or rates is None:
            return rates if tenants is None else tenants.hold
        return lambda delivery: rates(delivery) or tenants.hold(delivery)

    @property
    def batching(self) -> BatchingOf | None:
        """Says which deliveries are gathered; None when no task is a batch task as the worker
        starts.
        """
        there = any(task.batch is not None for task in self.app.tasks.values())
        return self._batching if there else None

    def __call__(self, delivery: Delivery) -> Any:
        """Run one task: its outcome, or of a batch a list of them; of a coroutine function, the
        coroutine that runs it.
        """
        try:
            task = self.app.tasks[delivery.job.name]
        except KeyError:
            return self._refused(delivery, NotRegistered(delivery.job.name))
        if isinstance(delivery, BatchDelivery):
            return self._run_batch(task, delivery)
        message = self._message(task, delivery)
        if isinstance(message, Message) and "children" in message.headers:
            message = self._after_children(task, message, delivery)
        return message if not isinstance(message, Message) else self._run(task, message, delivery)

    def _message(self, task: Task, delivery: Delivery) -> Message | Outcome:
        """What is called, or why it must not be."""
        try:
            message = decode(delivery.job.raw("data"), delivery.data, self.app.conf.accept_content)
        except (InvalidTaskError, ContentDisallowed, DecodeError) as error:
            return failure(error)
        if "expires_after" in message.headers:
            date_expiry(message, delivery.job.id)
        if _has_expired(message.headers.get("expires")):
            tell_revoked(task, self._context(task, message, delivery), expired=True)
            return self._refused(delivery, TaskRevokedError("expired"), message)
        return message

    def _refused(
        self, delivery: Delivery, error: BaseException, message: Message | None = None
    ) -> Outcome:
        """A failure without a run; what would have followed fails as well."""
        outcome = failure(error)
        try:
            if message is None and b'"chain"' in (delivery.job.raw("data") or b""):
                message = decode(delivery.job.raw("data"), delivery.job.data)
            if message is not None:
                fail_rest(self.app, message.headers, outcome)
        except Exception:
            logger.exception("what follows the failed %s was not told", delivery.job.id)
        return outcome

    def _after_children(
        self, task: Task, message: Message, delivery: Delivery
    ) -> Message | Outcome:
        """The message with the values of the jobs before it, or what comes of their failure."""
        own_queue = message.headers.get("replaced")
        if own_queue:
            if delivery.move_to_waiting_children():
                return Moved()
            if own_queue != delivery.queue.name:
                target = self.app.queue(own_queue)
                run(target.driver, relocate_call(delivery, target, Postponed(0)))
                return Moved()
        found = joined(self.app, delivery, message)
        if isinstance(found, Message):
            return found
        return Run(task, message, self._context(task, message, delivery), delivery).inherit(found)

    def _batching(self, delivery: Delivery) -> Batching | None:
        task = self.app.tasks.get(delivery.job.name)
        return None if task is None else batching_of(task)

    def _run_batch(self, task: Task, batch: BatchDelivery) -> Any:
        found = {each: self._message(task, each) for each in batch.items}
        runs = [
            Run(task, message, self._context(task, message, each), each)
            for each, message in found.items()
            if isinstance(message, Message)
        ]
        context = Context(task=task.name, called_directly=False, hostname=self.hostname)
        came = BatchRun(task, runs, context).start()

        def answers(outcomes: list[Outcome]) -> list[Any]:
            own = iter(outcomes)
            return [next(own) if isinstance(each, Message) else each for each in found.values()]

        async def rest(coroutine: Coroutine[Any, Any, list[Outcome]]) -> list[Any]:
            return answers(await coroutine)

        return answers(came) if isinstance(came, list) else rest(came)

    def limits(self, delivery: Delivery, default: TimeLimits) -> TimeLimits:
        """The time limits of one run: the call's own, else the task's, else the worker's."""
        task = self.app.tasks.get(delivery.job.name)
        soft, hard = default.soft, default.hard
        if task is not None:
            soft = soft if task.soft_time_limit is None else task.soft_time_limit
            hard = hard if task.time_limit is None else task.time_limit
        raw = delivery.job.raw("data") or b""
        if b'"timelimit"' in raw and not isinstance(delivery, BatchDelivery):
            soft, hard = _own_limits(raw, soft, hard)
        return TimeLimits(soft, hard)

    def is_coroutine(self, delivery: Delivery) -> bool:
        """Whether the task is a coroutine function."""
        task = self.app.tasks.get(delivery.job.name)
        return task is not None and inspect.iscoroutinefunction(task.run)

    def fails_when_lost(self, delivery: Delivery) -> bool:
        """Whether a run whose process died ends the job, or counts as a retry: an explicit False of
        ``acks_late`` or ``reject_on_worker_lost``, or ``retry_on_worker_lost``.
        """
        task = self.app.tasks.get(delivery.job.name)
        return task is not None and (
            explicit(task, "acks_late") is False
            or task.reject_on_worker_lost is False
            or bool(task.retry_on_worker_lost)
        )

    def failure(self, delivery: Delivery, error: BaseException) -> Outcome:
        """What is stored for a run that was ended from outside. The handlers of the task are
        called, here in the worker's own process.
        """
        task = self.app.tasks.get(delivery.job.name)
        if isinstance(error, Revocation):
            return self._revoked(task, delivery, error)
        if task is None:
            return self._refused(delivery, error)
        try:
            message = decode(
                delivery.job.raw("data"), delivery.job.data, self.app.conf.accept_content
            )
        except (InvalidTaskError, ContentDisallowed, DecodeError, ValueError):
            return failure(error)
        context = self._context(task, message, delivery)
        token = running.set((*running.get(), (task, context)))
        try:
            return Run(task, message, context, delivery).end(error)
        finally:
            running.reset(token)

    def _revoked(self, task: Task | None, delivery: Delivery, error: Revocation) -> Outcome:
        """Nobody is told but by the signal: neither the task's own methods nor errbacks."""
        if task is not None:
            try:
                message = decode(
                    delivery.job.raw("data"), delivery.job.data, self.app.conf.accept_content
                )
            except (InvalidTaskError, ContentDisallowed, DecodeError, ValueError):
                message = Message()
            context = self._context(task, message, delivery)
            tell_revoked(task, context, terminated=error.terminated, signum=error.signum)
        return self._refused(delivery, TaskRevokedError(error.reason))

    def _run(
        self, task: Task, message: Message, delivery: Delivery
    ) -> Outcome | Coroutine[Any, Any, Outcome]:
        context = self._context(task, message, delivery)
        token = running.set((*running.get(), (task, context)))
        try:
            start = Run(task, message, context, delivery).start
            if build_tracer is _plain:
                return start()
            found: Outcome | Coroutine[Any, Any, Outcome] = traced(
                self._tracer(task), start, context
            )
            return found
        finally:
            running.reset(token)

    def _tracer(self, task: Task) -> TracerFunction:
        """Asks the name of this module: others put theirs there."""
        if task not in self._tracers:
            self._tracers[task] = build_tracer(
                task.name, task, app=self.app, hostname=self.hostname
            )
        return self._tracers[task]

    def _context(self, task: Task, message: Message, delivery: Delivery) -> Context:
        return worker_context(task, message, delivery, self.hostname)


def _own_limits(
    raw: bytes, soft: float | None, hard: float | None
) -> tuple[float | None, float | None]:
    """The limits that a call asked for, as Celery writes them: hard before soft."""
    try:
        given = json.loads(raw)["celery"]["timelimit"]
        own_hard, own_soft = given
    except (ValueError, TypeError, KeyError):
        return soft, hard
    usable = (int, float)
    return (
        own_soft if isinstance(own_soft, usable) else soft,
        own_hard if isinstance(own_hard, usable) else hard,
    )


def _has_expired(expires: Any) -> bool:
    if not isinstance(expires, str):
        return False
    try:
        moment = datetime.datetime.fromisoformat(expires)
    except ValueError:
        return False
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    return moment <= clock.now()
