"""The Python end of the worker benchmarks: what a peer's file is, and the roles it is started in.

    python roles.py workers/celery_peer.py hello|worker|add|latency|roundtrip|delayed

Everything else comes in the variable BENCH, as JSON: the URL of Redis, a folder for marks, the
worker's setting. Every role but `worker` answers with one line of JSON.

A peer is one file in `workers/` with one subclass of `Peer`; Node's speaks the same protocol.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import random
import socket
import sys
import time
from collections.abc import Awaitable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlparse

#: With the number, about 100 bytes of JSON in two arguments.
TEXT = "the quick brown fox jumps over the lazy dog, then does it all again for good measure"
#: s that the handler of `coroutines` awaits.
NAP = 0.01
BENCH: dict[str, Any] = json.loads(os.environ.get("BENCH", "{}"))
URL: str = BENCH.get("url", "redis://127.0.0.1:6379/0")
SETTING: dict[str, Any] = BENCH.get("setting", {})

_marked = False
_late: int | None = None
_pipe: socket.socket | None = None


def payload(number: int) -> dict[str, Any]:
    """The arguments of every job, the same for all peers."""
    return {"a": number, "b": TEXT}


def noop(a: int, b: str) -> int:
    """The handler that does nothing. The first one of a worker leaves a mark with its time."""
    if not _marked:
        _mark()
    return a


async def nap(a: int, b: str) -> int:
    """The handler that awaits."""
    if not _marked:
        _mark()
    await asyncio.sleep(NAP)
    return a


def step(*args: object) -> int:
    """The handler of a task in a canvas, whatever it is given."""
    return 0


def stamp(t0: float) -> None:
    """Tell the producer how long ago `t0` was, in ms."""
    global _pipe
    found = (time.time() - t0) * 1e3
    if _pipe is None:
        _pipe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        _pipe.connect(("127.0.0.1", int(Path(BENCH["folder"], "stamps").read_text())))
    _pipe.send(b"%.4f" % found)


def late(due: float) -> None:
    """Note how long ago `due` was, in ms."""
    global _late
    found = (time.time() - due) * 1e3
    if _late is None:
        path = os.path.join(BENCH["folder"], f"late.{os.getpid()}")
        _late = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(_late, b"%.3f\n" % found)


def _mark() -> None:
    global _marked
    _marked = True
    try:
        with open(os.path.join(BENCH["folder"], "first"), "x") as file:
            file.write(repr(time.time()))
    except FileExistsError:
        pass


class Peer:
    """What a peer's file says and does. Methods may be coroutines.

    Attributes:
        title: its name in the tables.
        packages: whose versions are told.
        settings: worker settings by name.
        drained: commands whose replies sum to 0 when no job is left.
        jobs: how many are drained in one turn of `process`.
        lead: s that 5,000 delayed jobs take to be added, and some.
        uvloop: whether it is at its best on uvloop.
    """

    title = ""
    packages: ClassVar[tuple[str, ...]] = ()
    settings: ClassVar[dict[str, dict[str, Any]]] = {}
    drained: ClassVar[Sequence[Sequence[str]]] = ()
    jobs = 5_000
    lead = 4.0
    uvloop = False

    def open(self) -> Awaitable[None] | None:
        """Before anything is added."""

    def close(self) -> Awaitable[None] | None:
        """At the end."""

    def add(self, task: str, data: dict[str, Any]) -> Any:
        """Add one job; what `wait` takes."""
        raise NotImplementedError

    def add_many(
        self, task: str, rows: list[dict[str, Any]], dues: list[float] | None = None, **options: int
    ) -> Any:
        """Add jobs in the peer's best way, those with `dues` for later."""
        raise NotImplementedError

    def listen(self) -> Any:
        """Before the first `wait`."""

    def wait(self, handle: Any) -> Any:
        """Until the result of a job is there."""
        raise NotImplementedError

    def canvas(self, shape: str, size: int) -> Any:
        """Send a chord, group or chain of `size` steps and wait for its result; gives the
        `perf_counter` of the moment when all was sent.
        """
        raise NotImplementedError

    def worker(self) -> None:
        """Run a worker until SIGTERM."""
        raise NotImplementedError


async def finished(value: Any) -> Any:
    """The value, awaited when it must be."""
    return await value if inspect.isawaitable(value) else value


async def hello(peer: Peer) -> dict[str, Any]:
    """What the runner must know."""
    names = ("title", "settings", "drained", "jobs", "lead")
    versions = {each: metadata.version(each) for each in peer.packages}
    return {**{name: getattr(peer, name) for name in names}, "versions": versions}


async def add(peer: Peer) -> dict[str, Any]:
    """Preload jobs, 1,000 at a time, spread over priorities or delayed when asked."""
    jobs, options, task = BENCH["jobs"], BENCH.get("options", {}), BENCH.get("task", "noop")
    for start in range(0, jobs, 1000):
        rows = [payload(number) for number in range(start, min(jobs, start + 1000))]
        await finished(peer.add_many(task, rows, **options))
    return {"jobs": jobs}


async def latency(peer: Peer) -> dict[str, Any]:
    """One job at a time for an idle worker: ms from before the call to the handler's start."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stamps:
        stamps.bind(("127.0.0.1", 0))
        stamps.settimeout(10)
        Path(BENCH["folder"], "stamps").write_text(str(stamps.getsockname()[1]))
        for _ in range(BENCH["jobs"]):
            await finished(peer.add("stamp", {"t0": time.time()}))
            found.append(float(stamps.recv(64)))
            await asyncio.sleep(random.uniform(0.003, 0.012))
    return {"ms": found}


async def roundtrip(peer: Peer) -> dict[str, Any]:
    """One job at a time for an idle worker: ms from before the call until its result is there."""
    await finished(peer.listen())
    found = []
    for number in range(BENCH["jobs"]):
        began = time.perf_counter()
        await finished(peer.wait(await finished(peer.add("noop", payload(number)))))
        found.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(random.uniform(0.001, 0.005))
    return {"ms": found}


async def canvas(peer: Peer) -> dict[str, Any]:
    """One canvas for an idle worker, after a small one: s until it is sent, and until its end."""
    await finished(peer.listen())
    await finished(peer.canvas(BENCH["shape"], 3))
    began = time.perf_counter()
    sent = await finished(peer.canvas(BENCH["shape"], BENCH["size"]))
    return {"seconds": time.perf_counter() - began, "sent": sent - began}


async def delayed(peer: Peer) -> dict[str, Any]:
    """Jobs that fall due within `window` s, added ahead of that."""
    first = time.time() + BENCH["lead"]
    dues = sorted(first + random.random() * BENCH["window"] for _ in range(BENCH["jobs"]))
    for start in range(0, len(dues), 500):
        part = dues[start : start + 500]
        await finished(peer.add_many("late", [{"due": due} for due in part], part))
    return {"jobs": len(dues), "ahead": first - time.time(), "last": dues[-1]}


ROLES = {each.__name__: each for each in (hello, add, latency, roundtrip, canvas, delayed)}


def become(*arguments: str) -> None:
    """Go on as the peer's own command line, with the peer's file importable."""
    here = Path(__file__).parent
    os.environ["PYTHONPATH"] = os.pathsep.join((str(here / "workers"), str(here)))
    os.chdir(here / "workers")
    os.execv(sys.executable, [sys.executable, *arguments])


def address() -> dict[str, Any]:
    """The server, for clients that take no URL."""
    found = urlparse(URL)
    return {"host": found.hostname, "port": found.port or 6379, "db": 0}


def run(file: str, role: str) -> None:
    """Play one role of the peer in `file`."""
    path = Path(file).resolve()
    sys.path[:0] = [str(path.parent), str(path.parent.parent)]
    roles = importlib.import_module("roles")
    found = vars(importlib.import_module(path.stem)).values()
    (kind,) = [
        each
        for each in found
        if isinstance(each, type) and issubclass(each, roles.Peer) and each is not roles.Peer
    ]
    if kind.uvloop:
        uvloop = importlib.import_module("uvloop")
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    peer = kind()
    if role == "worker":
        peer.worker()
        return

    async def play() -> dict[str, Any]:
        if role != "hello":
            await finished(peer.open())
        try:
            return await ROLES[role](peer)
        finally:
            if role != "hello":
                await finished(peer.close())

    print(json.dumps(asyncio.run(play())), flush=True)


if __name__ == "__main__":
    run(*sys.argv[1:])
