"""The application: Celery's class of that name on BullMQ's queues."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from .. import _state
from ..canvas import ready as ready
from ..canvas.signatures import Signature
from ..eager import run_eagerly
from ..exceptions import AlwaysEagerIgnored, ImproperlyConfigured
from ..loaders import get_loader_cls
from ..local import find_current_task, find_worker_task
from ..result import AsyncResult, EagerResult
from .commanding import Commanding
from .components import Components
from .configuring import Configuring
from .connecting import Connecting
from .headers import add_to_parent
from .importing import imported, names_in
from .log import Logging
from .outage import Outage, run_inline
from .registering import Registering
from .resulting import Resulting
from .routing import Routing
from .sending import prepare_call, send_by_policy, send_prepared
from .task import Task as BaseTask
from .templates import Templates
from .trace import Tracer


class Celery(Commanding, Configuring, Components, Connecting, Registering, Resulting, Routing):
    """An application with its tasks, settings and connections.

    Args:
        main: its name; the first part of the names of tasks defined in ``__main__``.
        broker: where Redis is: the setting ``broker_url``.
        backend: the setting ``result_backend``; the job is the result, in the same Redis.
        include: modules that hold tasks: the setting ``include``.
        config_source, namespace: as `config_from_object`.
        set_as_current: whether `current_app` is this one from now on, in this thread.
        task_cls: the base class of tasks, or its dotted path.
        loader: what imports the modules with tasks: a class or its dotted path.
        autofinalize: False: using a task before `finalize` is a RuntimeError.
        strict_typing: whether tasks check the arguments of a call where it is made.
        fixups: dotted paths of functions that are called with the application.
        changes: settings, as a dict; other keywords are settings as well.
    """

    #: Functions, by path, that every application is given to; see `fixups`.
    builtin_fixups: tuple[str, ...] = ("bullrush.fixups.django:fixup",)

    def __init__(
        self,
        main: str | None = None,
        loader: Any = None,
        backend: Any = None,
        amqp: Any = None,
        events: Any = None,
        log: Any = None,
        control: Any = None,
        set_as_current: bool = True,
        tasks: Any = None,
        broker: str | None = None,
        include: Sequence[str] | str | None = None,
        changes: Mapping[str, Any] | None = None,
        config_source: Any = None,
        fixups: Sequence[str] | None = None,
        task_cls: type[BaseTask] | str | None = None,
        autofinalize: bool = True,
        namespace: str | None = None,
        strict_typing: bool = True,
        config_source_silent: bool = False,
        **settings: Any,
    ) -> None:
        if amqp is not None or tasks is not None:
            raise ImproperlyConfigured("amqp= and tasks= cannot be replaced here")
        self.main = main
        self.namespace = namespace
        self.set_as_current = set_as_current
        self.strict_typing = strict_typing
        self.log = (imported(log) if isinstance(log, str) else log or Logging)(self)
        self.task_cls = task_cls or BaseTask
        self._own_task_cls = task_cls
        if control is not None:
            self.control_cls = control
        if events is not None:
            self.events_cls = events
        early = _early(broker, backend, include, {**(changes or {}), **settings})
        source = None if config_source is None else (config_source, config_source_silent)
        self._start_configuring(early, source)
        self._start_components()
        self._start_connecting()
        self._start_registering(autofinalize)
        self.outage = Outage(self)
        self.templates = Templates(self)
        self.loader = get_loader_cls(loader or "app")(self)
        _state.add_app(self)
        if set_as_current:
            self.set_current()
        paths = self.builtin_fixups if fixups is None else fixups
        self._fixups = [found for found in (imported(p)(self) for p in paths) if found is not None]
        self.on_init()

    def on_init(self) -> None:
        """Called at the end of the constructor; for subclasses."""

    def __repr__(self) -> str:
        return f"<Celery {self.main or '__main__'} at {id(self):#x}>"

    def __reduce__(self) -> Any:
        """A copy in another process has the same class, name and settings."""
        given = {"main": self.main, "changes": self.conf.without_defaults()}
        return _rebuilt, (type(self), {**given, "set_as_current": False})

    def set_current(self) -> None:
        """Make this the current application of this thread."""
        _state.set_current(self)

    def set_default(self) -> None:
        """Make this the current application of every thread that has none of its own."""
        _state.set_default(self)

    def send_task(
        self,
        name: str,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        task: BaseTask | None = None,
        **options: Any,
    ) -> AsyncResult:
        """Have a worker run a task by its name, wherever it is defined. Options as
        `Task.apply_async`; what they leave open is that of the task of this name, if there is one
        here.

        It is always sent, ``task_always_eager`` or not.

        Raises:
            As `Task.apply_async`.
        """
        if task is None:
            task = self.tasks.get(name) if self.finalized or self.autofinalize else None
            if self.conf.task_always_eager:
                text = "task_always_eager has no effect on send_task"
                warnings.warn(AlwaysEagerIgnored(text), stacklevel=2)
        prepared = prepare_call(self, name, args, kwargs, task, options)
        mark = self.mark_of(prepared.queue.name, options.get("task_id"))
        policy = self.conf.on_broker_down if task is None else task.on_broker_down
        if policy == "raise":
            send_prepared(self, prepared, options)
        else:
            failed = send_by_policy(self, policy, [prepared])
            if failed is not None:
                known = {**options, "task_id": prepared.task_id}
                ran: AsyncResult = run_inline(self, task, args or (), kwargs or {}, known, failed)
                return ran
        kind = options.get("result_cls") or self.AsyncResult
        result: AsyncResult = kind(
            prepared.task_id,
            app=self,
            queue=prepared.queue.name,
            ignored=prepared.ignored,
            mark=mark,
        )
        if options.get("add_to_parent", True):
            add_to_parent(result)
        return result

    def signature(self, task: Any, *args: Any, **options: Any) -> Signature:
        """A call that is not made yet, of this application: as `bullrush.signature`."""
        return ready.signature(task, *args, **{**options, "app": self})

    @property
    def current_task(self) -> BaseTask | None:
        """The task that runs in this thread or coroutine, or None."""
        found: BaseTask | None = find_current_task()
        return found

    @property
    def current_worker_task(self) -> BaseTask | None:
        """The task that a worker has called, and not one that it calls or applies; or None."""
        found: BaseTask | None = find_worker_task()
        return found

    def run_eagerly(
        self, task: BaseTask, args: tuple[Any, ...], kwargs: dict[str, Any], **options: Any
    ) -> EagerResult:
        """See `Task.apply`."""
        return run_eagerly(task, args, kwargs, **options)

    def tracer(self, hostname: str = "") -> Tracer:
        """The handler by which a worker runs this application's tasks."""
        return Tracer(self, hostname)

    def prepared_handler(self, handler: Any) -> Any:
        """What a worker, or a child of it, is given for its handler; for subclasses."""
        return handler

    def close(self) -> None:
        """Close every connection, and share the tasks no more; a later use connects anew."""
        _state.forget_app(self)
        self.outage.close()
        self.disconnect()

    def __enter__(self) -> Celery:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _early(
    broker: str | None, backend: Any, include: Sequence[str] | str | None, others: dict[str, Any]
) -> dict[str, Any]:
    """The settings that the constructor was given."""
    given = {
        "broker_url": broker,
        "result_backend": backend,
        "include": tuple(names_in(include)) if include else None,
    }
    return {**{name: value for name, value in given.items() if value is not None}, **others}


def _rebuilt(kind: type[Celery], arguments: dict[str, Any]) -> Celery:
    return kind(**arguments)
