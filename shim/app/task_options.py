"""The options of tasks: attributes of their classes."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..exceptions import ImproperlyConfigured, MaxRetriesExceededError, OperationalError
from .arguments import checker_of
from .context import Context
from .from_settings import CurrentApp, FromSetting, fall_back
from .outage import check_policy
from .retrying import retrying

if TYPE_CHECKING:
    from .base import Celery
    from .models import Models
    from .task import Task

#: Celery's own classes behind a worker, by path.
DEFAULT_REQUEST = "celery.worker.request:Request"
_STRATEGY = "celery.worker.strategy:default"


class TaskOptions:
    """What a task may say of itself, with the defaults; see `Task`."""

    #: Of a task that is registered with none: the current one.
    app: Celery = CurrentApp()  # type: ignore[assignment]
    name: str = None  # type: ignore[assignment]
    bind: Any = False
    #: A base class of tasks, not a task itself.
    abstract = True
    max_retries: int | None = 3
    default_retry_delay: float = 180
    autoretry_for: Sequence[type[BaseException]] = ()
    dont_autoretry_for: Sequence[type[BaseException]] = ()
    retry_kwargs: Mapping[str, Any] = {}
    retry_backoff: bool | float = False
    retry_backoff_max: float = 600
    retry_jitter: bool = True
    queue: Any = None
    exchange: Any = None
    routing_key: str | None = None
    exchange_type: str | None = None
    delivery_mode: Any = None
    immediate = None
    mandatory = None
    expires: Any = None
    soft_time_limit: float | None = None
    time_limit: float | None = None
    batch: int | None = None
    max_wait: float = 0.2
    throws: Sequence[type[BaseException]] = ()
    trail = True
    send_events = True
    resultrepr_maxsize = 1024
    pydantic = False
    pydantic_strict = False
    pydantic_check_calls: Any = FromSetting("task_pydantic_check_calls")
    pydantic_context: Mapping[str, Any] | None = None
    pydantic_dump_kwargs: Mapping[str, Any] | None = None
    compression: str | None = None
    Request: Any = DEFAULT_REQUEST
    Strategy: Any = _STRATEGY
    #: BullMQ's own options for every job of the task, such as ``{"remove_on_fail": 100}``.
    job_options: Mapping[str, Any] = {}

    priority: Any = FromSetting("task_default_priority")
    serializer: Any = FromSetting("task_serializer")
    rate_limit: Any = FromSetting("task_default_rate_limit")
    ignore_result: Any = FromSetting("task_ignore_result")
    track_started: Any = FromSetting("task_track_started")
    acks_late: Any = FromSetting("task_acks_late")
    acks_on_failure_or_timeout: Any = FromSetting("task_acks_on_failure_or_timeout")
    acks_on_failure: Any = FromSetting("task_acks_on_failure", "task_acks_on_failure_or_timeout")
    acks_on_timeout: Any = FromSetting("task_acks_on_timeout", "task_acks_on_failure_or_timeout")
    reject_on_worker_lost: Any = FromSetting("task_reject_on_worker_lost")
    retry_on_worker_lost: Any = FromSetting("task_retry_on_worker_lost")
    store_eager_result: Any = FromSetting("task_store_eager_result")
    store_errors_even_if_ignored: Any = FromSetting("task_store_errors_even_if_ignored")
    on_broker_down: Any = FromSetting("on_broker_down")
    typing: bool | None = None

    MaxRetriesExceededError = MaxRetriesExceededError
    OperationalError = OperationalError

    _default_request: Context
    _check: Callable[..., Any] | None = None
    _models: Models | None = None
    _bound = False
    #: What `inspect.signature` tells of the task: the arguments of a call.
    __signature__: inspect.Signature

    run: Any

    def bind_to(self, app: Celery) -> None:
        """Make it a task of an application; once, when it is registered.

        Raises:
            NotImplementedError: an option that cannot be had here; says what to do instead.
        """
        self.app = app
        if self._bound:
            return
        self._bound = True
        task: Task = self  # type: ignore[assignment]
        self._refuse_options()
        fall_back(self, TaskOptions)
        self._heed_policy(app)
        if self.typing is None:
            self.typing = app.strict_typing
        if self.typing and self.batch is None:
            self._check = checker_of(self.run)
        if self.pydantic:
            from .models import Models  # noqa: PLC0415 - only for who uses pydantic

            self._models = Models(task, self.run)
            self.run = self._models.around(self.run)
        if self.autoretry_for and self.batch is None:
            self.run = retrying(task, self.run)
        with contextlib.suppress(TypeError, ValueError):  # a function written in C has none
            self.__signature__ = inspect.signature(self.run)
        self.on_bound(app)

    def _heed_policy(self, app: Celery) -> None:
        wrong = check_policy(self.on_broker_down, f"on_broker_down of {self.name}")
        if wrong:
            raise ImproperlyConfigured(wrong)
        if self.on_broker_down != "raise":
            app.outage.wanted = True
        if self.on_broker_down == "spool":
            app.outage.watch()

    def _refuse_options(self) -> None:
        if self.Strategy != _STRATEGY:
            raise NotImplementedError(
                f"Strategy of {self.name}: workers here take jobs their own way; a handler or the "
                "signals task_received and task_prerun see every task"
            )
        own = inspect.getattr_static(self, "backend")
        if own is not None and own is not _BACKEND:
            raise NotImplementedError(
                f"backend of {self.name}: the job is the result, in the application's own Redis; "
                "leave it out"
            )

    @property
    def backend(self) -> Any:
        """What knows of results: the application's, since the job is the result."""
        return self.app.backend

    @property
    def __name__(self) -> str:
        """That of the function, or of the class."""
        kind: type = type(self)
        return kind.__name__

    @property
    def __header__(self) -> Callable[..., Any] | None:
        """Takes what a call of the task takes and does nothing."""
        return checker_of(self.run)

    @classmethod
    def annotate(cls) -> None:
        """Celery's way to change a registered class.

        Raises:
            NotImplementedError: always; says what to use.
        """
        raise NotImplementedError(
            f"{cls.__name__}.annotate: a task is changed when it is bound, by task_annotations or "
            "in its on_bound(app)"
        )

    @classmethod
    def add_around(cls, attr: str, around: Any) -> None:
        """Celery's way to wrap a method of a class from outside.

        Raises:
            NotImplementedError: always; says what to use.
        """
        raise NotImplementedError(
            f"{cls.__name__}.add_around: wrap {attr} in a base class, or by '@{attr}' in "
            "task_annotations"
        )

    @classmethod
    def on_bound(cls, app: Celery) -> None:
        """Called when it has become a task of an application."""


_BACKEND = vars(TaskOptions)["backend"]
