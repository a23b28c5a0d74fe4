"""The Python end of the benchmark's protocol: JSON lines on stdin and stdout.

    Hello:    {"peer": "bullrush", "versions": {"bullrush": "0.1.0", "python": "3.11.7"}}
    Request:  {"work": "add", "jobs": 2000}
    Answer:   {"seconds": 0.21, "cpu": 0.15}    or    {"error": "..."}

A peer is one file in `peers/` that calls `serve`, or the same in another language. Its argument is
the URL of a server that it may fill; it ends with its stdin.
"""

from __future__ import annotations

import json
import platform
import resource
import sys
import time
from collections.abc import Callable, Mapping
from importlib import metadata

#: With the number, about 100 bytes of JSON in two arguments.
TEXT = "the quick brown fox jumps over the lazy dog, then does it all again for good measure"


def payload(number: int) -> dict[str, object]:
    """The data of every job, the same for all peers."""
    return {"a": number, "b": TEXT}


def url() -> str:
    """The server to work on."""
    return sys.argv[1]


def serve(
    peer: str,
    works: Mapping[str, Callable[[int], None]],
    *,
    packages: tuple[str, ...],
) -> None:
    """Answer until stdin ends.

    Args:
        peer: its name in the table.
        works: what it can do -> a function that does it with that many jobs and returns when all is
            done.
        packages: whose versions are told.
    """
    versions = {each: metadata.version(each) for each in packages}
    say({"peer": peer, "versions": {**versions, "python": platform.python_version()}})
    for line in sys.stdin:
        request = json.loads(line)
        work = works.get(request["work"])
        if work is None:
            say({"error": f"{peer} has no {request['work']}"})
            continue
        cpu, began = own_cpu(), time.perf_counter()
        work(request["jobs"])
        say({"seconds": time.perf_counter() - began, "cpu": own_cpu() - cpu})


def own_cpu() -> float:
    """Seconds of CPU that this process and its ended children used."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, kinds))


def say(message: Mapping[str, object]) -> None:
    """One line to the runner."""
    print(json.dumps(message), flush=True)
