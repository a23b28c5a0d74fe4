"""What failures have in common: the task, the kind of error and its text without its numbers."""

from __future__ import annotations

import hashlib
import re

from bullrush.core.job import Job

_VARIABLE = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8,}(?:-[0-9a-f]{4,})*|\d+|'[^']*'|\"[^\"]*\"", re.I)


def fingerprint(job: Job) -> str:
    """Twelve characters that jobs have in common that failed for the same reason."""
    text = _VARIABLE.sub("#", (job.failed_reason or "")[:500])
    rows = [row.strip() for row in "\n".join(job.stacktrace[-1:])[-2000:].splitlines()]
    place = next((_VARIABLE.sub("#", row) for row in rows if row.startswith(("at ", "File "))), "")
    whole = "\0".join((job.queue_name, job.name, text, place))
    return hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest()[:12]
