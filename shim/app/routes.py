"""Which route a task takes (Celery's ``task_routes``)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bullrush.exceptions import ImproperlyConfigured

from .importing import imported


def route(
    routes: Any,
    name: str,
    args: Any,
    kwargs: Any,
    options: Mapping[str, Any],
    task: Any = None,
) -> dict[str, Any]:
    """The options that the first matching route gives; empty when none matches.

    Args:
        routes: a mapping of names, globs or patterns, a function, a class with
            ``route_for_task``, a dotted path of one of these, or a list of them.

    Raises:
        ImproperlyConfigured: a route of another kind.
    """
    for router in _each(routes):
        found = _ask(router, name, args, kwargs, options, task)
        if found is not None:
            return _options(found)
    return {}


def is_static(routes: Any) -> bool:
    """Whether the route of a task depends on its name alone."""
    return all(isinstance(each, Mapping) or _is_pairs(each) for each in _each(routes))


def queues_named(routes: Any) -> Iterator[str]:
    """The queues that mappings among the routes name."""
    for router in _each(routes):
        if isinstance(router, Mapping) or _is_pairs(router):
            for _, found in _rows(router):
                queue = _options(found).get("queue") if found is not None else None
                if queue is not None:
                    yield getattr(queue, "name", queue)


def _options(found: Any) -> dict[str, Any]:
    """A route as options: a queue's exchange and key are of the queue, not of the call."""
    if isinstance(found, Mapping):
        return dict(found)
    if isinstance(found, str) or hasattr(found, "name"):
        return {"queue": found}
    raise ImproperlyConfigured(f"a route is a dict, a queue or its name, not {found!r}")


def _each(routes: Any) -> Sequence[Any]:
    if not routes:
        return ()
    if isinstance(routes, (list, tuple)) and not _is_pairs(routes):
        return routes
    return (routes,)


def _is_pairs(router: Any) -> bool:
    """Whether it is a map written as a list of pairs."""
    return isinstance(router, (list, tuple)) and all(
        isinstance(row, (list, tuple)) and len(row) == 2 and isinstance(row[0], (str, re.Pattern))
        for row in router
    )


def _rows(router: Any) -> Iterable[tuple[Any, Any]]:
    return router.items() if isinstance(router, Mapping) else router


def _ask(
    router: Any, name: str, args: Any, kwargs: Any, options: Mapping[str, Any], task: Any
) -> Any:
    if isinstance(router, str):
        router = imported(router)
    if isinstance(router, Mapping) or _is_pairs(router):
        return _in_map(_rows(router), name)
    if isinstance(router, type):
        router = router()
    if hasattr(router, "route_for_task"):
        return router.route_for_task(name, args, kwargs)
    if callable(router):
        return router(name, args, kwargs, dict(options), task=task)
    raise ImproperlyConfigured(f"task_routes holds {router!r}, which is no mapping and no function")


def _in_map(rows: Iterable[tuple[Any, Any]], name: str) -> Any:
    for key, value in rows:
        if key == name:
            return value
    for key, value in rows:
        if _matches(key, name):
            return value
    return None


def _matches(key: str | re.Pattern[str], name: str) -> bool:
    """Whether a pattern is for a name; in Celery text is one by its ``*`` only."""
    if isinstance(key, re.Pattern):
        return key.match(name) is not None
    return "*" in key and fnmatch.fnmatchcase(name, key)
