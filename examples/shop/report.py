"""What happened, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

from bullrush.core import Job


@dataclass(frozen=True)
class Row:
    """One line of the table; every part is text."""

    job: str
    queue: str
    state: str
    attempts: str
    time: str
    result: str


def row_of(job: Job, result: str) -> Row:
    """The line of a job that has completed. Its time is from being added to its end."""
    seconds = ((job.finished_on or job.timestamp) - job.timestamp) / 1000
    return Row(
        job.name, job.queue_name, "completed", str(job.attempts_made), f"{seconds:.2f} s", result
    )


def table(rows: Sequence[Row]) -> str:
    """The lines under a head, in columns."""
    head = tuple(field.name.upper() for field in fields(Row))
    lines = [head, *(astuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
