"""A job that is about to be added: checked, with everything in the form in which it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .encoding import encode_json
from .errors import InvalidOption, JobTooLarge
from .job import FIELDS
from .options import check_text, failure_policy, stored_options
from .outcome import RawJson
from .parents import Parent, read_parent

_NO_OPTIONS = '{"attempts":0}'


@dataclass
class NewJob:
    """A job that passed every check and is ready to be sent. `data` and `opts` are JSON text."""

    id: str
    name: str
    data: str
    opts: str
    timestamp: int
    delay: int
    priority: int
    lifo: bool
    deduplication: str
    renew: bool = False
    parent: Parent | None = None
    policy: str = ""

    def is_plain(self) -> bool:
        """Whether it needs no more than a place at the end of `wait`."""
        special = self.id or self.delay or self.priority or self.lifo or self.deduplication
        return not (special or self.parent or self.renew)

    def stored(self) -> dict[bytes, bytes]:
        """The hash as the script writes it."""
        values = {
            "name": self.name,
            "data": self.data,
            "opts": self.opts,
            "timestamp": self.timestamp,
            "delay": self.delay,
            "priority": self.priority,
        }
        if self.parent:
            values["parent_key"] = self.parent.key
            values["parent"] = self.parent.reference(self.policy)
        return {FIELDS[name].encode(): str(value).encode() for name, value in values.items()}

    def plain_arguments(self) -> tuple[str | int, ...]:
        """Its record in the arguments of the script `add_plain`."""
        return (self.name, self.data, self.opts, self.timestamp)

    def arguments(self) -> tuple[str | int, ...]:
        """Its record in the arguments of the script `add_jobs`."""
        mode = "renew" if self.renew else "keep"
        lifo = "1" if self.lifo else ""
        when = (self.timestamp, self.delay, self.priority)
        return (self.id, self.name, self.data, self.opts, *when, lifo, mode, self.deduplication)


def new_job(
    name: str, data: Any, options: Mapping[str, Any], *, now: int, renew: bool = False
) -> NewJob:
    """Check everything about a job that is to be added.

    Args:
        name: the job's name, non-empty text.
        data: any JSON value, or `RawJson`.
        options: see `JobOptions`; other names are refused.
        now: Unix ms.
        renew: with a `job_id` in use by a finished job: run anew instead of keeping the old one.

    Raises:
        InvalidOption: an unknown option, or a value out of range.
        InvalidJobId: an id that BullMQ cannot hold.
        UnserializableData: data without a JSON form.
        JobTooLarge: more bytes of data than `size_limit`.
    """
    if not isinstance(name, str) or not name:
        raise InvalidOption(f"a job's name is non-empty text, not {name!r}")
    check_text("name", name)
    payload = data.text if isinstance(data, RawJson) else encode_json({} if data is None else data)
    if not options:
        return NewJob("", name, payload, _NO_OPTIONS, now, 0, 0, False, "", renew)
    stored = stored_options(options)
    if "sizeLimit" in stored:
        _check_size(payload, stored["sizeLimit"])
    deduplication = stored.get("de")
    return NewJob(
        id=stored.get("jobId", ""),
        name=name,
        data=payload,
        opts=encode_json(stored, "options"),
        timestamp=stored.get("timestamp", now),
        delay=stored.get("delay", 0),
        priority=stored.get("priority", 0),
        lifo=bool(stored.get("lifo")),
        deduplication=encode_json(deduplication) if deduplication else "",
        renew=renew,
        parent=read_parent(options["parent"]) if "parent" in stored else None,
        policy=failure_policy(options),
    )


def _check_size(payload: str, limit: int) -> None:
    size = len(payload.encode())
    if size > limit:
        raise JobTooLarge(f"the data has {size} bytes as JSON, more than size_limit={limit}")
