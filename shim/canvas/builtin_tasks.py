"""The tasks named ``celery.*``, which canvas and foreign messages call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._state import connect_on_app_finalize
from .signatures import maybe_signature

if TYPE_CHECKING:
    from ..app.base import Celery


@connect_on_app_finalize
def add_builtin_tasks(app: Celery) -> None:
    """Register them with an application."""
    for name, make in _MAKERS.items():
        app.make_task(make(app), {"name": name, "typing": False})


def _accumulate(app: Celery) -> Any:
    def accumulate(*args: Any, **kwargs: Any) -> Any:
        """Give the arguments back, or the one at `index`."""
        index = kwargs.get("index")
        return list(args) if index is None else args[index]

    return accumulate


def _starmap(app: Celery) -> Any:
    def xstarmap(task: Any, it: Any) -> list[Any]:
        """Call a task for each list of arguments."""
        found = maybe_signature(task, app=app).type
        return [found(*each) for each in it]

    return xstarmap


def _map(app: Celery) -> Any:
    def xmap(task: Any, it: Any) -> list[Any]:
        """Call a task for each item."""
        found = maybe_signature(task, app=app).type
        return [found(each) for each in it]

    return xmap


def _chunks(app: Celery) -> Any:
    def chunks(task: Any, it: Any, n: int) -> Any:
        """Send the calls in parts."""
        sent = maybe_signature({**_EMPTY, "kwargs": {"task": task, "it": it, "n": n}}, app=app)
        return sent.apply_async().as_tuple()

    return chunks


_EMPTY = {"task": "celery.chunks", "args": (), "options": {}, "subtask_type": "chunks"}


def _group(app: Celery) -> Any:
    def group(tasks: Any, result: Any, group_id: Any, partial_args: Any, *rest: Any) -> Any:
        """Send the members of a group."""
        for each in tasks:
            maybe_signature(each, app=app).apply_async(partial_args)
        return result

    return group


def _chain(app: Celery) -> Any:
    def chain(*args: Any, **kwargs: Any) -> Any:
        """Refused: a chain is sent as its steps."""
        raise NotImplementedError("chain is not a real task")

    return chain


def _chord(app: Celery) -> Any:
    def chord(header: Any, body: Any, partial_args: Any = (), **options: Any) -> Any:
        """Send a chord."""
        found = {**_EMPTY, "task": "celery.chord", "subtask_type": "chord"}
        sent = maybe_signature({**found, "kwargs": {"header": header, "body": body}}, app=app)
        return sent.apply_async(partial_args).as_tuple()

    return chord


def _chord_unlock(app: Celery) -> Any:
    def unlock_chord(*args: Any, **kwargs: Any) -> None:
        """Nothing: a body starts when the last of its header has ended."""

    return unlock_chord


def _backend_cleanup(app: Celery) -> Any:
    def backend_cleanup() -> None:
        """Nothing: jobs go by their age as others finish."""

    return backend_cleanup


_MAKERS = {
    "celery.accumulate": _accumulate,
    "celery.backend_cleanup": _backend_cleanup,
    "celery.chain": _chain,
    "celery.chord": _chord,
    "celery.chord_unlock": _chord_unlock,
    "celery.chunks": _chunks,
    "celery.group": _group,
    "celery.map": _map,
    "celery.starmap": _starmap,
}
