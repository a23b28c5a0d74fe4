"""Checks of numbers that operations are given. They raise before anything is sent."""

from __future__ import annotations

from typing import Any

from .backoff import LONGEST_DELAY_MS
from .errors import InvalidJobId, InvalidOption
from .job import id_bytes
from .keys import QUEUE_KEYS
from .options import HIGHEST_PRIORITY, check_text

#: The largest whole number that every reader of a queue holds exactly.
LARGEST = 2**53 - 1


_OWN_KEYS = frozenset(QUEUE_KEYS.values())


def check_job(job_id: str) -> bytes:
    """The id of a job that is to be changed. A key of the queue itself is no job: an edit would
    damage the queue.

    Raises:
        InvalidJobId: it is the name of such a key, or no text.
    """
    raw = id_bytes(job_id)
    if job_id in _OWN_KEYS or not job_id:
        raise InvalidJobId(f"{job_id!r} is a key of the queue itself, not the id of a job")
    return raw


def check_string(value: Any, name: str) -> str:
    """Text that Redis can hold.

    Raises:
        InvalidOption: it is something else.
    """
    if not isinstance(value, str):
        raise InvalidOption(f"{name} is text, not {value!r:.60}")
    check_text(name, value)
    return value


def check_kind(value: Any, kind: type | tuple[type, ...], name: str, what: str) -> None:
    """What only Python code can hand over.

    Raises:
        InvalidOption: it is nothing of that kind; `what` says in words what would do.
    """
    if not isinstance(value, kind):
        raise InvalidOption(f"{name} is {what}, not {value!r:.60}")


def check_whole(value: Any, name: str, least: int = 0, most: int = LARGEST) -> int:
    """A whole number within bounds.

    Raises:
        InvalidOption: it is something else; says what would do.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidOption(f"{name} is a whole number from {least} to {most}, not {value!r}")
    return value


def check_position(value: Any, name: str) -> int:
    """A position in a list; negative ones count from its end."""
    return check_whole(value, name, -LARGEST)


def check_milliseconds(value: Any, name: str) -> int:
    """A time in Unix ms, or a number of ms that may be 0."""
    return check_whole(value, name, 0, LONGEST_DELAY_MS)


def check_duration(value: Any, name: str) -> int:
    """A number of ms that is not 0."""
    return check_whole(value, name, 1, LONGEST_DELAY_MS)


def check_priority(value: Any, name: str = "priority") -> int:
    """0 for none, then 1 (first) to 2 097 151."""
    return check_whole(value, name, 0, HIGHEST_PRIORITY)
