"""Options of a new job: typed, checked before anything is written, and their stored form (protocol
2.2 and 3.1).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from typing_extensions import TypedDict

from .backoff import LONGEST_DELAY_MS
from .errors import InvalidOption
from .job import SHORT_OPTIONS
from .keys import check_job_id
from .parents import FAILURE_POLICIES, Parent, read_parent
from .telemetry import Telemetry, stored_telemetry

HIGHEST_PRIORITY = 2**21 - 1


@dataclass(frozen=True)
class Backoff:
    """How long a failed job waits before it runs again.

    Args:
        type: ``fixed``, ``exponential`` or the name of a strategy the worker knows.
        delay: ms; of the first retry when exponential.
        jitter: 0..1, how much of the delay is left to chance.
    """

    type: str = "fixed"
    delay: int = 0
    jitter: float | None = None


@dataclass(frozen=True)
class Keep:
    """Which finished jobs stay in Redis.

    Args:
        count: at most that many, the newest.
        age: seconds; older ones go when another job finishes.
        limit: at most that many are removed at once by age.
    """

    count: int | None = None
    age: int | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Deduplication:
    """One job per id at a time (protocol 3.7).

    Args:
        id: adds with the same id are absorbed by the first.
        ttl: ms for which the id is taken, from the add; without it, until the job finishes.
        extend: a repeated add starts the ttl anew.
        replace: a repeated add replaces a job that is still delayed.
        reschedule: a repeated add moves a delayed job to the new delay.
        keep_last_if_active: the last add during the run of the job runs after it.
    """

    id: str
    ttl: int | None = None
    extend: bool | None = None
    replace: bool | None = None
    reschedule: bool | None = None
    keep_last_if_active: bool | None = None


Retention: TypeAlias = bool | int | Keep | Mapping[str, Any]


class JobOptions(TypedDict, total=False):
    """Keyword options of `add`. BullMQ's names in snake_case.

    Keys:
        job_id: own id: text without ``:``, not an integer, not the name of a key of the queue.
        delay: ms before it may run.
        priority: 1 (first) to 2 097 151; 0 for none, which runs before every other.
        lifo: next in line instead of last.
        attempts: how many attempts it may have in all.
        backoff: ms, or `Backoff`.
        remove_on_complete, remove_on_fail: True, False, a count or `Keep`.
        deduplication: `Deduplication`, or just its id.
        timestamp: Unix ms at which it counts as added.
        size_limit: most bytes its data may have as JSON.
        keep_logs: how many log rows to keep.
        stack_trace_limit: how many stack texts to keep.
        parent: the job that waits for this one: `Parent`, or ``{"id", "queue": "bull:name"}``.
        fail_parent_on_failure, continue_parent_on_failure, ignore_dependency_on_failure,
            remove_dependency_on_failure: what a final failure means for the parent; at most one.
            Without any, the parent waits until the job is run again or taken away.
        telemetry: `Telemetry`: what a tracer finds on the job.
    """

    job_id: str | None
    delay: int
    priority: int
    lifo: bool
    attempts: int
    backoff: int | Backoff | Mapping[str, Any] | None
    remove_on_complete: Retention | None
    remove_on_fail: Retention | None
    deduplication: str | Deduplication | Mapping[str, Any] | None
    timestamp: int | None
    size_limit: int | None
    keep_logs: int | None
    stack_trace_limit: int | None
    parent: Parent | Mapping[str, Any] | None
    fail_parent_on_failure: bool | None
    continue_parent_on_failure: bool | None
    ignore_dependency_on_failure: bool | None
    remove_dependency_on_failure: bool | None
    telemetry: Telemetry | Mapping[str, Any] | None


_NAMES = tuple(JobOptions.__annotations__)


def check_names(given: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
    """Refuse unknown names, with the nearest known one.

    Raises:
        InvalidOption: names the unknown option.
    """
    for name in given:
        if name not in known:
            raise InvalidOption(f"unknown {what} {name!r}{_suggestion(str(name), known)}")


def check_choice(value: Any, known: tuple[str, ...], what: str) -> None:
    """Refuse a word that is not known, and what is no word.

    Raises:
        InvalidOption: names it.
    """
    if not isinstance(value, str):
        raise InvalidOption(f"a {what} is text such as {known[0]!r}, not {value!r:.60}")
    check_names({value: None}, known, what)


def _suggestion(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(snake_case(name), known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"


def stored_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Checked options under the names that BullMQ stores.

    Raises:
        InvalidOption: an unknown option, a value out of range, or two that contradict each other.
        InvalidJobId: an id that BullMQ cannot hold.
    """
    stored: dict[str, Any] = {"attempts": 0}
    for name, value in options.items():
        check = _CHECKS.get(name)
        if check is None:
            check_names(options, _NAMES, "job option")
        elif value is not None:
            stored[_STORED_NAMES[name]] = check(value, name)
    if "parent" in stored and "de" in stored:
        raise InvalidOption(
            "deduplication and parent cannot be used together: a parent waits for its own children"
        )
    telemetry: dict[str, Any] = stored.pop("telemetry", {})
    return stored | telemetry


def failure_policy(options: Mapping[str, Any]) -> str:
    """The short name of what a failure means for the parent, or ``""``.

    Raises:
        InvalidOption: more than one is chosen.
    """
    chosen = [name for name in FAILURE_POLICIES if options.get(name)]
    if len(chosen) > 1:
        raise InvalidOption(f"{' and '.join(chosen)} contradict each other; give at most one")
    return _STORED_NAMES[chosen[0]] if chosen else ""


def _whole(least: int, most: int) -> Any:
    def check(value: Any, name: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InvalidOption(f"{name} is a whole number from {least} to {most}, not {value!r}")
        return value

    return check


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidOption(f"{name} is True or False, not {value!r}")
    return value


def _backoff(value: Any, name: str) -> dict[str, Any]:
    if isinstance(value, int) and not isinstance(value, bool):
        return {"type": "fixed", "delay": _milliseconds(value, f"{name}.delay")}
    fields = _fields(value, Backoff, name)
    fields.setdefault("type", "fixed")
    if not isinstance(fields["type"], str) or not fields["type"]:
        raise InvalidOption(f"{name}.type is text such as 'fixed', not {fields['type']!r}")
    if "delay" in fields:
        _milliseconds(fields["delay"], f"{name}.delay")
    jitter = fields.get("jitter", 0)
    if isinstance(jitter, bool) or not isinstance(jitter, (int, float)) or not 0 <= jitter <= 1:
        raise InvalidOption(f"{name}.jitter is a number from 0 to 1, not {jitter!r}")
    return fields


def _retention(value: Any, name: str) -> Any:
    if isinstance(value, int):  # bool included: both are stored as they are
        return value
    fields = _fields(value, Keep, name)
    for part, number in fields.items():
        _natural(number, f"{name}.{part}")
    return fields


def _deduplication(value: Any, name: str) -> dict[str, Any]:
    fields = _fields(Deduplication(value) if isinstance(value, str) else value, Deduplication, name)
    if not isinstance(fields.get("id"), str) or not fields["id"]:
        raise InvalidOption(f"{name}.id is non-empty text, not {fields.get('id')!r}")
    if "ttl" in fields:
        _natural(fields["ttl"], f"{name}.ttl")
    for part in fields.keys() - {"id", "ttl"}:
        _flag(fields[part], f"{name}.{part}")
    return {_camel(part): value for part, value in fields.items()}


def _job_id(value: Any, name: str) -> str:
    check_text(name, value)
    return check_job_id(value)


def _parent(value: Any, name: str) -> dict[str, str]:
    return read_parent(value, name).option()


_natural = _whole(0, 2**53 - 1)
_milliseconds = _whole(0, LONGEST_DELAY_MS)

_CHECKS: dict[str, Any] = {
    "job_id": _job_id,
    "delay": _milliseconds,
    "priority": _whole(0, HIGHEST_PRIORITY),
    "lifo": _flag,
    "attempts": _natural,
    "backoff": _backoff,
    "remove_on_complete": _retention,
    "remove_on_fail": _retention,
    "deduplication": _deduplication,
    "timestamp": _milliseconds,
    "size_limit": _natural,
    "keep_logs": _natural,
    "stack_trace_limit": _natural,
    "parent": _parent,
    **dict.fromkeys(FAILURE_POLICIES, _flag),
    "telemetry": lambda value, name: stored_telemetry(value),
}


def _fields(value: Any, kind: type, name: str) -> dict[str, Any]:
    """The set fields of a dataclass, or of a mapping that uses its names (camelCase as well)."""
    if isinstance(value, kind):
        return {part: item for part, item in vars(value).items() if item is not None}
    if not isinstance(value, Mapping):
        raise InvalidOption(
            f"{name} is a {kind.__name__} or a mapping with its names, not {value!r}"
        )
    fields = {snake_case(str(part)): item for part, item in value.items() if item is not None}
    check_names(fields, tuple(kind.__dataclass_fields__), f"part of {name}:")  # type: ignore[attr-defined]
    return fields


def check_text(what: str, text: Any) -> None:
    """Refuse what has no UTF-8 form.

    Raises:
        InvalidOption: names it.
    """
    try:
        str(text).encode()
    except UnicodeEncodeError:
        raise InvalidOption(f"{what} {text!r} contains half of a surrogate pair") from None


def snake_case(name: str) -> str:
    """BullMQ's spelling of an option in ours: ``removeOnFail`` is ``remove_on_fail``."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda match: f"_{match[1].lower()}", name)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


_STORED_NAMES = {name: SHORT_OPTIONS.get(_camel(name), _camel(name)) for name in _NAMES}
