"""Giving a workflow the arguments and options of a call: each of its tasks gets what is its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .chains import _chain
from .chords import _chord
from .groups import group
from .nodes import VALUE, NodeStep

_LINKS = ("link", "link_error")
#: Options that only one task of a workflow can have.
_OF_ONE = ("task_id", "link", "link_error", "group_id", "group_index", "chord")


def with_arguments(found: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Give the first tasks of a workflow further arguments. Changes the signature."""
    if not args and not kwargs:
        return
    if isinstance(found, _chord):
        with_arguments(found.header, args, kwargs)
        if not found.tasks and found.body is not None:
            return
    elif isinstance(found, group):
        for each in found.tasks:
            with_arguments(each, args, kwargs)
    elif isinstance(found, _chain):
        _with_arguments_first(found, args, kwargs)
    elif isinstance(found, NodeStep):
        if args:
            found["options"][VALUE] = [args[0]]
    elif not found.immutable:
        found["args"], found["kwargs"], _ = found._merge(args, kwargs)


def _with_arguments_first(found: _chain, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    for each in found.tasks:
        if not (isinstance(each, group) and not each.tasks):
            with_arguments(each, args, kwargs)
            return


def with_options(found: Any, options: Mapping[str, Any]) -> None:
    """Give a workflow the options of a call, as each kind of it takes them. Changes the
    signature.
    """
    own = {**found.options, **options}
    if isinstance(found, _chain):
        _options_of_chain(found, own)
    elif isinstance(found, group):
        for each in found.tasks:
            with_options(each, {k: v for k, v in own.items() if k not in _OF_ONE})
    elif isinstance(found, _chord):
        of_body = {k: v for k, v in own.items() if k not in ("countdown", "eta")}
        with_options(found.header, {k: v for k, v in own.items() if k not in _OF_ONE})
        if found.body is not None:
            with_options(found.body, of_body)
        found["options"] = {}
        return
    elif not options:
        return
    given = {k: v for k, v in options.items() if k not in _LINKS}
    found["options"] = found._merge((), None, given)[2]
    for name in _LINKS:
        if options.get(name):
            found.extend_list_option(name, options[name])


def _options_of_chain(found: _chain, own: Mapping[str, Any]) -> None:
    tasks = found.tasks
    if not tasks:
        return
    of_last = {k: v for k, v in own.items() if k in ("task_id", "link")}
    of_all = {k: v for k, v in own.items() if k == "link_error"}
    of_first = {k: v for k, v in own.items() if k not in of_last and k not in of_all}
    for position, each in enumerate(tasks):
        given = dict(of_all)
        if position == 0:
            given.update(of_first)
        if position == len(tasks) - 1:
            given.update(of_last)
        if given:
            with_options(each, given)
    found["options"] = of_all  # a chord whose body it is tells them of its header
