"""A task: the user's function with Celery's methods."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .._state import current_app
from ..canvas.of_task import MakesSignatures
from ..exceptions import Retry
from ..failures import told_state
from ..local import running
from ..message import Message
from .arguments import checked_args, checked_kwargs
from .context import Context as Context
from .context import RequestStack
from .publishing import publish
from .retrying import plan_of, refuse
from .task_options import TaskOptions
from .urgency import MOST_URGENT, priority_of_urgency

if TYPE_CHECKING:
    from ..result import AsyncResult, EagerResult


class Task(TaskOptions, MakesSignatures):
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

    def __reduce__(self) -> tuple[Any, ...]:
        """A task is pickled by its name, and found again in the current application."""
        return (_task_of, (self.name, type(self).__module__))

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

    def urgent(self, *args: Any, **kwargs: Any) -> AsyncResult | EagerResult:
        """As `delay`, before all calls that wait with a priority; those without one run first."""
        return self.apply_async(args, kwargs, urgency=MOST_URGENT)

    def delay_many(self, calls: Iterable[Any], **options: Any) -> list[Any]:
        """As `delay` for each call, in one round trip; the results in the same order.

        Args:
            calls: of each the positional arguments as a tuple, the named ones as a dict, or the
                only argument. All are checked before the first is sent.
            **options: of every call, as `apply_async`.

        Raises:
            As `apply_async`.
        """
        send_many = import_module(".many", __package__).send_many
        found: list[Any] = send_many(self, calls, options)
        return found

    def checked_call(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call as they are sent.

        Raises:
            TypeError: the function does not take these arguments.
            pydantic.ValidationError: a model refuses them, with `pydantic_check_calls`.
        """
        if self._check is not None:
            self._check(*args, **kwargs)
        if self._models is not None:
            if self.pydantic_check_calls:
                self._models.validated(args, kwargs)
            return self._models.dumped(args, kwargs)
        return args, kwargs

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> AsyncResult | EagerResult:
        """Have a worker run it.

        Args:
            args, kwargs: the arguments of the function.
            urgency: 0 to 10, 10 first: BullMQ's priority 11 - n; 0 is none, which runs before all.
            **options: Celery's countdown (s), eta, expires (s or datetime), queue, priority,
                task_id, ignore_result, headers; BullMQ's attempts, backoff (ms), deduplication,
                lifo, remove_on_complete, ... (see `JobOptions`).

        Raises:
            TypeError: the function does not take these arguments.
            InvalidOption: an unknown option, with the nearest known one.
            UnserializableData: an argument without a JSON form.
            ConnectionFailed: Redis did not answer.
        """
        given, named = checked_args(args), checked_kwargs(kwargs)
        if self._check is not None or self._models is not None:
            given, named = self.checked_call(given, named)
        if "urgency" in options:
            options["priority"] = priority_of_urgency(self.app, options.pop("urgency"))
        if type(self).shadow_name is not Task.shadow_name and options.get("shadow") is None:
            options["shadow"] = self.shadow_name(given, named, options)
        if self.app.conf.task_always_eager:
            return self.app.run_eagerly(self, given, named, as_sent=True, **options)
        if type(self).AsyncResult is not Task.AsyncResult:
            options.setdefault("result_cls", self._own_result)
        return self.app.send_task(self.name, given, named, task=self, **options)

    def _own_result(self, task_id: str, *place: Any, ignored: bool, **known: Any) -> AsyncResult:
        result = self.AsyncResult(task_id)
        result.ignored = ignored
        return result

    def apply(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        link: Any = None,
        link_error: Any = None,
        task_id: str | None = None,
        retries: int | None = None,
        throw: bool | None = None,
        **options: Any,
    ) -> EagerResult:
        """Run it here and now, with retries, and give a result object.

        Args:
            throw: raise what it raises, a `Retry` too; else ``task_eager_propagates``.

        Raises:
            Exception: what it raised, when `throw`.
        """
        return self.app.run_eagerly(
            self,
            checked_args(args),
            checked_kwargs(kwargs),
            link=link,
            link_error=link_error,
            task_id=task_id,
            retries=retries,
            throw=throw,
            **options,
        )

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
        """Run again later; raises, so nothing after it is done. What is not said here stays: id,
        place in a canvas, expiry, headers, priority, queue.

        Args:
            args, kwargs: new arguments; None keeps those of this run.
            exc: raised when there are no more retries.
            throw: False gives the `Retry` to raise; when it is not raised, this run ends in its own
                way and the task runs again beside it.
            countdown: s from now; `default_retry_delay` when neither it nor `eta` is given.
            max_retries: instead of the task's own number; None is the task's.
            **options: as `apply_async`.

        Raises:
            Retry: the worker sees to it.
            MaxRetriesExceededError: there are no more retries, and no `exc`.
            BaseException: `exc`: there are no more retries, or no worker runs this.
        """
        request = self.request
        if max_retries is not None:
            self.override_max_retries = max_retries
        if request.called_directly:
            raise exc or Retry("Task can be retried", None)
        most = self.max_retries if max_retries is None else max_retries
        if most is not None and request.retries + 1 > most:
            refuse(self, request, exc)
        if eta is None and countdown is None:
            countdown = self.default_retry_delay
        signal = Retry(exc=exc, when=countdown if eta is None else eta, is_eager=request.is_eager)
        signal.plan = plan_of(self, request, args, kwargs, options)
        if not (throw and request.is_eager):
            # Whoever swallows what is raised here has asked for it all the same.
            request.pending = signal
        if throw:
            raise signal
        return signal

    def update_state(
        self,
        task_id: str | None = None,
        state: str | None = None,
        meta: Any = None,
        traceback: str | None = None,
    ) -> None:
        """Tell how far a run is: a state of your own, and any JSON value. It is stored at once.

        Args:
            task_id: whose; the run that this is in when not given.
            traceback: text that belongs to a `state` of FAILURE, RETRY or REVOKED.

        Raises:
            ValueError: no id, outside of a run.
            UnserializableArgument: `meta` has no JSON form.
        """
        request = self.request
        task_id = task_id or request.id
        if not task_id:
            raise ValueError(f"task_id must not be empty. Got {task_id} instead.")
        if task_id != request.id:
            self.app.backend.store_result(task_id, meta, state, traceback, request)
        elif not request.is_eager:
            told = told_state(state, meta, traceback)
            request.delivery.update_progress(told)
            request.told = told

    def send_event(
        self, type_: str, retry: bool = True, retry_policy: Any = None, **fields: Any
    ) -> None:
        """Send an event of your own that belongs to this run; whoever hears events gets it.

        Args:
            type_: such as ``task-progress``.
            retry, retry_policy: as those of `apply_async`.
            **fields: what it tells.

        Raises:
            OperationalError: Redis did not answer.
        """
        request, conf = self.request, self.app.conf
        with self.app.events.default_dispatcher(hostname=request.hostname) as dispatcher:
            publish(
                lambda: dispatcher.send(type_, uuid=request.id, **fields),
                retry,
                retry_policy,
                conf.task_publish_retry_policy,
            )

    def add_trail(self, result: Any) -> Any:
        """Note a task that this run has started; gives the result."""
        if self.trail:
            self.request.children.append(result)
        return result

    def shadow_name(self, args: Any, kwargs: Any, options: Any) -> str | None:
        """The name of a call in logs and events; None for the task's own."""
        return None

    def start_strategy(self, app: Any, consumer: Any, **kwargs: Any) -> Any:
        """Celery's way into its consumer.

        Raises:
            NotImplementedError: there is none here.
        """
        raise NotImplementedError("start_strategy: workers here have no consumer of Celery's kind")

    def AsyncResult(self, task_id: str, **known: Any) -> AsyncResult:
        """The result of a run of this task. More arguments as those of `result.AsyncResult`."""
        return self.app.AsyncResult(task_id, **known)

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


def _task_of(name: str, module: str) -> Task:
    """What a pickled task is found by."""
    if name not in current_app.tasks:
        import_module(module)
    found: Task = current_app.tasks[name]
    return found
