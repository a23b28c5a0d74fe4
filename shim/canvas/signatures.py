"""A signature: a call that is not made yet, as a dict that travels as JSON."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from .. import _state
from ..ids import uuid
from .fields import Fields

if TYPE_CHECKING:
    from ..app.base import Celery

T = TypeVar("T", bound="type[Signature]")
#: What a call must not change once it is set: the place in a group, and the stamps.
_FIXED = ("group_id", "stamped_headers")


class Signature(Fields):
    """A call that is not made yet: the task, arguments and options. It is a dict with the keys
    task, args, kwargs, options, subtask_type and immutable.

    Args:
        task: the task, its name, or a signature as a dict.
        args, kwargs: arguments; those of the call itself come before, or win.
        options: as `Task.apply_async`.
        immutable: whether it takes no arguments of a call or of the task before it.
        app: the application; the task's own, else the current one.
        **ex: more options.
    """

    #: ``subtask_type`` -> the class.
    TYPES: ClassVar[dict[str, type[Signature]]] = {}
    #: What `|` makes of two signatures; set by the module that knows all kinds of them.
    combine: ClassVar[Callable[[Any, Any], Any]]
    join: ClassVar[Callable[..., Any]]
    #: Sends a signature of any kind; set by the module that plans.
    launch: ClassVar[Callable[..., Any]]
    #: Runs one here and now.
    run_here: ClassVar[Callable[..., Any]]
    #: What `Task.replace` and `Task.add_to_chord` do.
    put_in_place: ClassVar[Callable[..., Any]]
    end_in_place: ClassVar[Callable[..., Any]]
    put_into_chord: ClassVar[Callable[..., Any]]
    put_stamps: ClassVar[Callable[..., Any]]
    put_link_stamps: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        task: Any = None,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        type: Any = None,
        subtask_type: str | None = None,
        immutable: bool = False,
        app: Any = None,
        **ex: Any,
    ) -> None:
        self._app = app
        if isinstance(task, dict):
            super().__init__(task)
            return
        if not isinstance(task, str) and task is not None:
            self._type, task = task, task.name
        elif type is not None:
            self._type = type
        super().__init__(
            task=task,
            args=tuple(args or ()),
            kwargs=dict(kwargs or {}),
            options={**(options or {}), **ex},
            subtask_type=subtask_type,
            immutable=immutable,
        )

    @classmethod
    def register_type(cls, name: str | None = None) -> Callable[[T], T]:
        """Decorates a class of signatures with a ``subtask_type`` of its own."""

        def register(kind: T) -> T:
            cls.TYPES[name or kind.__name__] = kind
            return kind

        return register

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: Any = None) -> Signature:
        """The signature in a dict, of the class that its ``subtask_type`` names."""
        kind = d.get("subtask_type")
        if kind:
            found = Signature.TYPES[kind]
            if found.__dict__.get("from_dict") is not None and found is not cls:
                return found.from_dict(d, app=app)
            return found._revived(d, app)
        return Signature(dict(d), app=app)

    @classmethod
    def _revived(cls, d: Mapping[str, Any], app: Any) -> Signature:
        made = cls.__new__(cls)
        dict.__init__(made, d)
        made._app = app
        return made

    @property
    def app(self) -> Celery:
        """Its application."""
        return self.own_app() or _state.find_current()

    def own_app(self) -> Any:
        """Its application, if it or something in it has one."""
        if self._app is not None:
            return self._app
        return self._type.app if self._type is not None else self._inner_app()

    def _inner_app(self) -> Any:
        """The application of something inside."""

    @property
    def type(self) -> Any:
        """Its task.

        Raises:
            NotRegistered: the application knows no task of that name.
        """
        return self._type if self._type is not None else self.app.tasks[self["task"]]

    def known_type(self) -> Any:
        """Its task; None when the application knows no task of that name."""
        return self._type if self._type is not None else self.app.tasks.get(self["task"])

    def __call__(self, *partial_args: Any, **partial_kwargs: Any) -> Any:
        """Call the task here and now, without a worker.

        Raises:
            NotRegistered: the application knows no task of that name.
        """
        args, kwargs, _ = self._merge(partial_args, partial_kwargs)
        return self.type(*args, **kwargs)

    def delay(self, *partial_args: Any, **partial_kwargs: Any) -> Any:
        """As `apply_async`, with the arguments alone."""
        return self.apply_async(partial_args, partial_kwargs)

    def apply(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Run it here and now, with a result object."""
        return Signature.run_here(self, tuple(args or ()), dict(kwargs or {}), options)

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        route_name: str | None = None,
        **options: Any,
    ) -> Any:
        """Have workers run it. Options as `Task.apply_async`; those that are None do not count."""
        given = {name: value for name, value in options.items() if value is not None}
        if self.subtask_type is not None:
            if self.app.conf.task_always_eager:
                return self.apply(args, kwargs, **given)
            return Signature.launch(self, tuple(args or ()), dict(kwargs or {}), given)
        given_args, named, merged = self._merge(args or (), kwargs, given)
        task = self.known_type()
        if task is None:
            return self.app.send_task(self.task, given_args, named, **merged)
        return task.apply_async(given_args, named, **merged)

    def _merge(
        self,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        force: bool = False,
    ) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Any]]:
        """Arguments and options of the call that comes of it."""
        fixed = self.options
        merged = dict(fixed)
        for name, value in (options or {}).items():
            if not (name in _FIXED and fixed.get(name)):
                merged[name] = value
        if self.immutable and not force:
            return tuple(self.args), dict(self.kwargs), merged
        return (*args, *self.args), {**self.kwargs, **(kwargs or {})}, merged

    def clone(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **opts: Any,
    ) -> Signature:
        """A copy, with further arguments and options. The options are copied deeply."""
        given, named, options = self._merge(tuple(args or ()), kwargs, opts)
        found = Signature.from_dict(
            {
                **self,
                "args": given,
                "kwargs": named,
                "options": copy.deepcopy(options) if options else {},
            },
            app=self._app,
        )
        found._type = self._type
        return found

    partial = clone

    def replace(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Signature:
        """A copy with other arguments or options; None keeps those that are there."""
        found = self.clone()
        for name, value in (("args", args), ("kwargs", kwargs), ("options", options)):
            if value is not None:
                found[name] = value
        return found

    def set(self, immutable: bool | None = None, **options: Any) -> Signature:
        """Change its options in place; returns itself."""
        if immutable is not None:
            self.set_immutable(immutable)
        self.options.update(options)
        return self

    def set_immutable(self, immutable: bool) -> None:
        """Say whether it takes no further arguments."""
        self.immutable = immutable

    def freeze(
        self,
        _id: str | None = None,
        group_id: str | None = None,
        chord: Any = None,
        root_id: str | None = None,
        parent_id: str | None = None,
        group_index: int | None = None,
    ) -> Any:
        """Settle its id now; returns the result."""
        options = self.options
        known = options.get("task_id") or _id
        task_id = options["task_id"] = known or uuid()
        place = {"group_id": group_id, "chord": chord, "root_id": root_id, "parent_id": parent_id}
        for name, value in {**place, "group_index": group_index}.items():
            if value is not None and options.get(name) is None:
                options[name] = value
        result = self.app.AsyncResult(task_id)
        result._new = not known
        return result

    _freeze = freeze

    def link(self, callback: Signature) -> Signature:
        """Have a signature sent with the result, when it succeeds; returns that signature."""
        self.append_to_list_option("link", callback)
        return callback

    def link_error(self, errback: Signature) -> Signature:
        """Have a signature called when it fails; returns that signature."""
        self.append_to_list_option("link_error", errback)
        return errback

    def on_error(self, errback: Signature) -> Signature:
        """As `link_error`, but returns itself."""
        self.link_error(errback)
        return self

    def append_to_list_option(self, key: str, value: Any) -> Any:
        """Add to an option that is a list; equal ones are kept once."""
        items = self.options.get(key)
        items = list(items) if isinstance(items, (list, tuple)) else [items] if items else []
        if value not in items:
            items.append(value)
        self.options[key] = items
        return value

    def extend_list_option(self, key: str, value: Any) -> None:
        """As `append_to_list_option`, for several."""
        for each in value if isinstance(value, (list, tuple)) else [value]:
            self.append_to_list_option(key, each)

    def flatten_links(self) -> list[Signature]:
        """Itself and everything that follows by `link`."""
        found: list[Signature] = [self]
        for each in _listed(self.options.get("link")):
            found.extend(maybe_signature(each, app=self._app).flatten_links())
        return found

    def stamp(self, visitor: Any = None, append_stamps: bool = False, **headers: Any) -> Signature:
        """Mark it with headers that workers and results know; returns itself. See
        `StampingVisitor`.
        """
        Signature.put_stamps(self, visitor, append_stamps, headers)
        return self

    def stamp_links(self, visitor: Any, append_stamps: bool = False, **headers: Any) -> None:
        """Stamp what follows it, and what is called on an error."""
        Signature.put_link_stamps(self, visitor, append_stamps, headers)

    def election(self) -> Any:
        """Refused.

        Raises:
            NotImplementedError: workers of BullMQ do not elect one among them.
        """
        raise NotImplementedError("election: workers here do not elect one among them")

    def reprcall(self, *args: Any, **kwargs: Any) -> str:
        """The call as Python writes it."""
        given, named, _ = self._merge(args, kwargs, force=True)
        shown = [*map(repr, given), *(f"{name}={value!r}" for name, value in named.items())]
        return f"{self['task']}({', '.join(shown)})"

    def __repr__(self) -> str:
        return self.reprcall()

    def __or__(self, other: Any) -> Any:
        return Signature.combine(self, other)

    def __invert__(self) -> Any:
        return self.apply_async().get()

    def __deepcopy__(self, memo: dict[int, Any]) -> Signature:
        memo[id(self)] = self
        found = Signature.from_dict({k: copy.deepcopy(v, memo) for k, v in self.items()}, self._app)
        found._type = self._type
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return signature, (dict(self),)

    def __json__(self) -> dict[str, Any]:
        return dict(self)


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, (list, tuple)) else [value] if value else ()


def signature(varies: Any, *args: Any, **kwargs: Any) -> Signature:
    """A signature: of a task's name with args, kwargs and options, or a copy of one that came as a
    dict.
    """
    app = kwargs.get("app")
    if isinstance(varies, dict):
        if isinstance(varies, Signature):
            return varies.clone()
        return Signature.from_dict(varies, app=app)
    return Signature(varies, *args, **kwargs)


subtask = signature


def maybe_signature(d: Any, app: Any = None, clone: bool = False) -> Any:
    """A signature of a dict; anything else as it is."""
    if isinstance(d, Signature):
        d = d.clone() if clone else d
        if app is not None and d._app is None:
            d._app = app
        return d
    return Signature.from_dict(d, app=app) if isinstance(d, dict) else d


def part_of(part: str, d: Any, app: Any = None, clone: bool = True) -> Signature:
    """A signature, or one that came as a dict, or a copy of it, for a workflow.

    Raises:
        TypeError: it is neither; `part` names its place.
    """
    found = maybe_signature(d, app=app, clone=clone)
    if not isinstance(found, Signature):
        hint = f"; write {d.name}.s()" if hasattr(d, "apply_async") and hasattr(d, "s") else ""
        raise TypeError(f"{part} is a signature, not {d!r}{hint}")
    return found


maybe_subtask = maybe_signature
