"""The event stream of a queue as values, and the listeners of one reader (protocol part 1, section
9). No I/O.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .calls import Command
from .checks import check_duration
from .errors import JobFailed, JobNotFound, WaitTimeout
from .operations import JobView

logger = logging.getLogger(__name__)

#: A reader asks again at least this often, ms.
BLOCK_MS = 10_000
#: s after the end of a read's time by which its reply has come, if the connection still works.
_GRACE = 5.0
#: Entries in one reply.
_PAGE = 500
#: A waiter looks at the job itself this often, s: an event may be trimmed before a slow reader sees
#: it.
_LOOK_AGAIN = 5.0
#: s until Redis is asked again after the first error, and after many in a row.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


@dataclass(frozen=True)
class Event:
    """One entry of the stream.

    Args:
        id: its id in the stream.
        name: ``added``, ``waiting``, ``active``, ``progress``, ``completed``, ``failed``, ...
            (protocol 9.1), or an own name.
        job_id: the job it is about; empty for events of the queue.
        fields: everything else as text; `value` decodes what is more.
    """

    id: str
    name: str
    job_id: str
    fields: dict[str, str]

    @property
    def value(self) -> Any:
        """The returned value of ``completed``, the data of ``progress``, the due time of
        ``delayed`` (Unix ms). None for other events, and for text that is no such thing.
        """
        text = self.fields.get(_VALUES.get(self.name, ""))
        try:
            return json.loads(text) if text is not None else None
        except (ValueError, RecursionError):
            return None


#: Event -> its field with a JSON value. A due time of BullMQ's may have a fraction.
_VALUES = {"completed": "returnvalue", "progress": "data", "delayed": "delay"}


@dataclass(frozen=True)
class Ending:
    """How a job ended: `state` is ``completed`` with a `value`, or ``failed`` with a `reason`."""

    state: str
    value: Any = None
    reason: str = ""


_EVENT, _ANY = b"event", b"*"
#: About how many entries a private stream keeps, and ms that it lives after the last.
_MOST_SAID, _SAID_MS = 10_000, 3_600_000
Listener: TypeAlias = Callable[[Event], None]


def said(events_key: str, name: str, job_id: str) -> list[Command]:
    """The commands that add an event to a private stream, for readers that are there."""
    entry = ("event", name, "jobId", job_id)
    return [
        ("XADD", events_key, "MAXLEN", "~", _MOST_SAID, "*", *entry),
        ("PEXPIRE", events_key, _SAID_MS),
    ]


class Stream:
    """What both faces of a reader share: commands, parsing and listeners.

    Args:
        events_key: the key of the stream.
        last_event_id: read what follows that entry; None or ``$`` for what comes from now on.
        blocking_timeout: ms after which a reader asks again.

    Raises:
        InvalidOption: `blocking_timeout` is no whole number from 1.
    """

    def __init__(self, events_key: str, last_event_id: str | None, blocking_timeout: int) -> None:
        self.events_key = events_key
        self.position = None if last_event_id == "$" else last_event_id
        self.blocking_timeout = check_duration(blocking_timeout, "blocking_timeout")
        self.listeners: dict[str, tuple[Listener, ...]] = {}
        #: The names of events that somebody has ever listened to.
        self._wanted: set[bytes] = set()
        self._failures = 0

    def newest(self) -> Command:
        """Asks for the last entry. ``$`` would be resolved anew by every read and miss what comes
        between two of them.
        """
        return ("XREVRANGE", self.events_key, "+", "-", "COUNT", 1)

    @property
    def longest_wait(self) -> float:
        """s that a read may take on a connection that works."""
        return self.blocking_timeout / 1000 + _GRACE

    def read(self) -> Command:
        """Asks for what follows the position."""
        bounds = ("COUNT", _PAGE, "BLOCK", self.blocking_timeout)
        return ("XREAD", *bounds, "STREAMS", self.events_key, self.position or "0-0")

    def pause(self) -> float:
        """How long to leave Redis alone after one more error, s."""
        pause: float = min(_SHORTEST_PAUSE * 2**self._failures, _LONGEST_PAUSE)
        self._failures = min(self._failures + 1, 16)
        return pause

    def start_after(self, reply: Sequence[Any]) -> None:
        """Take the reply of `newest`."""
        self.position = reply[0][0].decode() if reply else "0-0"

    def dispatch(self, reply: Any) -> None:
        """Tell the listeners of every event. A listener that raises is logged and does not stop the
        others.
        """
        self._failures = 0
        entries, wanted = reply[0][1] if reply else (), self._wanted
        if entries:
            self.position = entries[-1][0].decode()
        for entry_id, flat in entries:
            # Most events are of no interest to most readers, and making one costs more than this.
            if flat[0] == _EVENT and flat[1] not in wanted and _ANY not in wanted:
                continue
            event = event_of(entry_id, flat)
            for listener in self._listeners_of(event):
                try:
                    listener(event)
                except Exception:
                    logger.exception("a listener of %s raised", event.name)

    def tell_error(self, error: Exception) -> None:
        """Redis did not answer the reader, which goes on: the event ``error``, in no stream."""
        event = Event("", "error", "", {"error": str(error)})
        for listener in self.listeners.get("error", ()):
            try:
                listener(event)
            except Exception:
                logger.exception("a listener of error raised")

    def _listeners_of(self, event: Event) -> list[Listener]:
        names = [event.name, "*"]
        if event.job_id:
            names.insert(1, f"{event.name}:{event.job_id}")
        return [listener for name in names for listener in self.listeners.get(name, ())]

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Add a listener; gives what takes it away again."""
        self._wanted.add(name.partition(":")[0].encode())
        self.listeners[name] = (*self.listeners.get(name, ()), listener)

        def forget() -> None:
            rest = tuple(each for each in self.listeners.get(name, ()) if each is not listener)
            if rest:
                self.listeners[name] = rest
            else:
                self.listeners.pop(name, None)

        return forget

    def once(self, name: str, listener: Listener) -> Callable[[], None]:
        """Add a listener for one event; gives what takes it away before."""

        def listen(event: Event) -> None:
            forget()
            listener(event)

        forget = self.on(name, listen)
        return forget


def event_of(entry_id: bytes, flat: Sequence[bytes]) -> Event:
    """An entry as Redis sends it. What other processes wrote is taken as it is."""
    texts = [part.decode("utf-8", "replace") for part in flat]
    fields = dict(zip(texts[::2], texts[1::2], strict=False))
    return Event(entry_id.decode(), fields.pop("event", ""), fields.pop("jobId", ""), fields)


def ending_of(event: Event) -> Ending:
    """How the job of a ``completed`` or ``failed`` event ended."""
    if event.name == "completed":
        return Ending("completed", value=event.value)
    return Ending("failed", reason=event.fields.get("failedReason", ""))


def ending_in(job_id: str, view: JobView, endings: Sequence[Ending]) -> Ending | None:
    """How the job ended, by what an event said or by what is stored now; None while it has not.

    Raises:
        JobNotFound: it is gone, and no event told how.
    """
    if endings:
        return endings[-1]
    if view.job is None:
        raise JobNotFound(f"Missing key for job {job_id}. waitUntilFinished")
    if view.state == "completed":
        return Ending("completed", value=view.job.returnvalue)
    if view.state == "failed":
        return Ending("failed", reason=view.job.failed_reason or "")
    return None


def value_of(job_id: str, ending: Ending) -> Any:
    """What the job returned.

    Raises:
        JobFailed: it failed.
    """
    if ending.state == "failed":
        raise JobFailed(job_id, ending.reason)
    return ending.value


def time_to_look(job_id: str, deadline: float | None, timeout: float | None) -> float:
    """How long to wait before the job is looked at again, s.

    Raises:
        WaitTimeout: the time is up.
    """
    rest = _LOOK_AGAIN if deadline is None else min(_LOOK_AGAIN, deadline - time.monotonic())
    if rest <= 0:
        raise WaitTimeout(f"job {job_id} did not finish within {timeout} s")
    return rest
