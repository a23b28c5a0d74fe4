"""Plots of a measurement of workers, as PNG: one bar a contender, Node BullMQ 6 as a line.

pip install -e '.[bench]'
python benchmarks/plots.py results.jsonl docs
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot
from processes import about
from report import REFERENCE, key

OURS, NODE, OTHERS = "#1f77b4", "#2ca02c", "#b0b0b0"
COLOURS = {"bullrush_core": OURS, "bullrush_tasks": OURS, "bullmq6": NODE, "bullmq5": NODE}
#: File -> workload, figure, title.
PLOTS = {
    "drain": ("process", "rate", "No-op jobs per second, one worker"),
    "coroutines": ("coroutines", "rate", "Coroutines that await 10 ms, per second, 500 at once"),
    "latency": ("latency", "p50", "From add to the handler's start, median ms"),
    "roundtrip": ("roundtrip", "p50", "From add to the result, median ms"),
    "delayed": ("delayed", "p99", "5,000 jobs due within 2 s: lateness, 99 % within ms"),
}


def draw(rows: Sequence[dict[str, Any]], figure: str, title: str, path: Path) -> None:
    """One plot; the whiskers reach from the lowest to the highest round."""
    groups: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        if figure in row:
            groups.setdefault(key(row), []).append(row[figure])
    order = sorted(groups, key=lambda each: median(groups[each]), reverse=figure != "rate")
    middles = [median(groups[each]) for each in order]
    low = [middle - min(groups[each]) for middle, each in zip(middles, order, strict=True)]
    high = [max(groups[each]) - middle for middle, each in zip(middles, order, strict=True)]
    colours = [COLOURS.get(each[0], OTHERS) for each in order]
    shape, axes = pyplot.subplots(figsize=(8, 0.34 * len(order) + 1), layout="constrained")
    names = [f"{about(each[0])['title']}, {each[1]}" for each in order]
    bars = axes.barh(names, middles, color=colours, xerr=(low, high), ecolor="#444444")
    axes.bar_label(
        bars, [f"{middle:,.{0 if middle >= 50 else 2}f}" for middle in middles], padding=6
    )
    reference = [median(groups[each]) for each in order if each[0] == REFERENCE]
    if reference:
        axes.axvline(median(reference), color=NODE, linewidth=1, linestyle="--")
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.15)
    shape.savefig(path, dpi=110)
    pyplot.close(shape)


def main(results: str, folder: str) -> None:
    """All plots that there are figures for."""
    mpl.use("agg")
    rows = [json.loads(line) for line in Path(results).read_text().splitlines()]
    for name, (work, figure, title) in PLOTS.items():
        found = [row for row in rows if row["work"] == work]
        if found:
            draw(found, figure, title, Path(folder) / f"performance-{name}.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
