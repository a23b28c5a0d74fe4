"""Numbers over time: jobs finished in each minute, and a text for Prometheus (protocol part 1,
section 11).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..calls import Batch, Call, Steps, operation, procedure
from ..checks import check_kind, check_position
from ..errors import InvalidOption
from ..keys import METRICS_FIELDS
from .counting import CountingOperations

_KINDS = ("completed", "failed")


class MetricsTime:
    """Values for the worker's option `metrics`: how many minutes to keep."""

    ONE_MINUTE: Final = 1
    FIVE_MINUTES: Final = 5
    FIFTEEN_MINUTES: Final = 15
    THIRTY_MINUTES: Final = 30
    ONE_HOUR: Final = 60
    ONE_WEEK: Final = 10_080
    TWO_WEEKS: Final = 20_160
    ONE_MONTH: Final = 80_640


@dataclass(frozen=True)
class MetricsMeta:
    """What is counted all the time.

    Args:
        count: jobs so far.
        prev_ts: Unix ms at which a minute was closed last; 0 before the first job.
        prev_count: jobs up to then.
    """

    count: int
    prev_ts: int
    prev_count: int


@dataclass(frozen=True)
class Metrics:
    """Jobs finished in each minute.

    Args:
        meta: what is counted all the time.
        data: the asked part of the minutes, newest first.
        count: how many minutes there are in all.
    """

    meta: MetricsMeta
    data: list[int]
    count: int


class MetricsOperations(CountingOperations):
    """Look at what workers with the option `metrics` have counted."""

    @operation
    def get_metrics(self, kind: str, start: int = 0, end: int = -1) -> Batch[Metrics]:
        """How many jobs finished in each minute.

        A minute is closed by the first job of a later one, so the running minute is not in `data`.

        Args:
            kind: ``completed`` or ``failed``.
            start, end: first and last minute, 0 is the newest, -1 the oldest.

        Raises:
            InvalidOption: another kind, or a position that is no whole number.
        """
        if not isinstance(kind, str) or kind not in _KINDS:
            raise InvalidOption(f"metrics are kept of 'completed' and 'failed' jobs, not {kind!r}")
        counter = getattr(self.keys, f"metrics_{kind}")
        minutes = getattr(self.keys, f"metrics_{kind}_data")
        window = check_position(start, "start"), check_position(end, "end")
        return Batch(
            [
                Call(("HMGET", counter, *METRICS_FIELDS.values()), _whole_numbers),
                Call(("LRANGE", minutes, *window), _whole_numbers),
                Call(("LLEN", minutes), int),
            ],
            lambda replies: Metrics(MetricsMeta(*replies[0]), replies[1], replies[2]),
        )

    @procedure
    def export_prometheus_metrics(self, labels: Mapping[str, str] | None = None) -> Steps[str]:
        """The counts of this queue in Prometheus' text format, as Node writes them.

        Args:
            labels: further labels of every sample.

        Raises:
            InvalidOption: a label that Prometheus does not allow, or that every sample has already.
        """
        further = _check_labels({} if labels is None else labels)
        counts: dict[str, int] = yield self.counts_call()
        counters = (self.keys.metrics_completed, self.keys.metrics_failed)
        calls = [Call(("HGET", each, METRICS_FIELDS["count"]), _whole_number) for each in counters]
        totals: list[int] = yield Batch(calls, list)
        return _exposition(self.name, counts, dict(zip(_KINDS, totals, strict=True)), further)


def _whole_numbers(replies: list[bytes | None]) -> list[int]:
    return [_whole_number(reply) for reply in replies]


def _whole_number(raw: bytes | None) -> int:
    """What some process counted; rubbish counts as nothing."""
    try:
        return int(float(raw)) if raw is not None else 0
    except (ValueError, OverflowError):
        return 0


def _check_labels(labels: Mapping[str, str]) -> Mapping[str, str]:
    check_kind(labels, Mapping, "labels", "a mapping of names to texts")
    for name in labels:
        if (
            not isinstance(name, str)
            or not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name)
            or name in ("queue", "state")
        ):
            raise InvalidOption(
                f"{name!r} cannot be a further label: a label is letters, digits and '_', "
                "and every sample has 'queue' and 'state' already"
            )
    return labels


def _exposition(
    queue: str, counts: Mapping[str, int], totals: Mapping[str, int], labels: Mapping[str, str]
) -> str:
    def sample(name: str, value: int, **own: str) -> str:
        pairs = {"queue": queue, **own, **labels}.items()
        inside = ", ".join(f'{label}="{_escaped(str(text))}"' for label, text in pairs)
        return f"{name}{{{inside}}} {value}"

    lines = [
        "# HELP bullmq_job_count Number of jobs in the queue by state",
        "# TYPE bullmq_job_count gauge",
        *(sample("bullmq_job_count", count, state=state) for state, count in counts.items()),
    ]
    for state, total in totals.items():
        name = f"bullmq_job_{state}_total"
        lines += [
            f"# HELP {name} Total number of {state} jobs",
            f"# TYPE {name} counter",
            sample(name, total),
        ]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
