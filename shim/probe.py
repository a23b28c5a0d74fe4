"""Whether a worker on this machine is alive, by the file it writes: for probes that are run every
few seconds, so this module imports neither an application nor anything that is not at hand.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence

#: Names the file, for the worker and for whoever looks at it.
VARIABLE = "BULLRUSH_HEARTBEAT_FILE"
#: s; a worker writes every 10.
MAX_AGE = 30.0
ALIVE, WITHOUT_REDIS, DEAD = range(3)


def look(path: str, max_age: float = MAX_AGE) -> tuple[int, str]:
    """An exit code, and why: 0 for a worker that is alive, 1 for one that cannot reach Redis, 2 for
    one that has not written for `max_age` s, or never.
    """
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        age = time.time() - record["beat"] / 1000
        running, slots, reached = record["running"], record["slots"], record["redis"]
    except OSError as error:
        return DEAD, f"critical: no heartbeat in {path}: {error.strerror}"
    except (ValueError, KeyError, TypeError):
        return DEAD, f"critical: {path} is no heartbeat of a worker"
    if age > max_age:
        return DEAD, f"critical: the last heartbeat was {age:.0f} s ago"
    if not reached:
        return WITHOUT_REDIS, "warning: the worker does not reach Redis"
    return ALIVE, f"ok: {running} of {slots} slots busy, heartbeat {max(age, 0):.0f} s ago"


def fast_path(argv: Sequence[str]) -> int | None:
    """The exit code of ``bullrush health --worker [FILE]``; None for any other command line, which
    takes the long way.
    """
    if list(argv[:2]) != ["health", "--worker"] or len(argv) > 3:
        return None
    path = argv[2] if len(argv) == 3 else os.environ.get(VARIABLE, "")
    if not path or path.startswith("-"):
        return None
    code, text = look(path)
    print(text, file=sys.stdout if code == ALIVE else sys.stderr)
    return code


def main() -> None:
    """The console script ``bullrush``."""
    code = fast_path(sys.argv[1:])
    if code is not None:
        sys.exit(code)
    from .cli import main as long_way  # noqa: PLC0415 - half a second that a probe does not have

    long_way()


if __name__ == "__main__":
    main()
