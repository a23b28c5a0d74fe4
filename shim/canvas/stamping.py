"""Stamps: headers with which every signature of a workflow is marked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..exceptions import EncodeError
from .chains import _chain
from .chords import _chord
from .groups import group
from .signatures import Signature, maybe_signature


class StampingVisitor(ABC):
    """Says what each part of a workflow is stamped with. Every method gives headers: the stamps,
    or those under ``stamped_headers`` if that names them. None gives none.
    """

    @abstractmethod
    def on_signature(self, sig: Signature, **headers: Any) -> Any:
        """A task."""

    def on_group_start(self, sig: Any, **headers: Any) -> Any:
        """A group, before its members, which get what it gives."""
        return {}

    def on_group_end(self, sig: Any, **headers: Any) -> None:  # noqa: B027 - may be defined
        """A group, after its members."""

    def on_chain_start(self, sig: Any, **headers: Any) -> Any:
        """A chain, before its steps, which get what it gives."""
        return {}

    def on_chain_end(self, sig: Any, **headers: Any) -> None:  # noqa: B027 - may be defined
        """A chain, after its steps."""

    def on_chord_header_start(self, sig: Any, **header: Any) -> Any:
        """A chord, before the header."""
        return self.on_group_start(sig.header, **header)

    def on_chord_header_end(self, sig: Any, **header: Any) -> None:
        """A chord, after the header."""
        self.on_group_end(sig.header, **header)

    def on_chord_body(self, sig: Any, **header: Any) -> Any:
        """A chord, before the body."""
        return {}

    def on_callback(self, callback: Any, **header: Any) -> Any:
        """What follows a task by `link`."""
        return {}

    def on_errback(self, errback: Any, **header: Any) -> Any:
        """What is called when a task fails."""
        return {}


class GroupStampingVisitor(StampingVisitor):
    """Stamps every signature with the ids of the groups it is in, under ``groups``."""

    def __init__(self, groups: list[str] | None = None) -> None:
        self.groups = list(groups or [])

    def on_group_start(self, sig: Any, **headers: Any) -> Any:
        """One more."""
        if sig.id is None:
            sig.set(task_id=sig.freeze().id)
        if sig.id not in self.groups:
            self.groups.append(sig.id)
        return super().on_group_start(sig, **headers)

    def on_group_end(self, sig: Any, **headers: Any) -> None:
        """One less."""
        self.groups.pop()

    def on_signature(self, sig: Signature, **headers: Any) -> Any:
        """Those of now."""
        return {"groups": list(self.groups), "stamped_headers": ["groups"]}


def put_stamps(found: Any, visitor: Any, append_stamps: bool, headers: Mapping[str, Any]) -> None:
    """See `Signature.stamp`."""
    headers = dict(headers)
    if isinstance(found, (group, _chain)):
        kind = "group" if isinstance(found, group) else "chain"
        with _around(visitor, kind, found, headers) as inner:
            for each in found.tasks:
                each.stamp(visitor, append_stamps, **inner)
    elif isinstance(found, _chord):
        with _around(visitor, "chord_header", found, headers) as inner:
            for each in found.tasks:
                each.stamp(visitor, append_stamps, **inner)
        if found.body is not None:
            of_body = _asked(visitor, "on_chord_body", found, inner)
            found.body.stamp(visitor, append_stamps, **_merged(inner, of_body))
    else:
        put_link_stamps(found, visitor, append_stamps, headers)
        own = _asked(visitor, "on_signature", found, headers)
        _write(found, _merged(headers, own), append_stamps)


@contextmanager
def _around(
    visitor: Any, kind: str, found: Any, headers: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    inner = _merged(headers, _asked(visitor, f"on_{kind}_start", found, headers))
    yield inner
    if visitor is not None:
        getattr(visitor, f"on_{kind}_end")(found, **inner)


def put_link_stamps(
    found: Any, visitor: Any, append_stamps: bool, headers: Mapping[str, Any]
) -> None:
    """See `Signature.stamp_links`."""
    for option, method in (("link", "on_callback"), ("link_error", "on_errback")):
        links = found.options.get(option)
        if not links:
            continue
        stamped = []
        for each in links if isinstance(links, (list, tuple)) else [links]:
            follower = maybe_signature(each, app=found._app)
            own = _asked(visitor, method, follower, headers)
            follower.stamp(visitor, append_stamps, **_merged(headers, own))
            stamped.append(follower)
        found.options[option] = stamped


def _asked(visitor: Any, method: str, found: Any, headers: Mapping[str, Any]) -> dict[str, Any]:
    if visitor is None:
        return {}
    return dict(getattr(visitor, method)(found, **headers) or {})


def _merged(headers: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Headers with those of the visitor, which win. Those that its ``stamped_headers`` leaves out
    are options of the call, and no stamps.
    """
    merged = {**headers, **own}
    stamped = {*_stamped(headers), *_stamped(own)}
    return {**merged, "stamped_headers": sorted(stamped)} if merged else {}


def _stamped(headers: Mapping[str, Any]) -> Iterable[str]:
    named: Iterable[str] | None = headers.get("stamped_headers")
    return headers.keys() - {"stamped_headers"} if named is None else named


def _write(found: Any, headers: Mapping[str, Any], append: bool) -> None:
    stamped = _stamped(headers)
    for name, value in headers.items():
        if name == "stamped_headers":
            continue
        if name not in stamped:
            found.options[name] = value
            continue
        if isinstance(value, (set, frozenset)):
            raise EncodeError(f"the stamp {name!r} is a set, which has no JSON form; give a list")
        if append and name in found.options:
            before = found.options[name]
            before = list(before) if isinstance(before, (list, tuple)) else [before]
            more = list(value) if isinstance(value, (list, tuple)) else [value]
            value = [*before, *(each for each in more if each not in before)]
        found.options[name] = value
    if stamped:
        known = found.options.get("stamped_headers") or []
        found.options["stamped_headers"] = sorted({*known, *stamped})


Signature.put_stamps = staticmethod(put_stamps)
Signature.put_link_stamps = staticmethod(put_link_stamps)
