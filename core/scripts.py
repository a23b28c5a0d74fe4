"""The Lua scripts of `core/lua`, put together from includes, with keys and fields filled in by
name.

A script is sent by its digest; who sends it repeats with the full text when the server does not
know it (design decision: the client library's own script object costs a round trip more).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from .calls import Argument, Call
from .job import FIELDS
from .keys import JOB_KEYS, META_FIELDS, METRICS_FIELDS, QUEUE_KEYS, SCHEDULE_FIELDS

T = TypeVar("T")

#: A script gets the base of its queue as its only key, so all its keys share one Cluster slot. One
#: that reaches into several queues gets the base of each.
_PRELUDE = "local call, base = redis.call, KEYS[1]\n"
_NAMES = {
    "key": QUEUE_KEYS,
    "jobkey": JOB_KEYS,
    "meta": META_FIELDS,
    "schedule": SCHEDULE_FIELDS,
    "metric": METRICS_FIELDS,
    "field": FIELDS,
}
_INCLUDE = re.compile(r"^--- @include (\w+)\n", re.MULTILINE)
_NAME = re.compile(r"\b(key|jobkey|meta|metric|schedule|field)\.([a-z_]+)\b")
_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)
_FUNCTION = re.compile(r"^local function (\w+)\(.*?\n(?:.*\n)*?end\n", re.MULTILINE)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Script:
    """A script ready to be sent."""

    name: str
    text: str
    digest: str

    def call(self, base: str, arguments: Sequence[Argument], read: Callable[[Any], T]) -> Call[T]:
        """The call of this script on the queue with that base key; `read` makes the result of the
        reply.
        """
        return self.call_on((base,), arguments, read)

    def call_on(
        self, bases: Sequence[str], arguments: Sequence[Argument], read: Callable[[Any], T]
    ) -> Call[T]:
        """As `call`, for the few scripts that reach into several queues: KEYS are their bases."""
        tail = (len(bases), *bases, *arguments)
        return Call(("EVALSHA", self.digest, *tail), read, ("EVAL", self.text, *tail))


@cache
def script(name: str) -> Script:
    """The script in ``core/lua/<name>.lua``."""
    text = _PRELUDE + _resolve(_source(f"{name}.lua"), seen=set(), path=(name,))
    text = _without_unused(_COMMENT.sub("", _NAME.sub(_spell, text)))
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _source(path: str) -> str:
    folder = resources.files(__package__).joinpath("lua")
    for part in path.split("/"):
        folder = folder.joinpath(part)
    return folder.read_text(encoding="utf-8")


def _resolve(text: str, *, seen: set[str], path: tuple[str, ...]) -> str:
    """Replace include lines by the included text, each fragment once."""

    def include(match: re.Match[str]) -> str:
        name = match[1]
        if name in path:
            raise ValueError(f"the Lua fragments include each other: {' -> '.join((*path, name))}")
        if name in seen:
            return ""
        seen.add(name)
        return _resolve(_source(f"includes/{name}.lua"), seen=seen, path=(*path, name))

    return _INCLUDE.sub(include, text)


def _without_unused(text: str) -> str:
    """Leave out what a fragment offers and this script does not call: the server makes every
    function anew each time the script runs.
    """
    functions = list(_FUNCTION.finditer(text))
    words = {match[1]: set(_WORD.findall(match[0])) for match in functions}
    used: set[str] = set()
    wanted = set(_WORD.findall(_FUNCTION.sub("", text))) & words.keys()
    while wanted:
        name = wanted.pop()
        used.add(name)
        wanted |= (words[name] & words.keys()) - used
    return _FUNCTION.sub(lambda match: match[0] if match[1] in used else "", text)


def _spell(match: re.Match[str]) -> str:
    table, name = match[1], match[2]
    try:
        return f'"{_NAMES[table][name]}"'
    except KeyError:
        raise ValueError(f"a Lua script uses {table}.{name}, which nobody defines") from None
