"""Whose turn it is: a record in Redis by which many processes agree that one of them does a thing.

A record belongs to a queue and has a name; each of its fields is changed by comparing first, so of
any number who want the same change one succeeds and the others learn what is there now.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .calls import Call
from .keys import QueueKeys
from .scripts import script


class Turn(NamedTuple):
    """What came of `take_turn`.

    Attributes:
        taken: whether the change was made.
        value: what is there now; empty for nothing.
    """

    taken: bool
    value: str


def take_turn(keys: QueueKeys, record: str, field: str, known: str, wanted: str) -> Call[Turn]:
    """Change a field if it still is what was thought; empty text stands for no value.

    Args:
        record: the name of the record.
        field: of the record.
        known: what is thought to be there.
        wanted: what shall be there.
    """

    def read(reply: list[bytes | int]) -> Turn:
        taken, value = reply
        return Turn(taken == 1, value.decode() if isinstance(value, bytes) else str(value))

    return script("take_turn").call(keys.turns(record), [field, known, wanted], read)


def view_turns(keys: QueueKeys, record: str) -> Call[dict[str, str]]:
    """All fields of a record with their values."""

    def read(reply: list[bytes]) -> dict[str, str]:
        texts: Iterator[str] = iter([each.decode() for each in reply])
        return dict(zip(texts, texts, strict=True))

    return Call(("HGETALL", keys.turns(record)), read)
