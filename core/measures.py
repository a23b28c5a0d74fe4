"""What workers count of their jobs, per queue and job name: how long they waited and ran, and what
came of them. Kept in one private hash for each queue, so that the numbers only grow, whichever
worker ends and however many processes show them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

#: Upper bounds of the buckets, s; above the last is one more.
BOUNDS: tuple[float, ...] = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    *(30.0, 60.0, 300.0, 1800.0, 3600.0),
)
#: What can come of a run.
OUTCOMES = ("completed", "failed", "retried")
#: Names of jobs of one queue that are told apart; others count under `OTHER`.
MOST_NAMES = 100
OTHER = "(other)"
#: ms that the counts of a queue live after the last one.
KEPT_MS = 30 * 24 * 3600 * 1000

_LABELS = tuple(f"{bound:g}" for bound in (*BOUNDS, float("inf")))
_RUN, _WAIT, _OUTCOME, _STALLED = "run", "wait", "outcome", "stalled"
_SUM = "sum"


class Histogram:
    """How often something took how long.

    Attributes:
        counts: one for each bucket, not added up; the last is for what is above every bound.
        total: s, of all together.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * len(_LABELS)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def buckets(self) -> list[tuple[str, int]]:
        """(upper bound, how many up to it) as Prometheus wants them."""
        seen, found = 0, []
        for label, count in zip(_LABELS, self.counts, strict=True):
            seen += count
            found.append(("+Inf" if label == "inf" else label, seen))
        return found


@dataclass
class Measures:
    """What was counted of the jobs of one name.

    Args:
        run: s that runs took.
        wait: s that jobs waited for their first start, since they were added or became due.
        outcomes: what came of the runs, one of `OUTCOMES` -> how often.
    """

    run: Histogram = field(default_factory=Histogram)
    wait: Histogram = field(default_factory=Histogram)
    outcomes: Counter[str] = field(default_factory=Counter)


@dataclass
class QueueMeasures:
    """What was counted of a queue.

    Args:
        jobs: name of the jobs -> what was counted of them.
        stalled: jobs that were taken back from workers that were lost.
    """

    jobs: dict[str, Measures] = field(default_factory=dict)
    stalled: int = 0


def fields_of(measures: QueueMeasures) -> Counter[str]:
    """Fields of the stored hash, and by how much each grows."""
    grown: Counter[str] = Counter()
    if measures.stalled:
        grown[_STALLED] = measures.stalled
    for name, each in measures.jobs.items():
        for kind, histogram in ((_RUN, each.run), (_WAIT, each.wait)):
            for label, count in zip(_LABELS, histogram.counts, strict=True):
                if count:
                    grown[f"{kind}:{label}:{name}"] = count
            if histogram.total:
                grown[f"{kind}:{_SUM}:{name}"] = round(histogram.total * 1e6)
        for outcome, count in each.outcomes.items():
            grown[f"{_OUTCOME}:{outcome}:{name}"] = count
    return grown


def measures_of(flat: Sequence[bytes]) -> QueueMeasures:
    """What the stored hash says. Fields of other versions, and rubbish, are passed over."""
    found = QueueMeasures()
    for kind, what, name, number in _rows(flat):
        if kind == _STALLED:
            found.stalled = number
            continue
        each = found.jobs.setdefault(name, Measures())
        if kind == _OUTCOME and what in OUTCOMES:
            each.outcomes[what] = number
        elif kind in (_RUN, _WAIT):
            histogram = each.run if kind == _RUN else each.wait
            if what == _SUM:
                histogram.total = number / 1e6
            elif what in _LABELS:
                histogram.counts[_LABELS.index(what)] = number
    return found


def told_apart(grown: Mapping[str, int], known: set[str]) -> Counter[str]:
    """The same fields with at most `MOST_NAMES` names of jobs: some programs write an id into it.

    Args:
        known: the names there are; gets the new ones.
    """
    found: Counter[str] = Counter()
    for each, number in grown.items():
        if each == _STALLED:
            found[each] = number
            continue
        kind, what, name = each.split(":", 2)
        if name not in known and len(known) >= MOST_NAMES:
            name = OTHER
        else:
            known.add(name)
        found[f"{kind}:{what}:{name}"] += number
    return found


def names_in(fields: Sequence[bytes]) -> set[str]:
    """The names of jobs in the names of fields."""
    split = (each.decode("utf-8", "replace").split(":", 2) for each in fields)
    return {parts[2] for parts in split if len(parts) == 3}


def _rows(flat: Sequence[bytes]) -> Iterator[tuple[str, str, str, int]]:
    for raw, value in zip(flat[::2], flat[1::2], strict=True):
        kind, _, rest = raw.decode("utf-8", "replace").partition(":")
        what, _, name = rest.partition(":")
        try:
            yield kind, what, name, int(value)
        except ValueError:
            continue
