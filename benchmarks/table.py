"""The table of a measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

HEAD = ("work", "peer", "jobs/s", "lowest", "highest", "client us", "Redis us", "ratio")


def print_table(
    rows: Sequence[Mapping[str, Any]], told: Mapping[str, Mapping[str, Any]], reference: str
) -> None:
    """Print medians over the rounds as Markdown. CPU is per job.

    Args:
        rows: the figures of every turn.
        told: what each peer said of itself.
        reference: the peer whose rate of the same round is 1.
    """
    ours = {(row["work"], row["round"]): row["rate"] for row in rows if row["peer"] == reference}
    lines = [HEAD]
    for work, peer in dict.fromkeys((row["work"], row["peer"]) for row in rows):
        group = [row for row in rows if (row["work"], row["peer"]) == (work, peer)]
        rates = [row["rate"] for row in group]
        ratios = [
            row["rate"] / ours[work, row["round"]] for row in group if (work, row["round"]) in ours
        ]
        lines.append(
            (
                work,
                told[peer]["peer"],
                *(f"{figure:,.0f}" for figure in (median(rates), min(rates), max(rates))),
                *(f"{median(row[cpu] for row in group):.1f}" for cpu in ("client_us", "redis_us")),
                f"{median(ratios):.2f}" if ratios else "-",
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    lines.insert(1, tuple("-" * width for width in widths))
    for line in lines:
        print(
            "|",
            " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)),
            "|",
        )
    for name, hello in told.items():
        versions = ", ".join(f"{each} {version}" for each, version in hello["versions"].items())
        print(f"{told[name]['peer']}: {versions}")
