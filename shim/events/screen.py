"""Workers and tasks on a screen, as the events tell of them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from bullrush.core.errors import InvalidOption

from .listening import listen

if TYPE_CHECKING:
    from ..app.base import Celery
    from .receiver import EventReceiver
    from .state import State
    from .task_record import Task
    from .worker_record import Worker

#: How many tasks are shown, the latest first.
MOST_TASKS = 30
_COLOURS = {
    "SUCCESS": "green",
    "FAILURE": "red",
    "RETRY": "yellow",
    "REVOKED": "magenta",
    "STARTED": "cyan",
}


def evtop(app: Celery, interval: float = 1.0) -> None:
    """Show workers and tasks until Ctrl-C.

    Args:
        interval: s between two looks.

    Raises:
        InvalidOption: the library rich is not there.
    """
    try:
        from rich.live import Live  # noqa: PLC0415 - an extra
    except ImportError:
        raise InvalidOption(
            'the screen of events needs the library rich: pip install "bullrush[top]"; '
            "or see them as lines with --dump"
        ) from None
    state, receivers = app.events.State(), list[Any]()
    ends = threading.Thread(
        target=listen, args=(app, {"*": state.event}, receivers.append), daemon=True
    )
    ends.start()
    try:
        with Live(picture(app, state), screen=True, auto_refresh=False) as live:
            while ends.is_alive():
                time.sleep(interval)
                live.update(picture(app, state), refresh=True)
    except KeyboardInterrupt:
        pass
    finally:
        _stop(receivers, ends)


def _stop(receivers: list[EventReceiver], thread: threading.Thread) -> None:
    for each in receivers:
        each.should_stop = True
    thread.join(5)


def picture(app: Celery, state: State) -> Any:
    """What is known now, for a screen."""
    from rich.console import Group  # noqa: PLC0415 - an extra
    from rich.text import Text  # noqa: PLC0415 - an extra

    title = f"bullrush events - {app.driver.location} - {time.strftime('%H:%M:%S')} - {state!r}"
    return Group(Text(title, style="bold"), *state.freeze_while(_tables, state))


def _tables(state: State) -> tuple[Any, Any]:
    from rich.table import Table  # noqa: PLC0415 - an extra

    workers = Table("worker", "status", "active", "processed", "load", expand=True)
    for worker in sorted(state.workers.values(), key=lambda each: str(each.hostname)):
        workers.add_row(*_worker_cells(worker))
    tasks = Table("id", "task", "worker", "time", "state", "runtime", "what", expand=True)
    for _, task in state.tasks_by_time(limit=MOST_TASKS):
        tasks.add_row(*_task_cells(task))
    return workers, tasks


def _worker_cells(worker: Worker) -> tuple[Any, ...]:
    from rich.text import Text  # noqa: PLC0415 - an extra

    alive = worker.alive
    load = " ".join(f"{each:.2f}" for each in worker.loadavg or ())
    return (
        Text(str(worker.hostname)),
        Text(worker.status_string, style="green" if alive else "red"),
        str(worker.active or 0),
        str(worker.processed or 0),
        load,
    )


def _task_cells(task: Task) -> tuple[Any, ...]:
    from rich.text import Text  # noqa: PLC0415 - an extra

    host = None if task.worker is None else task.worker.hostname
    moment = time.strftime("%H:%M:%S", time.localtime(task.timestamp))
    runtime = "" if task.runtime is None else f"{task.runtime:.3f} s"
    return (
        Text(str(task.uuid)[:8]),
        Text(task.name or ""),
        Text(host or task.client or ""),
        moment,
        Text(task.state, style=_COLOURS.get(task.state, "")),
        runtime,
        Text((task.exception or task.result or "")[:60]),
    )
