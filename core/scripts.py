"""The Lua scripts of `core/lua`, ready to be sent.

A script is sent by its digest; who sends it repeats with the full text when the server does not
know it (design decision: the client library's own script object costs a round trip more).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from .assembly import assemble
from .calls import Argument, Call

T = TypeVar("T")


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
        return Call(
            ("EVALSHA", self.digest, 1, base, *arguments),
            read,
            ("EVAL", self.text, 1, base, *arguments),
        )

    def call_on(
        self, bases: Sequence[str | bytes], arguments: Sequence[Argument], read: Callable[[Any], T]
    ) -> Call[T]:
        """As `call`, for the few scripts that reach into several queues: KEYS are their bases."""
        tail = (len(bases), *bases, *arguments)
        return Call(("EVALSHA", self.digest, *tail), read, ("EVAL", self.text, *tail))


@cache
def script(name: str) -> Script:
    """The script in ``core/lua/<name>.lua``."""
    text = assemble(name, _source)
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _source(path: str) -> str:
    folder = resources.files(__package__).joinpath("lua")
    for part in path.split("/"):
        folder = folder.joinpath(part)
    return folder.read_text(encoding="utf-8")
