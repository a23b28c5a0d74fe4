"""How tasks get into an application."""

from __future__ import annotations

import contextlib
import inspect
import threading
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .. import _state
from ..batches import check_batch
from ..exceptions import DuplicateTaskNameWarning
from ..local import PromiseProxy, maybe_evaluate
from ..rates import per_second
from ..utils.dispatch import Signal
from .annotations import annotate
from .importing import import_related, imported
from .registry import TaskRegistry
from .settings import Settings
from .task import Task as BaseTask

if TYPE_CHECKING:
    from ..loaders import BaseLoader
    from .base import Celery

#: Options of ``@app.task`` that are not options of the task.
_OF_THE_DECORATOR = ("shared", "lazy", "filter")
#: What `functools.wraps` and `typing.get_type_hints` ask a function for; a task has them too.
_OF_THE_FUNCTION = ("__qualname__", "__annotations__")


class Registering:
    """The part of `Celery` that makes and keeps tasks.

    Attributes:
        finalized: whether the tasks that were decorated have been made.
        on_after_finalize: sent when they have been.
    """

    main: str | None
    conf: Settings
    loader: BaseLoader
    task_cls: type[BaseTask] | str

    def _start_registering(self, autofinalize: bool) -> None:
        self.on_after_finalize: Signal = Signal(name="app.on_after_finalize")
        self.finalized = False
        self.autofinalize = autofinalize
        self._tasks = TaskRegistry()
        self._pending: deque[PromiseProxy] = deque()
        #: What other applications take over: function and options of ``@app.task``.
        self._shared: list[tuple[Callable[..., Any], dict[str, Any]]] = []
        self._unbound: deque[BaseTask] = deque()
        self._making = threading.RLock()
        self._task_class: type[BaseTask] | None = None

    @property
    def tasks(self) -> TaskRegistry:
        """The tasks by name; asking for them finalizes the application.

        Raises:
            RuntimeError: it has ``autofinalize=False`` and was not finalized.
        """
        if not self.finalized:
            self.finalize(auto=True)
        return self._tasks

    @property
    def Task(self) -> type[BaseTask]:
        """The base class of this application's tasks, for class-based ones."""
        if self._task_class is None:
            base = self.task_cls
            base = imported(base) if isinstance(base, str) else base
            self._task_class = self.subclass_with_self(base, name="Task", attribute="app")
        return self._task_class

    def subclass_with_self(
        self, Class: Any, name: str | None = None, attribute: str = "app", **kwargs: Any
    ) -> Any:
        """A subclass that knows this application.

        Args:
            attribute: under this name.
        """
        Class = imported(Class) if isinstance(Class, str) else Class
        body = {attribute: self, "__module__": Class.__module__, "__doc__": Class.__doc__, **kwargs}
        return type(name or Class.__name__, (Class,), body)

    def create_task_cls(self) -> type[BaseTask]:
        """See `Task`."""
        return self.Task

    def task(self, *args: Any, **options: Any) -> Any:
        """Make a task of a function; ``@app.task`` or ``@app.task(name=..., bind=True, ...)``.

        The task is made when it is first used, or when the application is finalized.

        Args:
            shared: whether every other application gets it as well; True.
            lazy: False makes it at once.
            filter: called with the task; what it gives is the result of the decorator.

        Raises:
            TypeError: called with something else than one function.
        """

        def decorate(function: Callable[..., Any]) -> Any:
            return self._decorate(function, dict(options))

        if not args:
            return decorate
        if len(args) > 1:
            raise TypeError(f"@task() takes exactly 1 argument ({len(args)} given)")
        if not callable(args[0]):
            raise TypeError("argument 1 to @task() must be a callable")
        return decorate(args[0])

    def _decorate(self, function: Callable[..., Any], options: dict[str, Any]) -> Any:
        shared, lazy = options.pop("shared", True), options.pop("lazy", True)
        chosen = options.pop("filter", None)
        if chosen is not None:
            return chosen(self.make_task(function, options))
        _check(options)
        if shared:
            self._shared.append((function, dict(options)))
        if not lazy or self.finalized:
            return self.make_task(function, options)
        proxy = PromiseProxy(lambda: self._make_pending(function, options))
        self._pending.append(proxy)
        return proxy

    def _make_pending(self, function: Callable[..., Any], options: dict[str, Any]) -> BaseTask:
        if not self.finalized:
            self.finalize(auto=True)
        return self.make_task(function, options)

    def make_task(self, function: Callable[..., Any], options: dict[str, Any]) -> BaseTask:
        """Register a task that runs `function`; what ``@app.task`` does. Options as there.

        Of two with one name the first stays, with a warning.
        """
        name = options.get("name") or self.gen_task_name(function.__name__, function.__module__)
        with self._making:
            if name in self._tasks:
                self._warn_of_two(name, self._tasks[name], function, replaced=False)
                return self._tasks[name]
            task = self._task_of(function, name, options)
            self._tasks[name] = task
            self._bind(task)
            return task

    def _task_of(
        self, function: Callable[..., Any], name: str, options: dict[str, Any]
    ) -> BaseTask:
        base: type[BaseTask] = options.get("base") or self.Task
        bind = bool(options.get("bind", False))
        rest = {
            key: value
            for key, value in options.items()
            if key not in ("base", "name", "bind", *_OF_THE_DECORATOR)
        }
        _check(rest)
        attributes = {
            **rest,
            "app": self,
            "bind": bind,
            "name": name,
            "__doc__": function.__doc__,
            "__module__": function.__module__,
            "run": function if bind else staticmethod(function),
            "__wrapped__": staticmethod(function),
        }
        made: type[BaseTask] = type(function.__name__, (base,), attributes)
        task = made()
        for known in _OF_THE_FUNCTION:
            with contextlib.suppress(AttributeError):
                setattr(task, known, getattr(function, known))
        return task

    def register_task(self, task: BaseTask | type[BaseTask], **options: Any) -> BaseTask:
        """Register a class-based task; it replaces another one of its name, with a warning."""
        instance = task() if isinstance(task, type) else maybe_evaluate(task)
        tasks = self.tasks
        _check({name: getattr(instance, name) for name in ("rate_limit", "batch")})
        if not getattr(instance, "name", None):
            kind: type = type(instance)
            instance.name = self.gen_task_name(kind.__name__, kind.__module__)
        before = tasks.get(instance.name)
        if before is not None:
            self._warn_of_two(instance.name, before, type(instance), replaced=True)
        tasks[instance.name] = instance
        self._bind(instance)
        return instance

    def gen_task_name(self, name: str, module: str | None) -> str:
        """The name of a task that was given none: its module and its function."""
        if module in (None, "__main__"):
            module = self.main or "__main__"
        return f"{module}.{name}"

    def finalize(self, auto: bool = False) -> None:
        """Make the tasks that were decorated, and take over those that others share.

        Args:
            auto: somebody needs the tasks, nobody asked for this.

        Raises:
            RuntimeError: `auto`, and the application has ``autofinalize=False``.
        """
        with self._making:
            if self.finalized:
                return
            if auto and not self.autofinalize:
                raise RuntimeError("Contract breach: app not finalized")
            self.finalized = True
            app: Celery = self  # type: ignore[assignment]
            _state.tell_finalized(app)
            while self._pending:
                maybe_evaluate(self._pending.popleft())
            self._take_over()
            while self._unbound:
                self._bind(self._unbound.popleft())
        self.on_after_finalize.send(sender=self)

    def _take_over(self) -> None:
        """Tasks of other applications, but for names that are taken."""
        for other in _state.living_apps():
            for function, options in other._shared if other is not self else ():
                name = options.get("name") or self.gen_task_name(
                    function.__name__, function.__module__
                )
                if name not in self._tasks:
                    self.make_task(function, dict(options))

    def _bind(self, task: BaseTask) -> None:
        """Tell a task to which application it belongs; what the settings say of it waits until the
        application is finalized.
        """
        if not self.finalized:
            task.app = self  # type: ignore[assignment]
            self._unbound.append(task)
            return
        annotations = self.conf.task_annotations
        if annotations:
            annotate(task, annotations)
        task.bind_to(self)  # type: ignore[arg-type]

    def autodiscover_tasks(
        self,
        packages: Sequence[str] | Callable[[], Sequence[str]] | None = None,
        related_name: str | None = "tasks",
        force: bool = False,
    ) -> None:
        """Import ``<package>.tasks`` of every package when a worker starts, or now with `force`.

        Args:
            packages: names, or a function that gives them; None asks the fixups, which is how the
                installed applications of Django get in.
            related_name: None imports the package itself.
        """

        def discover() -> None:
            found = self._fixed_packages() if packages is None else packages
            for package in found() if callable(found) else found:
                import_related(package, related_name)

        if force:
            discover()
        else:
            self.loader.discoveries.append(discover)

    def _fixed_packages(self) -> list[str]:
        found: list[str] = []
        for fixup in self._fixups:
            ask = getattr(fixup, "autodiscover_tasks", None)
            found.extend(ask() if ask is not None else ())
        return found

    _fixups: list[Any]

    def _warn_of_two(self, name: str, there: Any, new: Any, *, replaced: bool) -> None:
        old, other = _place(there), _place(new)
        if old != other:
            what = (
                "The new callable replaced the existing one"
                if replaced
                else "The new callable was not registered; the first one is called"
            )
            warnings.warn(
                DuplicateTaskNameWarning(
                    f"Task name {name!r} is already registered to a different callable.\n"
                    f"Existing: {old}\nNew:      {other}\n{what}. Give each a name of its own."
                ),
                stacklevel=3,
            )


def _place(thing: Any) -> str:
    """Where a function or class was written."""
    found = getattr(thing, "__wrapped__", None) or (
        thing if inspect.isroutine(thing) or isinstance(thing, type) else type(thing)
    )
    return f"{found.__module__}.{found.__qualname__}"


def _check(options: dict[str, Any]) -> None:
    """Refuse such options where a task is defined."""
    per_second(options.get("rate_limit"))
    check_batch(options.get("batch"), options.get("max_wait"))
