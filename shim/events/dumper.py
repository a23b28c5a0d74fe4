"""Events as lines of text: ``celery.events.dumper``."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TextIO

from .._state import find_current
from .listening import listen

if TYPE_CHECKING:
    from ..app.base import Celery

#: How many tasks' names are remembered; an event that comes later has none.
MOST_NAMES = 4095
_WORDS = {
    "worker-online": "started",
    "worker-offline": "shutdown",
    "worker-heartbeat": "heartbeat",
}


def humanize_type(type: str) -> str:
    """What happened, in words."""
    return _WORDS.get(type.lower()) or type.lower().replace("-", " ")


class Dumper:
    """Writes a line for each event.

    Args:
        out: where.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = sys.stdout if out is None else out
        self._tasks: OrderedDict[str, str] = OrderedDict()

    def say(self, text: str) -> None:
        """Write a line now."""
        print(text, file=self.out, flush=True)

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Write the line of an event."""
        fields = dict(event)
        moment = datetime.fromtimestamp(fields.pop("timestamp"), timezone.utc)
        kind, hostname = fields.pop("type").lower(), fields.pop("hostname")
        if kind.startswith("task-"):
            uuid = str(fields.pop("uuid"))
            told = f"{humanize_type(kind)}: {self._task(kind, uuid, fields)} {_shown(fields)}"
        else:
            told = f"{humanize_type(kind)}: {_shown(fields)}"
        self.say(f"{hostname} [{moment}] {told}")

    def _task(self, kind: str, uuid: str, fields: dict[str, Any]) -> str:
        """A task, as the first event of it has named it."""
        if kind in ("task-sent", "task-received"):
            name, args, kwargs = (fields.pop(each, "") for each in ("name", "args", "kwargs"))
            self._tasks[uuid] = f"{name}({uuid}) args={args} kwargs={kwargs}"
            if len(self._tasks) > MOST_NAMES:
                self._tasks.popitem(last=False)
        return self._tasks.get(uuid, "")


def _shown(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={fields[name]}" for name in sorted(fields))


def evdump(app: Celery | None = None, out: TextIO | None = None) -> None:
    """Write every event until Ctrl-C."""
    app = app or find_current()
    dumper = Dumper(out)
    dumper.say("-> evdump: starting capture...")
    listen(app, {"*": dumper.on_event})
