"""The tables of a measurement of workers, as Markdown.

python benchmarks/report.py results.jsonl
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from processes import about

REFERENCE = "bullmq6"
Row = dict[str, Any]
#: Workload -> (figure, heading, decimals), the first one makes the ratio.
_DRAIN = (
    ("rate", "jobs/s", 0),
    ("worker_us", "worker CPU us", 0),
    ("redis_us", "Redis CPU us", 1),
    ("startup", "first job s", 2),
    ("rss", "RSS MB", 0),
)
_TIMES = (("p50", "p50 ms", 2), ("p95", "p95 ms", 2), ("p99", "p99 ms", 2))
COLUMNS = {
    "process": _DRAIN,
    "cold": _DRAIN,
    "coroutines": _DRAIN,
    "backlog": (
        ("rate", "jobs/s", 0),
        ("first", "first fifth", 0),
        ("last", "last fifth", 0),
        ("redis_us", "Redis CPU us", 1),
    ),
    "latency": _TIMES,
    "roundtrip": _TIMES,
    "canvas": (("seconds", "s to the result", 3), ("sent", "s to send", 3)),
    "delayed": (("p50", "late p50 ms", 1), ("p99", "p99 ms", 1), ("max", "max ms", 0)),
    "idle": (
        ("commands", "commands in 10 s", 0),
        ("cpu", "CPU s in 10 s", 3),
        ("rss", "RSS MB", 0),
        ("pss", "PSS MB", 0),
        ("processes", "processes", 0),
    ),
    "memory": (
        ("before", "PSS MB before", 1),
        ("once", "after a tenth", 1),
        ("after", "at the end", 1),
        ("processes", "processes", 0),
    ),
}

#: What tells the variants of a workload apart.
MORE = {"backlog": ("kind", "jobs"), "canvas": ("shape", "size")}


def tables(rows: Sequence[Row]) -> str:
    """Medians over the rounds, and the median of each round's ratio to Node BullMQ 6."""
    found = []
    for work in dict.fromkeys(row["work"] for row in rows):
        found += [
            f"### {work}",
            "",
            *_table(work, [row for row in rows if row["work"] == work]),
            "",
        ]
    return "\n".join(found)


def key(row: Row) -> tuple[str, ...]:
    """What tells rows of a workload apart, but for the round."""
    return (row["peer"], row["setting"], *_same(row))


def ratios(rows: Sequence[Row], figure: str) -> dict[tuple[str, ...], float]:
    """The median over the rounds of the ratio to the reference of the same round."""
    base: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        if row["peer"] == REFERENCE and figure in row:
            base.setdefault((row["round"], *_same(row)), []).append(row[figure])
    found: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        reference = base.get((row["round"], *_same(row)))
        if reference and figure in row and median(reference):
            found.setdefault(key(row), []).append(row[figure] / median(reference))
    return {each: median(values) for each, values in found.items()}


def _same(row: Row) -> tuple[str, ...]:
    """Rows are compared within a variant of the workload."""
    found = (row[name] for name in MORE.get(row["work"], ()))
    return tuple(each if isinstance(each, str) else f"{each:,}" for each in found)


def _table(work: str, rows: list[Row]) -> list[str]:
    columns, relative = COLUMNS[work], ratios(rows, COLUMNS[work][0][0])
    more = MORE.get(work, ())
    lines = [
        _line(["peer", "setting", *more, *(column[1] for column in columns), "ratio", "rounds"]),
        "|" + "---|" * (2 + len(more)) + "---:|" * (len(columns) + 2),
    ]
    for each in dict.fromkeys(map(key, rows)):
        group = [row for row in rows if key(row) == each and "error" not in row]
        if not group:
            lines.append(_line([about(each[0])["title"], each[1], "failed"]))
            continue
        middles = [(median(row[name] for row in group), places) for name, _, places in columns]
        cells = [f"{middle:,.{places}f}" if middle else "-" for middle, places in middles]
        ratio = f"{relative[each]:.2f}" if each in relative else "-"
        lines.append(_line([about(each[0])["title"], *each[1:], *cells, ratio, str(len(group))]))
    return lines


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    lines = [line for name in sys.argv[1:] for line in Path(name).read_text().splitlines()]
    print(tables([json.loads(line) for line in lines]))
