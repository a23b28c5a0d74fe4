"""One entry of a schedule: what is sent, and when it last was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ..schedules import maybe_schedule


class BeatLazyFunc:
    """An argument of an entry that is made anew each time it is sent.

    Args:
        func: called with the other arguments.
    """

    def __init__(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self._func = func
        self._args, self._kwargs = args, kwargs

    def __call__(self) -> Any:
        """The value."""
        return self.delay()

    def delay(self) -> Any:
        """The value."""
        return self._func(*self._args, **self._kwargs)


class ScheduleEntry:
    """One entry of a schedule.

    Args:
        name: of the entry.
        task: the name of the task.
        last_run_at: when it was sent last; now for a new one.
        total_run_count: how often it was sent.
        schedule: s, a timedelta or a schedule.
        args, kwargs: of the task.
        options: of `apply_async`.
        relative: see `schedule`.
        app: the application.
    """

    def __init__(
        self,
        name: str | None = None,
        task: str | None = None,
        last_run_at: datetime | None = None,
        total_run_count: int | None = None,
        schedule: Any = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        relative: bool = False,
        app: Any = None,
    ) -> None:
        self.app = app
        self.name, self.task, self.args = name, task, args
        self.kwargs: dict[str, Any] = dict(kwargs or {})
        self.options: dict[str, Any] = dict(options or {})
        self.schedule = maybe_schedule(schedule, relative, app=app)
        self.last_run_at = last_run_at or self.default_now()
        self.total_run_count = total_run_count or 0

    def default_now(self) -> datetime:
        """The time, by the clock of the schedule."""
        if self.schedule is not None:
            return self.schedule.now()  # type: ignore[no-any-return]
        return self.app.now()  # type: ignore[no-any-return]

    _default_now = default_now

    def _next_instance(self, last_run_at: datetime | None = None) -> ScheduleEntry:
        """The same after one more run, at that time or now. Classes of entries override it under
        this name.
        """
        values = dict(self)
        values["last_run_at"] = last_run_at or self.default_now()
        values["total_run_count"] = self.total_run_count + 1
        return type(self)(**values)

    next = __next__ = _next_instance

    def is_due(self) -> tuple[bool, float]:
        """Whether it is due, and s until it should be asked again."""
        return self.schedule.is_due(self.last_run_at)  # type: ignore[no-any-return]

    def update(self, other: ScheduleEntry) -> None:
        """Take over everything but the runs."""
        for name in ("task", "schedule", "args", "kwargs", "options"):
            setattr(self, name, getattr(other, name))

    def editable_fields_equal(self, other: ScheduleEntry) -> bool:
        """Whether all but the runs is the same."""
        names = ("task", "args", "kwargs", "options", "schedule")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(vars(self).items())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ScheduleEntry):
            return self.editable_fields_equal(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __lt__(self, other: object) -> bool:
        # A heap wants an order, any order.
        return id(self) < id(other) if isinstance(other, ScheduleEntry) else NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        values = (
            self.name,
            self.task,
            self.last_run_at,
            self.total_run_count,
            self.schedule,
            self.args,
            self.kwargs,
            self.options,
        )
        return type(self), values

    def __repr__(self) -> str:
        args = [repr(each) for each in self.args or ()]
        args += [f"{name}={value!r}" for name, value in self.kwargs.items()]
        return f"<ScheduleEntry: {self.name} {self.task}({', '.join(args)}) {self.schedule!r}>"


def evaluated(value: Any) -> Any:
    """A value, with lazy ones made."""
    return value() if isinstance(value, BeatLazyFunc) else value
