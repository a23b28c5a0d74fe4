"""The application: Celery's class of that name on BullMQ's queues."""

from __future__ import annotations

import datetime
import logging
import os
import threading
import zoneinfo
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from bullrush.core import JobView, Queue, QueueEvents
from bullrush.core.calls import Batch, run
from bullrush.core.drivers import Driver, connect
from bullrush.core.environment import key_prefix, redis_url
from bullrush.core.errors import InvalidOption
from bullrush.core.options import JobOptions, check_names

from .batches import check_batch
from .eager import run_eagerly
from .exceptions import ImproperlyConfigured, NotRegistered
from .ids import job_id_of, uuid
from .local import Proxy
from .message import Message
from .rates import per_second
from .result import AsyncResult, EagerResult
from .routing import route
from .settings import Settings
from .task import Task
from .tracer import Tracer

_current: list[Celery] = []
#: Tasks of ``@shared_task``: every application gets them.
_shared: list[Callable[[Celery], Task]] = []

#: Options of Celery's `apply_async` that mean something here.
_CELERY_OPTIONS = [
    "countdown",
    "eta",
    "expires",
    "queue",
    "priority",
    "task_id",
    "ignore_result",
    "headers",
    "root_id",
    "parent_id",
    "serializer",
    "soft_time_limit",
    "time_limit",
]
#: Options that name parts of other brokers, or what is always so here.
_WITHOUT_EFFECT = [
    "retry",
    "retry_policy",
    "delivery_mode",
    "mandatory",
    "connection",
    "producer",
    "add_to_parent",
    "compression",
    "routing_key",
    "exchange",
    "exchange_type",
    "immediate",
    "argsrepr",
    "kwargsrepr",
    "shadow",
]
_JOB_OPTIONS = tuple(name for name in JobOptions.__annotations__ if name not in ("job_id", "delay"))
_KNOWN_OPTIONS = (*_CELERY_OPTIONS, *_WITHOUT_EFFECT, *_JOB_OPTIONS)


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
        _current[:] = [self]

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
                source = _imported(source)
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
                _import_related(package, related_name)

        if force:
            discover()
        else:
            self._packages.append(discover)

    def task(self, *args: Any, **options: Any) -> Any:
        """Make a task of a function; ``@app.task`` or ``@app.task(name=..., bind=True, ...)``."""
        if args and callable(args[0]):
            return self._make_task(args[0], {})
        return lambda function: self._make_task(function, options)

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
        for name in (*_names(self.conf.imports), *_names(self.conf.include)):
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
        check_names(options, _KNOWN_OPTIONS, "option of apply_async")
        if options.get("serializer") not in (None, "json"):
            raise InvalidOption(f"serializer={options['serializer']!r}: only 'json' is there yet")
        given, named = tuple(args or ()), dict(kwargs or {})
        defaults = _defaults_of(task)
        routed = route(self.conf.task_routes, name, given, named, options)
        merged = {**defaults, **routed, **{k: v for k, v in options.items() if v is not None}}
        queue = self.queue(_queue_name(merged.get("queue")) or self.conf.task_default_queue)
        task_id = str(merged.get("task_id") or uuid())
        headers = self._headers(task, merged)
        message = task.message(given, named, headers) if task else Message(given, named, headers)
        job_options = self._job_options(task, merged, headers)
        job = queue.prepare(
            name, message.encode(), {**job_options, "job_id": job_id_of(task_id)}, renew=True
        )
        run(queue.driver, queue.send_jobs([job], lambda jobs: jobs[0]))
        return AsyncResult(task_id, self, queue.name, ignored=self._ignores(merged))

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

    def _make_task(self, function: Callable[..., Any], options: dict[str, Any]) -> Task:
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

    def _headers(self, task: Task | None, options: Mapping[str, Any]) -> dict[str, Any]:
        """The ``celery`` object: only what differs from the default."""
        headers = {
            name: options[name] for name in ("root_id", "parent_id", "headers") if options.get(name)
        }
        if options.get("expires") is not None:
            headers["expires"] = self._moment(options["expires"]).isoformat()
        if options.get("eta") is not None:
            headers["eta"] = self._moment(options["eta"]).isoformat()
        limits = _time_limits(options)
        if limits:
            headers["timelimit"] = limits
        if task is not None and task.autoretry_for and options.get("attempts") is None:
            headers["derived"] = True
        return headers

    def _job_options(
        self, task: Task | None, options: Mapping[str, Any], headers: Mapping[str, Any]
    ) -> dict[str, Any]:
        """BullMQ's options for Celery's."""
        chosen = {name: options[name] for name in _JOB_OPTIONS if options.get(name) is not None}
        if "priority" not in chosen and self.conf.task_default_priority is not None:
            chosen["priority"] = self.conf.task_default_priority
        delay = self._delay_ms(options)
        if delay:
            chosen["delay"] = delay
        if self._ignores(options):
            chosen.setdefault("remove_on_complete", True)
        if task is not None and headers.get("derived"):
            chosen.update({k: v for k, v in _derived_attempts(task).items() if k not in chosen})
        if self.conf.result_expires:
            age = _seconds(self.conf.result_expires)
            for name in ("remove_on_complete", "remove_on_fail"):
                chosen.setdefault(name, {"age": age})
        return chosen

    def _ignores(self, options: Mapping[str, Any]) -> bool:
        ignore = options.get("ignore_result")
        return bool(self.conf.task_ignore_result if ignore is None else ignore)

    def _delay_ms(self, options: Mapping[str, Any]) -> int:
        if options.get("eta") is not None:
            rest = self._moment(options["eta"]) - datetime.datetime.now(datetime.timezone.utc)
            return max(0, round(rest.total_seconds() * 1000))
        countdown = options.get("countdown") or 0
        if isinstance(countdown, bool) or not isinstance(countdown, (int, float)):
            raise InvalidOption(f"countdown is a number of s, not {countdown!r}")
        return max(0, round(countdown * 1000))

    def _moment(self, when: Any) -> datetime.datetime:
        """A moment from s from now, a timedelta, a datetime (naive: in the ``timezone`` setting) or
        ISO text.
        """
        now = datetime.datetime.now(datetime.timezone.utc)
        if isinstance(when, (int, float)) and not isinstance(when, bool):
            return now + datetime.timedelta(seconds=when)
        if isinstance(when, datetime.timedelta):
            return now + when
        if isinstance(when, str):
            when = datetime.datetime.fromisoformat(when)
        if not isinstance(when, datetime.datetime):
            raise InvalidOption(f"eta and expires are a datetime or a number of s, not {when!r}")
        zone = (
            zoneinfo.ZoneInfo(self.conf.timezone) if self.conf.timezone else datetime.timezone.utc
        )
        return when if when.tzinfo else when.replace(tzinfo=zone)


class TaskRegistry(dict[str, Task]):
    """The tasks of an application by name, those of ``@shared_task`` included."""

    def __init__(self, app: Celery) -> None:
        super().__init__()
        self._app = app
        self._seen = 0

    def add(self, task: Task) -> None:
        """Register a task."""
        super().__setitem__(task.name, task)

    def _adopt(self) -> None:
        while self._seen < len(_shared):
            self._seen += 1
            _shared[self._seen - 1](self._app)

    def __contains__(self, name: object) -> bool:
        self._adopt()
        return super().__contains__(name)

    def __missing__(self, name: str) -> Task:
        self._adopt()
        found = super().get(name)
        if found is None:
            raise NotRegistered(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """The task of that name, or the default."""
        self._adopt()
        return super().get(name, default)

    def values(self) -> Any:
        """Every task."""
        self._adopt()
        return super().values()

    def __iter__(self) -> Iterator[str]:
        self._adopt()
        return super().__iter__()


def _find_current() -> Celery:
    if not _current:
        Celery("default")
    return _current[0]


#: The application made last, or a default one.
current_app: Any = Proxy(_find_current)


def shared_task(*args: Any, **options: Any) -> Any:
    """A task of every application: for modules that know of none. Arguments as ``@app.task``."""

    def share(function: Callable[..., Any]) -> Any:
        name = options.get("name")

        def make(app: Celery) -> Task:
            return app._make_task(function, dict(options))

        _shared.append(make)

        def find() -> Task:
            app = _find_current()
            return app.tasks[name or app.gen_task_name(function.__name__, function.__module__)]

        return Proxy(find)

    return share(args[0]) if args and callable(args[0]) else share


def _defaults_of(task: Task | None) -> dict[str, Any]:
    if task is None:
        return {}
    names = ("queue", "priority", "expires", "ignore_result")
    own = {name: getattr(task, name) for name in names if getattr(task, name) is not None}
    return {**task.job_options, **own}


def _derived_attempts(task: Task) -> dict[str, Any]:
    """What a Node worker needs to retry as Celery would."""
    if task.max_retries is None:
        return {}
    kind = "exponential" if task.retry_backoff else "fixed"
    first = (
        1.0 if task.retry_backoff is True else float(task.retry_backoff or task.default_retry_delay)
    )
    return {
        "attempts": task.max_retries + 1,
        "backoff": {"type": kind, "delay": round(first * 1000)},
    }


def _time_limits(options: Mapping[str, Any]) -> list[float | None] | None:
    """[hard, soft] as Celery's messages have them, or None when the call has none of its own."""
    soft, hard = options.get("soft_time_limit"), options.get("time_limit")
    for name, value in (("soft_time_limit", soft), ("time_limit", hard)):
        wrong = isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0
        if value is not None and wrong:
            raise InvalidOption(f"{name} is a time in s above 0, not {value!r}")
    if soft is not None and hard is not None and soft > hard:
        raise InvalidOption(f"soft_time_limit={soft} is above time_limit={hard}; make it smaller")
    return None if soft is None and hard is None else [hard, soft]


def _seconds(value: Any) -> int:
    return int(value.total_seconds() if isinstance(value, datetime.timedelta) else value)


def _queue_name(queue: Any) -> str | None:
    name: str | None = getattr(queue, "name", queue)
    return name


def _names(value: Any) -> Sequence[str]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _imported(path: str) -> Any:
    """A module, or an attribute of one (``package.module:attribute`` or with a dot)."""
    if ":" in path:
        module, _, attribute = path.partition(":")
        return getattr(import_module(module), attribute)
    try:
        return import_module(path)
    except ModuleNotFoundError as error:
        module, _, attribute = path.rpartition(".")
        if not module or not path.startswith(str(error.name)):
            raise
        return getattr(import_module(module), attribute)


def _import_related(package: str, related_name: str | None) -> None:
    """A package without that module is fine; one whose module cannot be imported is not."""
    name = f"{package}.{related_name}" if related_name else package
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
