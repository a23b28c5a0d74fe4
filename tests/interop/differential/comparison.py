"""What differs between two snapshots, as a list of small facts."""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .snapshot import Entry, Snapshot

#: How far apart two times to live may be, ms. Programs choose theirs much farther apart.
TTL_TOLERANCE = 25_000


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()


@dataclass(frozen=True)
class Difference:
    """One fact: at `path` of `key` (or of step n) Node has one value and we another.

    Args:
        key: the key without prefix, or ``step 3``.
        path: a field, a member, a position; empty for the key as a whole.
        node, ours: the values, or `NOTHING`.
    """

    key: str
    path: str
    node: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.key} {self.path}".rstrip() + f": node {self.node!r}, ours {self.ours!r}"


def differences(node: Snapshot, ours: Snapshot) -> list[Difference]:
    """Every difference between what Node left in Redis and what we left there."""
    found: list[Difference] = []
    for key in sorted(node.keys() | ours.keys()):
        theirs, mine = node.get(key), ours.get(key)
        if theirs is None or mine is None or theirs.kind != mine.kind:
            found.append(Difference(key, "", _whole(theirs), _whole(mine)))
        else:
            found += _inside(key, theirs, mine)
    return found


def inside(key: str, path: str, node: Any, ours: Any) -> Iterator[Difference]:
    """The differences of two values of JSON's kinds, as far down as they have the same form."""
    if isinstance(node, dict) and isinstance(ours, dict):
        for name in sorted(node.keys() | ours.keys()):
            pair = node.get(name, NOTHING), ours.get(name, NOTHING)
            yield from inside(key, f"{path}.{name}".lstrip("."), *pair)
    elif isinstance(node, list) and isinstance(ours, list) and len(node) == len(ours):
        for position, pair in enumerate(zip(node, ours, strict=True)):
            yield from inside(key, f"{path}[{position}]", *pair)
    elif node != ours:
        yield Difference(key, path, node, ours)


def _whole(entry: Entry | None) -> Any:
    return NOTHING if entry is None else entry.value


def _inside(key: str, node: Entry, ours: Entry) -> Iterator[Difference]:
    if isinstance(node.value, dict):
        for name in sorted(node.value.keys() | ours.value.keys()):
            pair = node.value.get(name, NOTHING), ours.value.get(name, NOTHING)
            yield from inside(key, name, *pair)
    elif node.kind == "stream":
        yield from _in_order(key, *(_families_sorted(side.value) for side in (node, ours)))
    elif isinstance(node.value, list):
        yield from _in_order(key, node.value, ours.value)
    elif node.value != ours.value:
        yield Difference(key, "", node.value, ours.value)
    if not _same_ttl(node.ttl, ours.ttl):
        yield Difference(key, "ttl", node.ttl, ours.ttl)


def _same_ttl(node: int | None, ours: int | None) -> bool:
    if node is None or ours is None:
        return node is ours
    return abs(node - ours) <= TTL_TOLERANCE


def _families_sorted(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A script that removes children goes through a set, and those of Redis have no order."""
    told: list[dict[str, Any]] = []
    for is_removal, group in itertools.groupby(events, _is_removal):
        run = list(group)
        told += sorted(run, key=_words) if is_removal else run
    return told


def _words(event: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted(event.items())


def _is_removal(event: dict[str, Any]) -> bool:
    return event["event"] == "removed" or event.get("prev") == "waiting-children"


def _in_order(key: str, node: list[Any], ours: list[Any]) -> Iterator[Difference]:
    theirs, mine = ([json.dumps(each, sort_keys=True) for each in side] for side in (node, ours))
    matcher = difflib.SequenceMatcher(None, theirs, mine, autojunk=False)
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag == "equal":
            continue
        for offset in range(max(last - first, end - start)):
            left = node[first + offset] if first + offset < last else NOTHING
            right = ours[start + offset] if start + offset < end else NOTHING
            yield Difference(key, f"[{first + offset}]", left, right)
