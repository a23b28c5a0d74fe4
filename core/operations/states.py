"""The states of jobs by the names callers use, and the keys they are read from (protocol part 1,
section 8.7).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..calls import Call
from ..keys import STATE_KEYS, QueueKeys
from ..options import check_choice

#: The states in the order in which BullMQ counts them.
STATES: tuple[str, ...] = tuple(STATE_KEYS)
_LISTS = ("waiting", "active")


def check_states(states: Sequence[str]) -> Sequence[str]:
    """The states asked for, each once; all of them when none is named.

    Raises:
        InvalidOption: a state that does not exist.
    """
    for each in states:
        check_choice(each, STATES, "job state")
    return tuple(dict.fromkeys(states)) or STATES


def is_list(state: str) -> bool:
    """Whether the ids of that state are in a list; else they are in a sorted set."""
    return state in _LISTS


def key_of(keys: QueueKeys, state: str) -> str:
    """The key that holds the ids of a state."""
    return str(getattr(keys, STATE_KEYS[state]))


def size_of(keys: QueueKeys, state: str) -> Call[int]:
    """How many ids the key of a state holds."""
    return Call(("LLEN" if is_list(state) else "ZCARD", key_of(keys, state)), int)
