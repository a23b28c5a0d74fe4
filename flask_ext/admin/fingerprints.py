"""What failures have in common: the kind of error, its text without numbers and names, and the
place in the application's own code.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from bullrush.core import Job

#: What differs between two failures with the same cause.
_VARIABLE = re.compile(
    r"0x[0-9a-f]+|\b[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b|\d+|'[^']{0,200}'|\"[^\"]{0,200}\"", re.I
)
_KIND = re.compile(r"^(?:[\w.]+\.)?([A-Z]\w*)(?::|$)")
_PYTHON_FRAME = re.compile(r'^\s*File "([^"]+)", line \d+, in (\S+)')
_NODE_FRAME = re.compile(r"^\s*at (?:async )?(?:(\S+) )?\(?(.*?):\d+:\d+\)?$")
#: Code of others.
_FOREIGN = ("site-packages", "dist-packages", "node_modules", "node:", "/lib/python", "<frozen")
#: Characters that are looked at: a stack may be as long as somebody likes.
_LONGEST = 20_000


@dataclass(frozen=True)
class Fingerprint:
    """What a failure is.

    Attributes:
        id: twelve characters, for URLs.
        kind: the class of the exception; empty when nobody knows it.
        message: without what differs from failure to failure.
        frame: the innermost of the application's own; empty when there is no stack.
    """

    id: str
    kind: str
    message: str
    frame: str


def fingerprint_of(job: Job) -> Fingerprint:
    """The fingerprint of a job's last failure."""
    stack = (job.stacktrace or [""])[-1][-_LONGEST:]
    reason = (job.failed_reason or "")[:1000]
    kind = _kind_of(stack, reason)
    message = _VARIABLE.sub("#", reason.splitlines()[0] if reason else "")[:300]
    frame = _own_frame(stack)
    digest = hashlib.sha256("\0".join((kind, message, frame)).encode("utf-8", "replace"))
    return Fingerprint(digest.hexdigest()[:12], kind, message, frame)


def _kind_of(stack: str, reason: str) -> str:
    """The class of the exception: Python has it on the last line of a stack, Node on the first."""
    rows = [row for row in stack.splitlines() if row.strip()]
    for row in (*rows[:1], *reversed(rows), reason):
        found = _KIND.match(row)
        if found and not row.startswith("Traceback"):
            return found[1]
    return ""


def _own_frame(stack: str) -> str:
    frames = [frame for row in stack.splitlines() if (frame := _frame(row)) is not None]
    if "Traceback" in stack:  # Python ends with the innermost frame, Node begins with it
        frames.reverse()
    own = (each for each in frames if not any(part in each[0] for part in _FOREIGN))
    path, function = next(own, frames[0] if frames else ("", ""))
    place = "/".join(path.split("/")[-2:])
    return _VARIABLE.sub("#", f"{place} {function}".strip())


def _frame(row: str) -> tuple[str, str] | None:
    found = _PYTHON_FRAME.match(row)
    if found:
        return found[1], found[2]
    found = _NODE_FRAME.match(row)
    return (found[2], found[1] or "") if found else None
