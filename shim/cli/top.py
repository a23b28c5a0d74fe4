"""``bullrush top``: queues and workers on a screen that keeps itself true."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from typing import Any

import click

from bullrush.core.errors import BullrushError, InvalidOption
from bullrush.core.snapshot import QueueSnapshot

from ..app import Celery
from . import depths
from .commands import NAMES, Command

#: The columns of `depths`, where there is little room.
_SHORT = ("wait", "prio", "active", "delay", "fail", "done")


@click.command(cls=Command)
@click.option("-Q", "--queues", **NAMES, help="Only these queues; all there are.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--once", is_flag=True, help="Print one look and end.")
@click.pass_obj
def top(app: Celery, queues: list[str] | None, interval: float, once: bool) -> None:
    """Watch queues and workers until Ctrl-C. Needs the extra bullrush[top]."""
    try:
        from rich.console import Console  # noqa: PLC0415 - an extra
        from rich.live import Live  # noqa: PLC0415 - an extra
    except ImportError:
        raise InvalidOption('top needs the library rich: pip install "bullrush[top]"') from None
    console = Console()
    if once:
        console.print(Screen(app, queues or ()).look())
        return
    # Half of it is for the workers.
    screen = Screen(app, queues or (), max(3, console.size.height // 2 - 5))
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stopped.set())
    with Live(screen.look(), console=console, screen=True, auto_refresh=False) as live:
        while not stopped.wait(interval):
            live.update(screen.look(), refresh=True)


class Screen:
    """What is shown.

    Args:
        app: the application.
        names: of queues; all when empty.
        rows: how many queues at most.
    """

    def __init__(self, app: Celery, names: Sequence[str], rows: int | None = None) -> None:
        self._app, self._names, self._rows = app, names, rows
        self._before: dict[str, tuple[float, int]] = {}

    def look(self) -> Any:
        """The picture now; an error of Redis is part of it."""
        from rich.console import Group  # noqa: PLC0415 - an extra
        from rich.text import Text  # noqa: PLC0415 - an extra

        title = f"bullrush top - {self._app.driver.location} - {time.strftime('%H:%M:%S')}"
        try:
            found = depths.snapshots(self._app, self._names)
        except BullrushError as error:
            return Group(Text(title, style="bold"), Text(str(error), style="red"))
        return Group(Text(title, style="bold"), self._queues(found), _workers(found))

    def _queues(self, found: Sequence[QueueSnapshot]) -> Any:
        from rich.table import Table  # noqa: PLC0415 - an extra

        table = Table(expand=True)
        table.add_column("queue")
        for name in ("oldest", *_SHORT, "per s", "slots"):
            table.add_column(name, justify="right", no_wrap=True)
        # Those that are behind come first; what fits on no screen is not shown.
        behind = sorted(found, key=lambda each: -(each.oldest_waiting or 0))
        for each in behind[: self._rows]:
            style = "red" if each.waiting and not each.worker_count else None
            age = "-" if each.oldest_waiting is None else f"{each.oldest_waiting:.0f} s"
            counts = [str(each.counts[name]) for name in depths.COLUMNS]
            name = f"{each.name} (paused)" if each.paused else each.name
            row = [name, age, *counts, self._speed(each), f"{each.busy}/{each.slots}"]
            table.add_row(*row, style=style)
        return table

    def _speed(self, found: QueueSnapshot) -> str:
        """Jobs that ended a second since the last look; - when old ones were swept meanwhile."""
        now = time.monotonic()
        ended = found.counts["completed"] + found.counts["failed"]
        before, self._before[found.name] = self._before.get(found.name), (now, ended)
        if before is None or ended < before[1]:
            return "-"
        return f"{(ended - before[1]) / max(now - before[0], 0.001):.1f}"


def _workers(found: Sequence[QueueSnapshot]) -> Any:
    from rich.table import Table  # noqa: PLC0415 - an extra

    table = Table(expand=True)
    for name in ("worker", "host", "pid", "pool", "busy", "queues"):
        table.add_column(name)
    records = {record.id: record for each in found for record in each.workers}
    for record in records.values():
        busy = f"{record.running}/{record.slots}{' paused' if record.paused else ''}"
        cells = (record.name or record.id, record.host, str(record.pid), record.pool, busy)
        table.add_row(*cells, ", ".join(record.queues))
    return table
