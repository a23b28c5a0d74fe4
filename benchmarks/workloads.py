"""The workloads: what one contender is asked to do in one turn, and the figures that come of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from processes import BenchmarkFailed, Contender, Server, WorkerProcess

Figures = dict[str, float]
#: s between two looks at what is left, and until all must be done.
LOOK = 0.005
LIMIT = 120.0


def process(
    contender: Contender,
    server: Server,
    jobs: int = 0,
    task: str = "noop",
    options: dict[str, int] | None = None,
) -> Figures:
    """Jobs that are all there before the worker starts.

    The time runs from the start of the first handler until the peer's own keys say that nothing is
    left. `first` and `last` are the rates over the first and the last fifth of that.

    Args:
        jobs: the peer's own number when 0.
        options: `priorities` spreads them over so many, `delay` (ms) makes them fall due before
            the worker starts.
    """
    jobs = jobs or contender.about["jobs"]
    contender.ask("add", jobs=jobs, task=task, options=options or {})
    time.sleep((options or {}).get("delay", 0) / 1000)
    cpu = server.cpu()
    with contender.worker() as worker:
        began = worker.wait_first()
        spent, small = worker.cpu(), worker.memory()
        looks = _drain(contender, server, worker)
        ended, used, large = looks[-1][0], worker.cpu() - spent, worker.memory()
        redis = server.cpu() - cpu
    return {
        "jobs": jobs,
        "rate": jobs / (ended - began),
        "seconds": ended - began,
        "startup": began - worker.began,
        "worker_us": used / jobs * 1e6,
        "redis_us": redis / jobs * 1e6,
        "rss": small["rss"],
        "rss_end": large["rss"],
        "first": _rate(looks, jobs, jobs * 0.8),
        "last": _rate(looks, jobs * 0.2, 0),
    }


def _drain(contender: Contender, server: Server, worker: WorkerProcess) -> list[tuple[float, int]]:
    """(time, jobs left) until none is."""
    looks, deadline = [], time.time() + LIMIT
    while not looks or looks[-1][1]:
        time.sleep(LOOK)
        looks.append((time.time(), server.rest(contender.about["drained"])))
        if time.time() > deadline:
            worker.check()
            raise BenchmarkFailed(f"{looks[-1][1]} jobs left after {LIMIT:.0f} s")
    return looks


def _rate(looks: list[tuple[float, int]], above: float, below: float) -> float:
    """Jobs per second between two numbers of jobs left; 0 when it was too quick to be seen."""
    part = [look for look in looks if above >= look[1] >= below]
    if len(part) < 3:
        return 0.0
    (began, more), (ended, less) = part[0], part[-1]
    return (more - less) / (ended - began)


def cold(contender: Contender, server: Server) -> Figures:
    """1,000 jobs for a worker that has just started."""
    return process(contender, server, 1000)


def coroutines(contender: Contender, server: Server) -> Figures:
    """Handlers that await 10 ms."""
    return process(contender, server, min(20_000, contender.about["jobs"]), "nap")


def backlog(contender: Contender, server: Server, kind: str, jobs: int) -> Figures:
    """A drain of jobs of one kind."""
    options = {"waiting": {}, "prioritized": {"priorities": 10}, "delayed": {"delay": 500}}
    return process(contender, server, jobs, "noop", options[kind])


def latency(contender: Contender, server: Server, jobs: int = 200) -> Figures:
    """ms from the call of add to the start of the handler, the worker idle."""
    with contender.worker() as worker:
        _settle(contender, worker)
        return _quantiles(contender.ask("latency", jobs=jobs)["ms"])


def roundtrip(contender: Contender, server: Server, jobs: int = 200) -> Figures:
    """ms from the call of add until the result is there, by the peer's own way to wait."""
    with contender.worker() as worker:
        _settle(contender, worker)
        return _quantiles(contender.ask("roundtrip", jobs=jobs)["ms"])


def canvas(contender: Contender, server: Server, shape: str, size: int) -> Figures:
    """s until a canvas for an idle worker is sent, and until its result is there."""
    with contender.worker() as worker:
        _settle(contender, worker)
        return contender.ask("canvas", shape=shape, size=size)  # type: ignore[no-any-return]


def delayed(contender: Contender, server: Server, jobs: int = 5000) -> Figures:
    """ms from a job's due time to the start of its handler; all are due within 2 s."""
    with contender.worker() as worker:
        _settle(contender, worker)
        said = contender.ask("delayed", jobs=jobs, window=2.0, lead=contender.about["lead"])
        if said["ahead"] < 0:
            raise BenchmarkFailed("the first jobs were due before the last was added")
        found, deadline = list[float](), said["last"] + 20
        while len(found) < jobs and time.time() < deadline:
            worker.check()
            time.sleep(0.2)
            found = [
                float(line)
                for path in contender.folder.glob("late.*")
                for line in path.read_text().split()
            ]
    return {**_quantiles(found), "ran": len(found)}


#: s after which a worker has told all it has to tell of its last job, such as its counts.
TELLING = 12


def idle(contender: Contender, server: Server, seconds: float = 10) -> Figures:
    """What a worker without jobs costs."""
    with contender.worker() as worker:
        _settle(contender, worker, TELLING)
        server.clear()
        cpu = worker.cpu()
        time.sleep(seconds)
        return {"commands": server.commands(), "cpu": worker.cpu() - cpu, **worker.memory()}


def memory(contender: Contender, server: Server, jobs: int = 100_000, drains: int = 10) -> Figures:
    """MB of one worker before and after it has drained `jobs`, and after `drains` such."""
    sizes = []
    with contender.worker() as worker:
        _settle(contender, worker, 1)
        before = worker.memory()
        for _ in range(drains):
            server.clear()
            contender.ask("add", jobs=jobs)
            _drain(contender, server, worker)
            sizes.append(worker.memory())
    return {
        "jobs": jobs * drains,
        "before": before["pss"],
        "once": sizes[0]["pss"],
        "after": sizes[-1]["pss"],
        "processes": before["processes"],
    }


def _settle(contender: Contender, worker: WorkerProcess, seconds: float = 1) -> None:
    """Until it has run a job, and a little longer."""
    contender.ask("add", jobs=1)
    worker.wait_first()
    time.sleep(seconds)


def _quantiles(ms: list[float]) -> Figures:
    ms = sorted(ms)
    if not ms:
        raise BenchmarkFailed("no job ran")
    return {
        "p50": median(ms),
        "p95": ms[int(len(ms) * 0.95)],
        "p99": ms[int(len(ms) * 0.99)],
        "max": ms[-1],
    }


WORKLOADS: dict[str, Callable[..., Figures]] = {
    "process": process,
    "cold": cold,
    "coroutines": coroutines,
    "backlog": backlog,
    "latency": latency,
    "roundtrip": roundtrip,
    "canvas": canvas,
    "delayed": delayed,
    "idle": idle,
    "memory": memory,
}
