"""A Lua script put together from its fragments: includes, spelled names, and only the functions it
needs.

A function costs each time a script runs, since the server makes it anew. So functions and constants
that a script never uses are left out; and a function with the line ``--- @rare`` above it takes
those that it alone needs into itself: they are made when it is called.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .job import FIELDS
from .keys import JOB_KEYS, META_FIELDS, METRICS_FIELDS, QUEUE_KEYS, SCHEDULE_FIELDS

#: A script gets the base of its queue as its only key, so all its keys share one Cluster slot. One
#: that reaches into several queues gets the base of each.
_PRELUDE = "local call, base = redis.call, KEYS[1]\n"
_NAMES: dict[str, Mapping[str, str]] = {
    "key": QUEUE_KEYS,
    "jobkey": JOB_KEYS,
    "meta": META_FIELDS,
    "schedule": SCHEDULE_FIELDS,
    "metric": METRICS_FIELDS,
    "field": FIELDS,
}
_INCLUDE = re.compile(r"^--- @include (\w+)\n", re.MULTILINE)
_NAME = re.compile(r"\b(key|jobkey|meta|metric|schedule|field)\.([a-z_]+)\b")
_RARE = re.compile(r"^--- @rare\n(?:--.*\n)*local function (\w+)", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)
_FUNCTION = re.compile(r"^local function (\w+)\(.*\n(?:.*\n)*?end\n", re.MULTILINE)
_CONSTANT = re.compile(r"^local ([A-Z][A-Z_]*) = (?:\{[^}]*\}|[^{\n]*)\n", re.MULTILINE)
_WORD = re.compile(r"\w+")


def assemble(name: str, source: Callable[[str], str]) -> str:
    """The text of a script as it is sent.

    Args:
        name: the script's file without its ending.
        source: gives the text of a file by its path in ``core/lua``.

    Raises:
        ValueError: fragments include each other, or a name is spelled nowhere.
    """
    text = _resolve(source(f"{name}.lua"), source, seen=set(), path=(name,))
    rare = set(_RARE.findall(text))
    return _arranged(_PRELUDE + _COMMENT.sub("", _NAME.sub(_spell, text)), rare)


def _resolve(
    text: str, source: Callable[[str], str], *, seen: set[str], path: tuple[str, ...]
) -> str:
    """Replace include lines by the included text, each fragment once."""

    def include(match: re.Match[str]) -> str:
        name = match[1]
        if name in path:
            raise ValueError(f"the Lua fragments include each other: {' -> '.join((*path, name))}")
        if name in seen:
            return ""
        seen.add(name)
        return _resolve(source(f"includes/{name}.lua"), source, seen=seen, path=(*path, name))

    return _INCLUDE.sub(include, text)


def _spell(match: re.Match[str]) -> str:
    table, name = match[1], match[2]
    try:
        return f'"{_NAMES[table][name]}"'
    except KeyError:
        raise ValueError(f"a Lua script uses {table}.{name}, which nobody defines") from None


@dataclass
class _Functions:
    """The functions of a script: name -> text, in the order of their definition."""

    texts: dict[str, str]
    rare: set[str]

    def named_in(self, text: str) -> set[str]:
        """Those that a text speaks of."""
        return set(_WORD.findall(text)) & self.texts.keys()

    def needed_by(self, text: str, *, through_rare: bool) -> set[str]:
        """Those that a text needs, directly or by another one."""
        needed: set[str] = set()
        open_ends = self.named_in(text)
        while open_ends:
            name = open_ends.pop()
            needed.add(name)
            if through_rare or name not in self.rare:
                open_ends |= self.named_in(self.texts[name]) - needed
        return needed

    def complete(self, name: str, outside: set[str]) -> str:
        """A rare function with those in it that are not outside."""
        head, body = self.texts[name].split("\n", 1)
        inner = self.needed_by(body, through_rare=True) - outside - {name}
        return "\n".join((head, *(self.texts[each] for each in self.texts if each in inner), body))


def _arranged(text: str, rare: set[str]) -> str:
    """Every function where it is made no more often than it must be."""
    functions = _Functions({match[1]: match[0] for match in _FUNCTION.finditer(text)}, rare)
    outside = functions.needed_by(_FUNCTION.sub("", text), through_rare=False)

    def place(match: re.Match[str]) -> str:
        name = match[1]
        if name not in outside:
            return ""
        return functions.complete(name, outside) if name in rare else match[0]

    text = _FUNCTION.sub(place, text)
    words = Counter(_WORD.findall(text))
    return _CONSTANT.sub(lambda match: match[0] if words[match[1]] > 1 else "", text)
