"""The tables of docs/bullmq-api.md, read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "bullmq-api.md"


@dataclass(frozen=True)
class Row:
    """One row: what stands under which heading in BullMQ, here, and the remark."""

    line: int
    heading: str
    theirs: str
    ours: str
    remark: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.theirs}"


def rows() -> Iterator[Row]:
    """Every row of every table."""
    heading = ""
    for number, line in enumerate(DOCUMENT.read_text().splitlines(), 1):
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        if line.startswith("|") and not re.match(r"\|( BullMQ \||-)", line):
            theirs, ours, remark = (cell.strip() for cell in line.strip("|").split("|"))
            yield Row(number, heading, theirs, ours, remark)


def code_in(cell: str) -> list[str]:
    """The pieces of a cell that are set as code."""
    return re.findall(r"`([^`]+)`", cell)
