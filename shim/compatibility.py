"""What of Celery works here: one row for each setting, option, signal and command, from which
``docs/celery-compatibility.md`` is made (``make compatibility``).

A module that owns a part of Celery's surface declares its rows beside the code and adds its table
to `TABLES`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

#: It does what it does in Celery.
WORKS = "works"
#: It may be given; the note says what becomes of it. Said once in the log where it matters.
ACCEPTED = "accepted"
#: It raises, with the note as the message.
REFUSED = "refused"
#: It is another way here, and is wanted so; the note says how.
DIFFERS = "differs"


@dataclass(frozen=True)
class Row:
    """One name of Celery's.

    Args:
        status: `WORKS`, `ACCEPTED`, `REFUSED` or `DIFFERS`.
        note: a remark; of what is accepted or refused, why and what to do instead.
        proof: of what works or differs, the test file (``tests/...py`` or
            ``tests/...py::test_name``).
    """

    name: str
    status: str
    note: str = ""
    proof: str = ""


def works(name: str, proof: str, note: str = "") -> Row:
    """A name that means what it means in Celery."""
    return Row(name, WORKS, note, proof)


def accepted(name: str, note: str) -> Row:
    """A name that may be used and has no effect, or another one."""
    return Row(name, ACCEPTED, note)


def refused(name: str, note: str) -> Row:
    """A name that raises."""
    return Row(name, REFUSED, note)


def differs(name: str, note: str, proof: str) -> Row:
    """Something that is another way than in Celery."""
    return Row(name, DIFFERS, note, proof)


@dataclass(frozen=True)
class Table:
    """One table of the page.

    Args:
        where: ``module:attribute`` of a sequence of rows.
    """

    title: str
    where: str
    introduction: str = ""

    def rows(self) -> Sequence[Row]:
        """Its rows."""
        module, _, attribute = self.where.partition(":")
        rows: Sequence[Row] = getattr(import_module(module), attribute)
        return rows


TABLES = (
    Table(
        "Settings",
        "bullrush.app.defaults:SETTINGS",
        "Old upper-case names are understood as well. An unknown name may be set and read back; "
        "the log says the nearest known one.",
    ),
    Table(
        "Options of a call",
        "bullrush.app.options:CALL_OPTIONS",
        "Of `apply_async`, `send_task` and signatures. BullMQ's own options of a job, such as "
        "`deduplication`, `lifo` and `remove_on_complete`, may be given as well.",
    ),
    Table("Options of tasks", "bullrush.app.task_rows:TASK_OPTIONS"),
    Table("Signals", "bullrush.signal_rows:SIGNALS"),
    Table("Events", "bullrush.events.rows:EVENTS"),
    Table(
        "Remote control",
        "bullrush.cli.rows:CONTROL",
        "Commands of `app.control`, `app.control.inspect()`, `bullrush control` and `bullrush "
        "inspect`.",
    ),
    Table(
        "The command line",
        "bullrush.cli.rows:COMMAND_LINE",
        "Celery's commands and their options, of `bullrush` as of `celery`. Options of our own are "
        "in `--help`.",
    ),
    Table(
        "Where it differs",
        "bullrush.differences:DIFFERENCES",
        "What random canvases and scenarios, run on both, have found otherwise is as in Celery.",
    ),
)

_HEAD = """# What of Celery works

Made from the code by `make compatibility`; a test holds it against the code.

*works*: as in Celery. *accepted*: may be given, and the remark says what becomes of it; a setting
of this kind is told once in the log when its value is not the default. *refused*: raises, and the
message says what to do instead. *differs*: is another way here, for the reason that is given.
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "".join("\n" + "\n".join(_lines(table)) + "\n" for table in TABLES)


def _lines(table: Table) -> Iterator[str]:
    yield f"## {table.title}"
    yield ""
    if table.introduction:
        yield table.introduction
        yield ""
    yield from _grid(table.rows())


def _grid(rows: Sequence[Row]) -> Iterator[str]:
    with_default = any(hasattr(row, "default") for row in rows)
    yield "| name | " + ("default | " if with_default else "") + "status | remark |"
    yield "|---|" + ("---|" if with_default else "") + "---|---|"
    for row in rows:
        default = f"{_code(getattr(row, 'default', None))} | " if with_default else ""
        yield f"| `{row.name}` | {default}{row.status} | {_cell(row.note)} |"


def _code(value: Any) -> str:
    return f"`{_cell(repr(value))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.stdout.write(page())
