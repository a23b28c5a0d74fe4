"""Chords: tasks beside each other, and one that gets all their results."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from ..exceptions import CPendingDeprecationWarning
from .chains import attach_parent
from .groups import group
from .signatures import Signature, maybe_signature, part_of


@Signature.register_type(name="chord")
class _chord(Signature):
    """Tasks that run beside each other, and a body that gets the list of their results.

    ``chord(header)(body)`` or ``chord(header, body)``.
    """

    def __init__(
        self,
        header: Any,
        body: Any = None,
        task: str = "celery.chord",
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        app: Any = None,
        **options: Any,
    ) -> None:
        inner = {
            "header": _header(header, app),
            "body": None if body is None else part_of("the body of a chord", body, app),
        }
        super().__init__(
            task, args, {**(kwargs or {}), **inner}, app=app, subtask_type="chord", **options
        )

    @classmethod
    def _revived(cls, d: Mapping[str, Any], app: Any) -> Signature:
        kwargs = {**d["kwargs"]}
        kwargs["header"] = _header(kwargs["header"], app)
        kwargs["body"] = maybe_signature(kwargs.get("body"), app, clone=True)
        return super()._revived({**d, "kwargs": kwargs}, app)

    @property
    def header(self) -> Any:
        """The group whose results the body gets."""
        return self.kwargs["header"]

    @property
    def tasks(self) -> list[Any]:
        """The members of the header."""
        return self.header.tasks  # type: ignore[no-any-return]

    @tasks.setter
    def tasks(self, tasks: Any) -> None:
        self.kwargs["header"] = _header(tasks, self._app)

    def _with_body(self, body: Any) -> _chord:
        """The same header with another body. Not a clone: whoever sends it makes one."""
        made = type(self).__new__(type(self))
        body = part_of("the body of a chord", body, self._app)
        dict.__init__(made, self, kwargs={**self.kwargs, "body": body})
        made._app = self._app
        return made

    @property
    def body(self) -> Any:
        """What gets the results."""
        return self.kwargs.get("body")

    @body.setter
    def body(self, body: Any) -> None:
        self.kwargs["body"] = body

    def _inner_app(self) -> Any:
        return self.header.own_app() or (self.body.own_app() if self.body is not None else None)

    def __call__(self, body: Any = None, **options: Any) -> Any:
        """Have workers run it, with that body."""
        return self.apply_async((), {"body": body} if body else {}, **options)

    def apply_async(
        self,
        args: Sequence[Any] | None = (),
        kwargs: Mapping[str, Any] | None = None,
        route_name: str | None = None,
        **options: Any,
    ) -> Any:
        """Have workers run it; the result is that of the body, its `parent` that of the header.
        Countdown and eta delay the header; link and link_error are for the body.
        """
        given = dict(kwargs or {})
        found = self
        if given.get("body") is not None:
            found = self._with_body(given.pop("body"))
        given.pop("body", None)
        if self.app.conf.task_always_eager:
            return found.apply(args, given, **options)
        return Signature.launch(
            found, tuple(args or ()), given, {k: v for k, v in options.items() if v is not None}
        )

    def freeze(
        self,
        _id: str | None = None,
        group_id: str | None = None,
        chord: Any = None,
        root_id: str | None = None,
        parent_id: str | None = None,
        group_index: int | None = None,
    ) -> Any:
        """Settle the ids of header and body; the result is that of the body."""
        above = self.header.freeze(root_id=root_id, parent_id=parent_id, chord=True)
        if self.body is None:
            return above
        result = self.body.freeze(
            self.options.get("task_id") or _id,
            group_id=group_id,
            chord=chord,
            root_id=root_id,
            parent_id=parent_id,
            group_index=group_index,
        )
        attach_parent(result, above)
        self.options["task_id"] = result.id
        return result

    _freeze = freeze

    def link(self, callback: Signature) -> Signature:
        """Have a signature sent with the result of the body."""
        self.body.link(callback)
        return callback

    def link_error(self, errback: Any) -> Any:
        """Have a signature called when the body fails; when a member of the header does, too, if
        ``task_allow_error_cb_on_chord_header`` is on.
        """
        if self.app.conf.task_allow_error_cb_on_chord_header:
            self.header.link_error(errback)
        else:
            warnings.warn(_NOT_ON_HEADER, CPendingDeprecationWarning, stacklevel=2)
        self.body.link_error(errback)
        return errback

    def set_immutable(self, immutable: bool) -> None:
        """Say of the body whether it takes no results."""
        self.body.set_immutable(immutable)

    def reprcall(self, *args: Any, **kwargs: Any) -> str:
        """The header and the body."""
        return f"chord({self.header.reprcall(*args, **kwargs)}, {self.body!r})"


_NOT_ON_HEADER = (
    "task_allow_error_cb_on_chord_header is off: the errback of a chord is put on its body alone"
)


def _header(header: Any, app: Any) -> group:
    found = maybe_signature(header, app=app, clone=True)
    return found if isinstance(found, group) else group(found, app=app)


#: Celery's name of it.
chord = _chord
