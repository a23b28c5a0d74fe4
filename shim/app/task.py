"""A task: the user's function with Celery's methods."""

from __future__ import annotations

import datetime
import inspect
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..exceptions import MaxRetriesExceededError, OperationalError, Retry
from ..local import running
from ..message import Message
from .context import Context as Context
from .context import RequestStack

if TYPE_CHECKING:
    from ..result import AsyncResult, EagerResult
    from .base import Celery


class Task:
    """Base of all tasks; ``@app.task`` makes one of a function.

    Attributes:
        name: by which producers call it.
        max_retries: how often it may be retried; None for ever.
        default_retry_delay: s between two tries.
        autoretry_for: exceptions after which it is retried by itself.
        retry_backoff: True or a number of s: the delay doubles; False: `default_retry_delay`.
        retry_backoff_max: s.
        retry_jitter: whether such a delay is left to chance.
        soft_time_limit, time_limit: s that a run may take; see `TimeLimits`.
        rate_limit: at most so many starts in each worker: ``"10/s"``, ``"100/m"``, ``"5/h"``, a
            number a second; 0 for none, None for ``task_default_rate_limit``.
        batch: the function gets a list of up to that many `BatchItem`, with ``args``, ``kwargs``
            and ``request``, and returns a list with one answer for each: a value, or an exception
            that fails that call alone. None is None for each; what it raises counts for all.
        max_wait: s that the first call waits for others; 0.2.
        acks_late: False: a run whose process died is a failure, not run again.
        queue, priority, expires, ignore_result, serializer: defaults of `apply_async`.
    """

    app: Celery
    name: str
    bind = False
    max_retries: int | None = 3
    default_retry_delay: float = 180
    autoretry_for: tuple[type[BaseException], ...] = ()
    dont_autoretry_for: tuple[type[BaseException], ...] = ()
    retry_kwargs: Mapping[str, Any] = {}
    retry_backoff: bool | float = False
    retry_backoff_max: float = 600
    retry_jitter: bool = True
    queue: str | None = None
    priority: int | None = None
    expires: float | datetime.datetime | None = None
    ignore_result: bool | None = None
    acks_late: bool | None = None
    track_started: bool | None = None
    soft_time_limit: float | None = None
    time_limit: float | None = None
    rate_limit: str | float | None = None
    batch: int | None = None
    max_wait: float = 0.2
    typing = True
    throws: tuple[type[BaseException], ...] = ()
    #: BullMQ's own options for every job of the task, such as ``{"remove_on_fail": 100}``.
    job_options: Mapping[str, Any] = {}

    MaxRetriesExceededError = MaxRetriesExceededError
    OperationalError = OperationalError

    _default_request: Context

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The work. Class-based tasks define it."""
        raise NotImplementedError("a task defines run()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function here and now."""
        entries = running.get()
        if entries and entries[-1][0] is self:
            context = entries[-1][1]
            if not (context.called_directly or context.entered):
                context.entered = True  # from a `__call__` of the user's
                return self.run(*args, **kwargs)
        token = running.set((*entries, (self, Context(args=args, kwargs=kwargs))))
        try:
            return self.run(*args, **kwargs)
        finally:
            running.reset(token)

    def __repr__(self) -> str:
        return f"<@task: {self.name}>"

    @property
    def request(self) -> Context:
        """What is known of the run that this thread is in."""
        for task, context in reversed(running.get()):
            if task is self:
                return context  # type: ignore[no-any-return]
        try:
            return self._default_request
        except AttributeError:
            self._default_request = Context()
            return self._default_request

    @property
    def request_stack(self) -> RequestStack:
        """The requests of this task that are running in this thread."""
        return RequestStack(self)

    def push_request(self, *args: Any, **values: Any) -> None:
        """Make up a request, for tests: `request` is that until `pop_request`."""
        self.request_stack.push(Context(*args, **values))

    def pop_request(self) -> Context | None:
        """Take the last request away."""
        return self.request_stack.pop()

    def delay(self, *args: Any, **kwargs: Any) -> AsyncResult | EagerResult:
        """Have a worker run it with these arguments."""
        return self.apply_async(args, kwargs)

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> AsyncResult | EagerResult:
        """Have a worker run it.

        Args:
            args, kwargs: the arguments of the function.
            **options: Celery's countdown (s), eta, expires (s or datetime), queue, priority,
                task_id, ignore_result, headers; BullMQ's attempts, backoff (ms), deduplication,
                lifo, remove_on_complete, ... (see `JobOptions`).

        Raises:
            TypeError: the function does not take these arguments.
            InvalidOption: an unknown option, with the nearest known one.
            UnserializableData: an argument without a JSON form.
            ConnectionFailed: Redis did not answer.
        """
        given, named = tuple(args or ()), dict(kwargs or {})
        if self.typing and self.batch is None:
            self._check_arguments(given, named)
        if self.app.conf.task_always_eager:
            return self.apply(given, named, task_id=options.get("task_id"))
        return self.app.send_task(self.name, given, named, task=self, **options)

    def apply(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        throw: bool | None = None,
        task_id: str | None = None,
        **options: Any,
    ) -> EagerResult:
        """Run it here and now, with retries, and give a result object."""
        throw = self.app.conf.task_eager_propagates if throw is None else throw
        return self.app.run_eagerly(self, tuple(args or ()), dict(kwargs or {}), throw, task_id)

    def retry(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        exc: BaseException | None = None,
        throw: bool = True,
        eta: datetime.datetime | None = None,
        countdown: float | None = None,
        max_retries: int | None = None,
        **options: Any,
    ) -> Retry:
        """Run again later; raises, so nothing after it is done.

        Args:
            args, kwargs: new arguments; None keeps those of this run.
            exc: raised when there are no more retries.
            countdown: s from now; `default_retry_delay` when neither it nor `eta` is given.

        Raises:
            Retry: the worker sees to it.
            MaxRetriesExceededError: there are no more retries, and no `exc`.
        """
        request = self.request
        current = sys.exc_info()[1]
        if request.called_directly:
            raise exc or current or RuntimeError("retry() was called outside of a running task")
        most = self.max_retries if max_retries is None else max_retries
        cause = exc or current
        if most is not None and request.retries + 1 > most:
            if cause is not None:
                raise cause
            raise self.MaxRetriesExceededError(
                f"Can't retry {self.name}[{request.id}] "
                f"args:{request.args} kwargs:{request.kwargs}",
                task_args=request.args,
                task_kwargs=request.kwargs,
            )
        when = eta or (self.default_retry_delay if countdown is None else countdown)
        signal = Retry(exc=cause, when=when, is_eager=request.is_eager)
        signal.plan = (args, kwargs)
        if throw:
            raise signal from cause
        return signal

    def update_state(
        self, task_id: str | None = None, state: str | None = None, meta: Any = None
    ) -> None:
        """Tell how far the run is: a state of your own, and any JSON value."""
        delivery = self.request.delivery
        if delivery is not None and task_id in (None, self.request.id):
            delivery.update_progress({"state": state, "meta": meta})

    def AsyncResult(self, task_id: str) -> AsyncResult:
        """The result of a run of this task."""
        return self.app.AsyncResult(task_id)

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Called before each run."""

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """Called when a run returned."""

    def on_retry(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Called when a run is to be repeated."""

    def on_failure(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Called when a run failed for good."""

    def after_return(
        self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Called after each run."""

    def message(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], headers: dict[str, Any]
    ) -> Message:
        """What is stored for a call of this task."""
        return Message(args, kwargs, headers)

    def _check_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        function = inspect.unwrap(self.run)
        try:
            inspect.signature(self.run).bind(*args, **kwargs)
        except ValueError:
            return  # a function written in C tells nothing of its arguments
        except TypeError as error:
            raise TypeError(f"{getattr(function, '__name__', self.name)}() {error}") from None
