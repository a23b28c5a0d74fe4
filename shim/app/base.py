"""The application: Celery's class of that name on BullMQ's queues."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from bullrush.core import JobView, Queue, QueueEvents
from bullrush.core.calls import Batch, run
from bullrush.core.drivers import Driver, connect
from bullrush.core.environment import key_prefix, redis_url
from bullrush.core.errors import InvalidOption
from bullrush.core.options import check_names

from .. import _state
from ..batches import check_batch
from ..eager import run_eagerly
from ..exceptions import ImproperlyConfigured
from ..ids import job_id_of, uuid
from ..message import Message
from ..rates import per_second
from ..result import AsyncResult, EagerResult
from .importing import import_related, imported, names_in
from .registry import TaskRegistry
from .routes import route
from .sending import (
    KNOWN_OPTIONS,
    defaults_of,
    headers_of,
    ignores_result,
    job_options_of,
    queue_name,
)
from .settings import Settings
from .task import Task
from .trace import Tracer


class Celery:
    """An application with its tasks, settings and connections.

    Args:
        main: its name; the first part of the names of tasks defined in ``__main__``.
        broker: where Redis is; else the setting ``broker_url``, else what the environment says.
        backend: accepted; the job is the result, in the same Redis.
        include: modules that hold tasks.
        config_source: as `config_from_object`.
        set_as_current: whether `current_app` is this one from now on.
        task_cls: the base class of tasks.
    """

    def __init__(
        self,
        main: str | None = None,
        broker: str | None = None,
        backend: str | None = None,
        include: Sequence[str] | None = None,
        config_source: Any = None,
        set_as_current: bool = True,
        task_cls: type[Task] = Task,
        namespace: str | None = None,
        **settings: Any,
    ) -> None:
        self.main = main
        self.conf = Settings()
        self.log = logging.getLogger("bullrush.task")
        self.Task = task_cls
        self.tasks = TaskRegistry(self)
        self._broker = broker
        self._guard = threading.RLock()
        self._pid = os.getpid()
        self._driver: Driver | None = None
        self._queues: dict[str, Queue] = {}
        self._events: dict[str, QueueEvents] = {}
        self._packages: list[Callable[[], None]] = []
        if include:
            self.conf.include = tuple(include)
        if config_source is not None:
            self.config_from_object(config_source, namespace=namespace)
        for name, value in settings.items():
            self.conf[name] = value
        if set_as_current:
            self.set_current()

    def __repr__(self) -> str:
        return f"<Celery {self.main or '__main__'}>"

    def set_current(self) -> None:
        """Make this the current application."""
        _state.set_current(self)

    def config_from_object(
        self, source: Any, silent: bool = False, force: bool = False, namespace: str | None = None
    ) -> None:
        """Take settings from an object, a mapping, or the dotted path of one.

        Args:
            namespace: only names that start with it, such as ``CELERY``.

        Raises:
            ImproperlyConfigured: nothing can be imported from that path.
        """
        if isinstance(source, str):
            try:
                source = imported(source)
            except (ImportError, AttributeError) as error:
                if silent:
                    return
                raise ImproperlyConfigured(
                    f"the settings {source!r} cannot be imported: {error}"
                ) from error
        self.conf.update_from(source, namespace)

    def config_from_envvar(
        self, variable_name: str, silent: bool = False, force: bool = False
    ) -> None:
        """Take settings from the module that an environment variable names.

        Raises:
            ImproperlyConfigured: the variable is not set.
        """
        name = os.environ.get(variable_name)
        if name:
            self.config_from_object(name, silent=silent)
        elif not silent:
            raise ImproperlyConfigured(f"the environment variable {variable_name} is not set")

    def autodiscover_tasks(
        self,
        packages: Sequence[str] | Callable[[], Sequence[str]] = (),
        related_name: str | None = "tasks",
        force: bool = False,
    ) -> None:
        """Import ``<package>.tasks`` of every package when the application is finalized, or now
        with `force`.
        """

        def discover() -> None:
            for package in packages() if callable(packages) else packages:
                import_related(package, related_name)

        if force:
            discover()
        else:
            self._packages.append(discover)

    def task(self, *args: Any, **options: Any) -> Any:
        """Make a task of a function; ``@app.task`` or ``@app.task(name=..., bind=True, ...)``."""
        if args and callable(args[0]):
            return self.make_task(args[0], {})
        return lambda function: self.make_task(function, options)

    def register_task(self, task: Task | type[Task]) -> Task:
        """Register a class-based task."""
        instance = task() if isinstance(task, type) else task
        instance.app = self
        per_second(instance.rate_limit)
        check_batch(instance.batch, instance.max_wait if instance.batch else None)
        if not getattr(instance, "name", None):
            instance.name = f"{type(instance).__module__}.{type(instance).__name__}"
        self.tasks.add(instance)
        return instance

    def gen_task_name(self, name: str, module: str) -> str:
        """The name of a task that was given none: its module and its function."""
        return f"{self.main or module if module == '__main__' else module}.{name}"

    def finalize(self, auto: bool = False) -> None:
        """Import every module that may hold tasks: ``imports``, ``include``, and what
        `autodiscover_tasks` was given.
        """
        for name in (*names_in(self.conf.imports), *names_in(self.conf.include)):
            import_module(name)
        packages, self._packages = self._packages, []
        for discover in packages:
            discover()

    def send_task(
        self,
        name: str,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        task: Task | None = None,
        **options: Any,
    ) -> AsyncResult:
        """Have a worker run a task by its name, wherever it is defined. Options as
        `Task.apply_async`.

        Raises:
            As `Task.apply_async`.
        """
        check_names(options, KNOWN_OPTIONS, "option of apply_async")
        if options.get("serializer") not in (None, "json"):
            raise InvalidOption(f"serializer={options['serializer']!r}: only 'json' is there yet")
        given, named = tuple(args or ()), dict(kwargs or {})
        defaults = defaults_of(task)
        routed = route(self.conf.task_routes, name, given, named, options)
        merged = {**defaults, **routed, **{k: v for k, v in options.items() if v is not None}}
        queue = self.queue(queue_name(merged.get("queue")) or self.conf.task_default_queue)
        task_id = str(merged.get("task_id") or uuid())
        headers = headers_of(self, task, merged)
        message = task.message(given, named, headers) if task else Message(given, named, headers)
        job_options = job_options_of(self, task, merged, headers)
        job = queue.prepare(
            name, message.encode(), {**job_options, "job_id": job_id_of(task_id)}, renew=True
        )
        run(queue.driver, queue.send_jobs([job], lambda jobs: jobs[0]))
        return AsyncResult(task_id, self, queue.name, ignored=ignores_result(self, merged))

    def run_eagerly(
        self,
        task: Task,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        throw: bool,
        task_id: str | None,
    ) -> EagerResult:
        """See `Task.apply`."""
        return run_eagerly(task, args, kwargs, throw, task_id)

    def AsyncResult(self, id: str, **options: Any) -> AsyncResult:
        """The result of the task with that id."""
        return AsyncResult(id, self)

    @property
    def driver(self) -> Driver:
        """The connections of this process; a child after a fork makes its own."""
        with self._guard:
            if self._pid != os.getpid():
                self._pid, self._driver = os.getpid(), None
                self._queues, self._events = {}, {}
            if self._driver is None:
                self._driver = connect(redis_url(self._broker, configured=self.conf.broker_url))
            return self._driver

    @property
    def prefix(self) -> str:
        """What every key in Redis starts with."""
        return key_prefix(self.conf.bullrush_prefix)

    def queue(self, name: str) -> Queue:
        """The queue of that name; the same object every time."""
        driver = self.driver
        with self._guard:
            if name not in self._queues:
                self._queues[name] = Queue(name, driver=driver, prefix=self.prefix)
            return self._queues[name]

    def events(self, name: str) -> QueueEvents:
        """The started event reader of a queue, shared by all results."""
        driver = self.driver
        with self._guard:
            if name not in self._events:
                self._events[name] = QueueEvents(name, driver=driver, prefix=self.prefix)
            return self._events[name].start()

    def known_queues(self) -> list[str]:
        """Every queue that the settings, the routes, the tasks and earlier calls name."""
        names = [self.conf.task_default_queue, *self._queues]
        names += [task.queue for task in self.tasks.values() if task.queue]
        routes = self.conf.task_routes
        if isinstance(routes, Mapping):
            names += [
                each if isinstance(each, str) else each.get("queue") for each in routes.values()
            ]
        return [name for name in dict.fromkeys(names) if name]

    def view_jobs(self, places: Sequence[tuple[Queue, str]]) -> list[JobView]:
        """Several jobs of several queues in one round trip."""
        return run(self.driver, Batch([queue.view_call(job_id) for queue, job_id in places], list))

    def tracer(self, hostname: str = "") -> Tracer:
        """The handler by which a worker runs this application's tasks."""
        return Tracer(self, hostname)

    def close(self) -> None:
        """Close every connection; a later use connects anew."""
        with self._guard:
            driver, self._driver = self._driver, None
            events, self._events, self._queues = self._events, {}, {}
        for each in events.values():
            each.close()
        if driver is not None:
            driver.close()

    def __enter__(self) -> Celery:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def make_task(self, function: Callable[..., Any], options: dict[str, Any]) -> Task:
        """Register a task that runs `function`; what ``@app.task`` does. Options as there."""
        base: type[Task] = options.pop("base", None) or self.Task
        bind = bool(options.pop("bind", False))
        name = options.pop("name", None) or self.gen_task_name(
            function.__name__, function.__module__
        )
        if name in self.tasks:
            return self.tasks[name]
        per_second(options.get("rate_limit"))
        check_batch(options.get("batch"), options.get("max_wait"))
        attributes = {
            **options,
            "bind": bind,
            "__doc__": function.__doc__,
            "__module__": function.__module__,
        }
        attributes["run"] = function if bind else staticmethod(function)
        attributes["__wrapped__"] = staticmethod(function)
        task: Task = type(function.__name__, (base,), attributes)()
        task.name, task.app = name, self
        self.tasks.add(task)
        return task
