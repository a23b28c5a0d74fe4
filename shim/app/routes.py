"""Which queue a task goes to (Celery's ``task_routes``)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from bullrush.exceptions import ImproperlyConfigured


def route(
    routes: Any, name: str, args: Any, kwargs: Any, options: Mapping[str, Any]
) -> dict[str, Any]:
    """The options that the first matching route gives; empty when none matches.

    Args:
        routes: a mapping of names, globs or patterns, a function, its dotted path, or a list of
            them.

    Raises:
        ImproperlyConfigured: a route of another kind.
    """
    for router in _each(routes):
        found = _ask(router, name, args, kwargs, options)
        if found is not None:
            return {"queue": found} if isinstance(found, str) else dict(found)
    return {}


def _each(routes: Any) -> Sequence[Any]:
    if not routes:
        return ()
    return routes if isinstance(routes, (list, tuple)) else (routes,)


def _ask(router: Any, name: str, args: Any, kwargs: Any, options: Mapping[str, Any]) -> Any:
    if isinstance(router, str):
        module, _, attribute = router.replace(":", ".").rpartition(".")
        router = getattr(import_module(module), attribute)
    if isinstance(router, Mapping):
        return _in_map(router.items(), name)
    if isinstance(router, (list, tuple)):
        return _in_map(router, name)
    if hasattr(router, "route_for_task"):
        return router.route_for_task(name, args, kwargs)
    if isinstance(router, Callable):  # type: ignore[arg-type]
        return router(name, args, kwargs, options, task=None)
    raise ImproperlyConfigured(f"task_routes holds {router!r}, which is no mapping and no function")


def _in_map(rows: Any, name: str) -> Any:
    exact = {key: value for key, value in rows if isinstance(key, str)}
    if name in exact:
        return exact[name]
    for key, value in rows:
        matches = key.match(name) if isinstance(key, re.Pattern) else fnmatch.fnmatchcase(name, key)
        if matches:
            return value
    return None
