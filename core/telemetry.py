"""Metadata by which traces follow a job from process to process (protocol part 2, section 5.1).
Nothing here traces; who does says so in `hooks`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import InvalidOption
from .job import TELEMETRY_OPTIONS


@dataclass(frozen=True)
class Telemetry:
    """What a tracer of any language finds on a job.

    Args:
        metadata: the propagated context as text, for OpenTelemetry its serialized carrier.
        omit_context: whoever works the job must not continue the trace.
    """

    metadata: str | None = None
    omit_context: bool | None = None


@dataclass
class Hooks:
    """What a tracer is asked for, in every queue and worker of this process. None costs nothing.

    Args:
        adding: (queue, name of a job that is about to be added) -> its telemetry, or None.
        running: (delivery, handler) -> what ``handler(delivery)`` gives.
    """

    adding: Callable[[str, str], Telemetry | None] | None = None
    running: Callable[[Any, Callable[[Any], Any]], Any] | None = None


hooks = Hooks()


def traced(queue: str, name: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of a job with what the tracer says of it; what the caller says comes first."""
    if hooks.adding is None or options.get("telemetry") is not None:
        return options
    found = hooks.adding(queue, name)
    return options if found is None else {**options, "telemetry": found}


def stored_telemetry(value: Any) -> dict[str, Any]:
    """The option `telemetry` as it stands in a job's stored options.

    Args:
        value: `Telemetry`, or a mapping with its names or those of BullMQ's API.

    Raises:
        InvalidOption: it is neither, or a part has the wrong type.
    """
    if isinstance(value, Mapping):
        value = _from_mapping(value)
    if not isinstance(value, Telemetry):
        raise InvalidOption(f"telemetry is a Telemetry or a mapping with its names, not {value!r}")
    _check("metadata", value.metadata, str, "text")
    _check("omit_context", value.omit_context, bool, "True or False")
    parts = {"metadata": value.metadata, "omitContext": value.omit_context}
    return {TELEMETRY_OPTIONS[name]: part for name, part in parts.items() if part is not None}


def _from_mapping(value: Mapping[Any, Any]) -> Telemetry:
    own = {name: name for name in ("metadata", "omit_context")} | {"omitContext": "omit_context"}
    for name in value:
        if name not in own:
            raise InvalidOption(
                f"unknown part of telemetry: {name!r}; known are metadata and omit_context"
            )
    return Telemetry(**{own[name]: part for name, part in value.items()})


def _check(name: str, value: Any, kind: type, words: str) -> None:
    if value is not None and not isinstance(value, kind):
        raise InvalidOption(f"telemetry.{name} is {words}, not {value!r}")
