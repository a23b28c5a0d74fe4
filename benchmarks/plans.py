"""Who takes part in which workload, with which setting of its worker: its best one here."""

from __future__ import annotations

from typing import Any

#: The ratios are taken to this one; it is Node's best setting for the workload.
NODE = "bullmq6@concurrency 50"
NODE_500 = "bullmq6@concurrency 500"
OURS = ("bullrush_core@solo", "bullrush_tasks@solo")
#: Quick enough to be run after every change.
QUICK: dict[str, tuple[str, ...]] = {
    "process": (NODE, *OURS, "bullrush_tasks@prefork 2"),
    "cold": (NODE, *OURS),
    "coroutines": (NODE_500, "bullrush_core@asyncio 500"),
    "latency": (NODE, *OURS),
    "roundtrip": (NODE, *OURS),
    "delayed": (NODE, *OURS),
}
CELERY = ("celery@prefork 2", "celery@solo")
PYTHON = (
    *("bullmq_python@10 at once", "taskiq@2 processes, results", "taskiq@2 processes"),
    *("huey@2 processes", "dramatiq@2 processes x 8 threads", "saq@50 at once", "arq@500 jobs"),
    "rq@SimpleWorker",
)
ALL: dict[str, tuple[str, ...]] = {
    "process": (
        *(NODE, "bullmq6@concurrency 100", "bullmq5@concurrency 50"),
        *("bullrush_core@solo", "bullrush_core@threads 50", "bullrush_core@asyncio 50"),
        *("bullrush_core@prefork 2", "bullrush_tasks@solo", "bullrush_tasks@threads 10"),
        *("bullrush_tasks@prefork 2", "celery@prefork 2", "celery@solo", *PYTHON),
    ),
    "cold": (NODE, *OURS, "bullrush_core@asyncio 50", "celery@prefork 2"),
    "coroutines": (
        *(NODE_500, "bullrush_core@asyncio 500", "bullrush_tasks@asyncio 500"),
        *("bullmq_python@500 at once", "taskiq@2 processes", "saq@500 at once", "arq@500 jobs"),
    ),
    "latency": (
        *(NODE, *OURS, "bullrush_core@threads 50", "bullrush_core@asyncio 50"),
        *("bullrush_tasks@prefork 2", "celery@prefork 2"),
        *("bullmq_python@10 at once", "taskiq@2 processes, results", "huey@2 processes"),
        *("dramatiq@2 processes x 8 threads", "saq@50 at once", "rq@SimpleWorker"),
    ),
    "roundtrip": (
        *(NODE, *OURS, "bullrush_core@threads 50", "bullrush_tasks@prefork 2"),
        *("celery@prefork 2", "bullmq_python@10 at once", "taskiq@2 processes, results"),
        *("huey@2 processes, notify", "dramatiq@2 processes x 8 threads, results"),
        *("saq@50 at once", "rq@SimpleWorker"),
    ),
    "delayed": (NODE, *OURS, "bullrush_core@asyncio 50", "celery@prefork 2"),
    "canvas": (NODE, "bullrush_tasks@solo", "bullrush_tasks@prefork 2", *CELERY),
    "backlog": (NODE, "bullrush_core@solo"),
    "idle": (
        NODE,
        "bullrush_core@solo",
        "bullrush_tasks@solo",
        "bullrush_tasks@prefork 2",
        "celery@prefork 2",
    ),
    "memory": ("bullrush_core@solo", "bullrush_tasks@prefork 2", NODE),
}
#: Node takes no part in `results`: it would be the same as `group`.
CANVASES: tuple[dict[str, Any], ...] = (
    {"shape": "chord", "size": 1_000},
    {"shape": "group", "size": 10_000},
    {"shape": "chain", "size": 100},
    {"shape": "results", "size": 10_000},
)
BACKLOGS: tuple[dict[str, Any], ...] = tuple(
    {"kind": kind, "jobs": jobs}
    for jobs in (1_000, 100_000, 1_000_000)
    for kind in ("waiting", "prioritized", "delayed")
)
#: Workload -> the arguments of its variants.
VARIANTS = {"backlog": BACKLOGS, "canvas": CANVASES}
