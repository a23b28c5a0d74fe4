"""Metrics of all queues for Prometheus, read from Redis when they are asked for: every process
that shows them shows the same. Needs ``pip install "bullrush[metrics]"``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .errors import BullrushError, InvalidOption
from .measures import OUTCOMES
from .snapshot import QueueSnapshot

if TYPE_CHECKING:
    from prometheus_client.core import Metric

#: Of Prometheus' text format.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_QUEUE = ("queue",)
_JOB = ("queue", "name")


class QueueCollector:
    """A collector for a registry of prometheus-client: ``REGISTRY.register(QueueCollector(...))``.

    Args:
        snapshots: gives how the queues stand, with measures; asked at every scrape. A
            `BullrushError`, or None, means that Redis cannot be reached.
    """

    def __init__(self, snapshots: Callable[[], Sequence[QueueSnapshot] | None]) -> None:
        self._snapshots = snapshots

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask Redis."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The metrics, read now."""
        try:
            snapshots = self._snapshots()
        except BullrushError:
            snapshots = None
        families = _Families()
        families.gauge("redis_up", "Whether Redis answered", (), [((), int(snapshots is not None))])
        if snapshots is not None:
            readable = [each for each in snapshots if each.broken is None]
            broken = [((each.name,), int(each.broken is not None)) for each in snapshots]
            families.gauge(
                "bullrush_queue_broken",
                "Whether its keys hold other things",
                _QUEUE,
                broken,
            )
            _as_node(families, readable)
            _depth(families, readable)
            _fleet(families, readable)
            _measured(families, readable)
        yield from families.found


def exposition(snapshots: Sequence[QueueSnapshot] | None) -> bytes:
    """The metrics in Prometheus' text format; None when Redis cannot be reached.

    Raises:
        InvalidOption: prometheus-client is not installed.
    """
    library = _library()
    registry = library.CollectorRegistry(auto_describe=False)
    registry.register(QueueCollector(lambda: snapshots))
    return bytes(library.generate_latest(registry))


def _library() -> Any:
    try:
        import prometheus_client  # noqa: PLC0415 - an extra
    except ImportError:
        raise InvalidOption(
            'metrics need prometheus-client: pip install "bullrush[metrics]"'
        ) from None
    return prometheus_client


Row = tuple[Sequence[str], float | None]


class _Families:
    """Collects families; rows without a value are left out."""

    def __init__(self) -> None:
        _library()
        from prometheus_client import core  # noqa: PLC0415 - an extra

        self._core = core
        self.found: list[Metric] = []

    def gauge(self, name: str, text: str, labels: Sequence[str], rows: Iterable[Row]) -> None:
        self._add(self._core.GaugeMetricFamily(name, text, labels=labels), rows)

    def counter(self, name: str, text: str, labels: Sequence[str], rows: Iterable[Row]) -> None:
        self._add(self._core.CounterMetricFamily(name, text, labels=labels), rows)

    def histogram(self, name: str, text: str, rows: Iterable[tuple[Sequence[str], Any]]) -> None:
        family = self._core.HistogramMetricFamily(name, text, labels=_JOB)
        for labels, histogram in rows:
            family.add_metric(labels, histogram.buckets(), histogram.total)
        self.found.append(family)

    def _add(self, family: Any, rows: Iterable[Row]) -> None:
        for labels, value in rows:
            if value is not None:
                family.add_metric(labels, value)
        self.found.append(family)


def _as_node(families: _Families, snapshots: Sequence[QueueSnapshot]) -> None:
    """The names, labels and words of Node's `exportPrometheusMetrics` (protocol 11)."""
    families.gauge(
        "bullmq_job_count",
        "Number of jobs in the queue by state",
        ("queue", "state"),
        [((each.name, state), n) for each in snapshots for state, n in each.counts.items()],
    )
    for state in ("completed", "failed"):
        families.counter(
            f"bullmq_job_{state}",
            f"Total number of {state} jobs",
            _QUEUE,
            [((each.name,), getattr(each, f"{state}_total") or 0) for each in snapshots],
        )


def _depth(families: _Families, snapshots: Sequence[QueueSnapshot]) -> None:
    rows: dict[str, tuple[str, Callable[[QueueSnapshot], float | None]]] = {
        "queue_waiting_jobs": ("Jobs that may start", lambda each: each.waiting),
        "bullrush_oldest_waiting_seconds": (
            "How long the oldest job that may start has waited",
            lambda each: each.oldest_waiting or 0,
        ),
        "bullrush_overdue_seconds": (
            "For how long a delayed job has been due",
            lambda each: each.overdue or 0,
        ),
        "bullrush_queue_paused": ("Whether the queue is paused", lambda each: int(each.paused)),
        "bullrush_global_concurrency": (
            "How many jobs may be active at once",
            lambda each: each.concurrency,
        ),
    }
    for name, (text, read) in rows.items():
        families.gauge(name, text, _QUEUE, [((each.name,), read(each)) for each in snapshots])


def _fleet(families: _Families, snapshots: Sequence[QueueSnapshot]) -> None:
    families.gauge(
        "bullrush_workers",
        "Workers that serve the queue",
        ("queue", "kind"),
        [
            row
            for each in snapshots
            for row in (
                ((each.name, "bullrush"), len(each.workers)),
                ((each.name, "other"), each.other_workers),
            )
        ],
    )
    families.gauge(
        "bullrush_worker_slots",
        "Jobs that the workers of this library can run at once",
        _QUEUE,
        [((each.name,), each.slots) for each in snapshots],
    )
    families.gauge(
        "bullrush_worker_slots_busy",
        "Jobs that they have in hand, of all their queues",
        _QUEUE,
        [((each.name,), each.busy) for each in snapshots],
    )


def _measured(families: _Families, snapshots: Sequence[QueueSnapshot]) -> None:
    counted = [(each.name, each.measures) for each in snapshots if each.measures is not None]
    jobs = [((queue, name), job) for queue, all_of in counted for name, job in all_of.jobs.items()]
    families.histogram(
        "bullrush_job_wait_seconds",
        "How long jobs waited for their first start",
        [(labels, job.wait) for labels, job in jobs],
    )
    families.histogram(
        "bullrush_job_run_seconds",
        "How long runs took",
        [(labels, job.run) for labels, job in jobs],
    )
    families.counter(
        "bullrush_job_runs",
        "Runs by what came of them",
        (*_JOB, "outcome"),
        [((*labels, word), job.outcomes[word]) for labels, job in jobs for word in OUTCOMES],
    )
    families.counter(
        "bullrush_jobs_stalled",
        "Jobs that were taken back from workers that were lost",
        _QUEUE,
        [((queue,), all_of.stalled) for queue, all_of in counted],
    )
