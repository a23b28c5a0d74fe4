"""The class that schedulers of all kinds derive from. It keeps everything in memory and sends what
is due itself.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from bullrush.core import clock

from ..result import AsyncResult
from .entry import ScheduleEntry, evaluated

logger = logging.getLogger("celery.beat")

#: s between two looks at the schedule, at most.
DEFAULT_MAX_INTERVAL = 300
#: s that a wait is made shorter, for what the way takes.
_DRIFT = -0.010


class SchedulingError(Exception):
    """An entry could not be sent."""


class event_t(NamedTuple):
    """When an entry is looked at: Unix s, a number that decides between equal times, the entry."""

    time: float
    priority: int
    entry: ScheduleEntry


class Scheduler:
    """Sends the entries of a schedule when they are due.

    Derive from it to keep the schedule elsewhere: override `setup_schedule` and the property
    `schedule`, and `sync` and `close` when there is something to write.

    Args:
        app: the application.
        schedule: entries by name.
        max_interval: s between two looks at the schedule, at most.
        lazy: do not read the schedule yet.
        sync_every_tasks: `sync` after so many runs; else every `sync_every` s.
    """

    Entry: type[ScheduleEntry] = ScheduleEntry
    max_interval: float = DEFAULT_MAX_INTERVAL
    sync_every = 3 * 60
    sync_every_tasks: int | None = None
    logger = logger
    #: Only one beat of several is to run this scheduler at a time.
    alone = True

    _last_sync: float | None = None
    _tasks_since_sync = 0

    def __init__(
        self,
        app: Any,
        schedule: dict[str, Any] | None = None,
        max_interval: float | None = None,
        Producer: Any = None,
        lazy: bool = False,
        sync_every_tasks: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.app = app
        self.data: dict[str, Any] = {} if schedule is None else schedule
        self.max_interval = max_interval or app.conf.beat_max_loop_interval or self.max_interval
        self.sync_every_tasks = sync_every_tasks or app.conf.beat_sync_every or None
        self._heap: list[event_t] | None = None
        self.old_schedules: dict[str, Any] | None = None
        if not lazy:
            self.setup_schedule()

    # -- the schedule --

    def setup_schedule(self) -> None:
        """Read the schedule: by default that of the settings."""
        self.install_default_entries(self.data)
        self.merge_inplace(self.app.conf.beat_schedule)

    def install_default_entries(self, data: Mapping[str, Any]) -> None:
        """Add the entries that are always there: none here."""

    def get_schedule(self) -> dict[str, Any]:
        """The entries by name."""
        return self.data

    def set_schedule(self, schedule: dict[str, Any]) -> None:
        """Put other entries in their place."""
        self.data = schedule

    @property
    def schedule(self) -> dict[str, Any]:
        """The entries by name."""
        return self.get_schedule()

    @schedule.setter
    def schedule(self, schedule: dict[str, Any]) -> None:
        self.set_schedule(schedule)

    def add(self, **kwargs: Any) -> ScheduleEntry:
        """Add an entry, with the arguments of `Entry`."""
        entry = self.Entry(app=self.app, **kwargs)
        self.schedule[str(entry.name)] = entry
        return entry

    def _maybe_entry(self, name: str, entry: Any) -> ScheduleEntry:
        if isinstance(entry, self.Entry):
            entry.app = self.app
            return entry
        return self.Entry(**{**entry, "name": name, "app": self.app})

    def update_from_dict(self, dict_: Mapping[str, Any]) -> None:
        """Add entries that may be mappings."""
        self.schedule.update({name: self._maybe_entry(name, each) for name, each in dict_.items()})

    def merge_inplace(self, b: Mapping[str, Any]) -> None:
        """Make the schedule that of the mapping; what is known keeps its last run."""
        schedule = self.schedule
        for name in set(schedule) - set(b):
            schedule.pop(name, None)
        for name, each in b.items():
            entry = self._maybe_entry(name, each)
            if name in schedule:
                schedule[name].update(entry)
            else:
                schedule[name] = entry

    def schedules_equal(self, old_schedules: Any, new_schedules: Any) -> bool:
        """Whether two schedules have equal entries."""
        if old_schedules is None or new_schedules is None:
            return old_schedules is new_schedules
        return set(old_schedules) == set(new_schedules) and all(
            entry == old_schedules[name] for name, entry in new_schedules.items()
        )

    # -- the clockwork --

    def tick(self) -> float:
        """Send the entry that is due, if one is.

        Returns:
            s until the next call: 0 after one that has sent something.
        """
        schedule = self._sent_here()
        if self._heap is None or not self.schedules_equal(self.old_schedules, schedule):
            self.old_schedules = dict(schedule)
            self.populate_heap()
        heap = self._heap or []
        if not heap:
            return self.max_interval
        event = heap[0]
        due, pause = self._ask(event.entry)
        if due:
            following, mine = self._claim(event.entry)
            if mine:
                self.apply_entry(event.entry, producer=self.producer)
            heapq.heapreplace(heap, event._replace(time=_later(pause), entry=following))
            return 0
        heapq.heapreplace(heap, event._replace(time=_later(pause)))
        return max(0.0, min(self.adjust(heap[0].time - clock.monotonic()), self.max_interval))

    def populate_heap(self) -> None:
        """Arrange the entries by when they are looked at."""
        moments = []
        for entry in self._sent_here().values():
            due, pause = self._ask(entry)
            moments.append(event_t(_later(0 if due else pause), 5, entry))
        self._heap = sorted(moments)

    def is_due(self, entry: ScheduleEntry) -> tuple[bool, float]:
        """Whether an entry is due, and s until it should be asked again."""
        return entry.is_due()

    def _ask(self, entry: ScheduleEntry) -> tuple[bool, float]:
        try:
            return self.is_due(entry)
        except Exception:
            logger.exception("%r cannot say when it is due; it is asked again later", entry)
            return False, self.max_interval

    def _sent_here(self) -> dict[str, Any]:
        """The entries that this process sends."""
        return self.schedule

    def _claim(self, entry: ScheduleEntry) -> tuple[ScheduleEntry, bool]:
        """The entry as it is after this run, and whether it is for this process to send it."""
        return self.reserve(entry), True

    def adjust(self, n: float, drift: float = _DRIFT) -> float:
        """A wait made a little shorter."""
        return n + drift if n and n > 0 else n

    def reserve(self, entry: ScheduleEntry) -> ScheduleEntry:
        """Note that an entry is sent now; the entry as it is after that."""
        following = next(entry)
        self.schedule[str(entry.name)] = following
        return following

    # -- sending --

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send an entry; an error is logged."""
        logger.info("Scheduler: Sending due task %s (%s)", entry.name, entry.task)
        try:
            result = self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:
            logger.error("Message Error: %s", error, exc_info=True)
        else:
            logger.debug("%s sent. id->%s", entry.task, getattr(result, "id", None))

    def apply_async(
        self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **kwargs: Any
    ) -> Any:
        """Send an entry: by the task's own `apply_async` when the task is known here, else by name.

        Args:
            advance: whether that counts as a run.

        Raises:
            SchedulingError: it could not be sent.
        """
        entry = self.reserve(entry) if advance else entry
        try:
            args = [evaluated(each) for each in entry.args or ()]
            named = {name: evaluated(each) for name, each in (entry.kwargs or {}).items()}
            options = {**entry.options, **kwargs}
            options["headers"] = {**(options.get("headers") or {}), "celery_beat_task": True}
            task = self.app.tasks.get(entry.task)
            if task is not None:
                return task.apply_async(args, named, **options)
            return self.send_task(entry.task, args, named, **options)
        except Exception as error:
            message = f"Couldn't apply scheduled task {entry.name}: {error}"
            raise SchedulingError(message) from error
        finally:
            self._tasks_since_sync += 1
            if self.should_sync():
                self._do_sync()

    def send_task(self, *args: Any, **kwargs: Any) -> AsyncResult:
        """Send a task by name."""
        return self.app.send_task(*args, **kwargs)  # type: ignore[no-any-return]

    #: Celery's connection of a beat; the application has its own here.
    producer: Any = None
    connection: Any = None

    # -- keeping --

    def should_sync(self) -> bool:
        """Whether it is time for `sync`."""
        if self.sync_every_tasks:
            return self._tasks_since_sync >= self.sync_every_tasks
        return self._last_sync is None or clock.monotonic() - self._last_sync > self.sync_every

    def sync(self) -> None:
        """Write what must outlive this process."""

    def _do_sync(self) -> None:
        try:
            logger.debug("beat: Synchronizing schedule...")
            self.sync()
        finally:
            self._last_sync = clock.monotonic()
            self._tasks_since_sync = 0

    def close(self) -> None:
        """The end: `sync` once more."""
        self.sync()

    @property
    def info(self) -> str:
        """A line about it for the start of a beat."""
        return ""


def _later(pause: float) -> float:
    return clock.monotonic() + pause
