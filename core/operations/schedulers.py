"""Job schedulers: jobs that run again and again (protocol part 2, section 2)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..advance import MOST_STEPS, run_options
from ..calls import Argument, Call, Steps, operation, procedure
from ..checks import check_kind, check_position
from ..clock import now_ms
from ..encoding import encode_json
from ..errors import InvalidOption, error_for_code
from ..job import FIELDS, Job, id_of, long_options
from ..keys import SCHEDULE_FIELDS
from ..options import JobOptions, snake_case
from ..schedule import Schedule, new_schedule
from ..scripts import script
from .adding import AddingOperations
from .steering import number_or_none

logger = logging.getLogger("bullrush.schedulers")

#: So many are read in one round trip.
_PAGE = 500
#: Options of a single job; the schedule says them.
_NOT_OF_A_TEMPLATE = ("job_id", "delay", "timestamp", "parent")


@dataclass(frozen=True)
class JobScheduler:
    """What is stored of a job scheduler. What another client has damaged counts as not there.

    Attributes:
        id: its id.
        name: the name of its jobs.
        next: when the next run is due, Unix ms; after the last run, when that was due.
        iteration_count: how many runs were made; None for a repeatable job of old.
        every: ms between two runs, or None.
        pattern, tz: cron, and its time zone.
        limit: how many runs there may be.
        start_date, end_date: Unix ms.
        offset: ms into each interval.
        data: what the jobs are given; None for nothing.
        options: of the jobs, as keyword options of `add`.
    """

    id: str
    name: str
    next: int
    iteration_count: int | None = None
    every: int | None = None
    pattern: str | None = None
    tz: str | None = None
    limit: int | None = None
    start_date: int | None = None
    end_date: int | None = None
    offset: int | None = None
    data: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)


class SchedulerOperations(AddingOperations):
    """Make, change, read and remove job schedulers. Workers make the runs: whoever takes one makes
    the next.
    """

    @procedure
    def upsert_job_scheduler(
        self,
        scheduler_id: str,
        *,
        every: int | None = None,
        pattern: str | None = None,
        tz: str | None = None,
        limit: int | None = None,
        start_date: int | datetime | None = None,
        end_date: int | datetime | None = None,
        immediately: bool = False,
        offset: int | None = None,
        name: str | None = None,
        data: Any = None,
        options: JobOptions | None = None,
    ) -> Steps[Job | None]:
        """Make a job scheduler, or change the one of that id, with its next run (protocol part 2,
        section 2.3). The same again only renews the name, data and options of that run.

        Args:
            scheduler_id: any text.
            every: ms between two runs; the first is at once, missed ones are not made up.
            pattern: cron: five fields, six with seconds first, or a name such as `@daily`.
            tz: IANA zone of the pattern; by default that of whatever process takes a run.
            limit: how many runs there may be.
            start_date, end_date: no run before or after, but for one more of an interval; Unix ms
                or a datetime with a zone.
            immediately: the first run of a pattern is now.
            offset: ms into each interval, counted from 1970.
            name, data, options: of each job; the name is the id by default, times and ids are the
                schedule's, and the queue's default options are merged under `options`.

        Returns:
            The next run, or None when the pattern has no time before `end_date`.

        Raises:
            InvalidOption: a pattern that is wrong or never fires, an unknown zone, an end in the
                past, options that contradict each other; nothing was written.
            UnserializableData, JobTooLarge: as `add`.
            SlotTaken, SlotsTaken: the id of the next run is taken; nothing was changed.
            SchedulerIdTaken: the id names a run of another scheduler; nothing was changed.
        """
        now = now_ms()
        bounds = (limit, start_date, end_date, offset)
        schedule = new_schedule(every, pattern, tz, bounds, immediately=immediately, now=now)
        if immediately and every is not None:
            logger.warning("%s: an interval runs at once anyway", scheduler_id)
        template = self._template(_checked_id(scheduler_id), name, data, options)
        slot = None if pattern is None else schedule.first_time(now, immediately)
        for _ in range(MOST_STEPS):
            if slot is None and pattern is not None:
                return None
            reply = yield self._upsert(template, schedule, slot, now)
            if reply[0] == 0:
                return self._run(template, reply, now)
            if slot is None or len(reply) == 1 or not reply[1]:
                break
            # The run of that time was made earlier, by hand.
            slot = schedule.next_time(now, slot)
        raise error_for_code(reply[0], operation="addJobScheduler", job=scheduler_id)

    @operation
    def remove_job_scheduler(self, scheduler_id: str) -> Call[bool]:
        """Take a job scheduler away (protocol part 2, section 2.8). Its next run goes too while it
        is delayed; one that waits already runs.

        Returns:
            Whether there was one.
        """
        arguments = [_checked_id(scheduler_id)]
        return script("remove_scheduler").call(self.keys.base, arguments, bool)

    @operation
    def get_job_scheduler(self, scheduler_id: str) -> Call[JobScheduler | None]:
        """One job scheduler, or None."""
        arguments = [_checked_id(scheduler_id)]

        def read(reply: list[Any]) -> JobScheduler | None:
            return _scheduler(scheduler_id, *reply) if reply else None

        return script("view_scheduler").call(self.keys.base, arguments, read)

    @procedure
    def get_job_schedulers(
        self, start: int = 0, end: int = -1, ascending: bool = False
    ) -> Steps[list[JobScheduler]]:
        """The job schedulers by the time of their next run, the latest first (protocol part 2,
        section 2.9). Those of which nothing but the id is left are forgotten by that.

        Args:
            start, end: first and last position; negative ones count from the end.
            ascending: the next due first.

        Raises:
            InvalidOption: a position that is no whole number.
        """
        first, last = check_position(start, "start"), check_position(end, "end")
        found: list[JobScheduler] = []
        order, more = "1" if ascending else "", True
        while more:
            arguments: list[Argument] = [first, last, order, _PAGE]
            page = yield script("view_schedulers").call(self.keys.base, arguments, list)
            rows, legacy, first, last = page
            more = first != -1
            found += [_scheduler(id_of(each), *row) for each, *row in rows]
            for each in legacy:
                logger.warning(
                    "%s is a repeatable job of Bull; add a job scheduler instead and remove it",
                    id_of(each),
                )
        return found

    @operation
    def get_job_schedulers_count(self) -> Call[int]:
        """How many job schedulers there are."""
        return Call(("ZCARD", self.keys.repeat), int)

    def _template(
        self, scheduler_id: str, name: str | None, data: Any, options: JobOptions | None
    ) -> _Template:
        check_kind({} if options is None else options, Mapping, "options", "a mapping")
        given = {**self.default_job_options, **(options or {})}
        for each in _NOT_OF_A_TEMPLATE:
            if given.get(each) is not None:
                raise InvalidOption(f"{each} cannot be given to the jobs of a scheduler")
        job = self.prepare(scheduler_id if name is None else name, data, options or {})
        stored = json.loads(job.opts)
        if given.get("attempts") is None:
            # As Node, which stores nothing that was not said; the reader's default is the same.
            stored.pop("attempts", None)
        return _Template(scheduler_id, job.name, job.data, stored)

    def _upsert(
        self, template: _Template, schedule: Schedule, slot: int | None, now: int
    ) -> Call[list[Any]]:
        times = (schedule.every, slot, schedule.offset, schedule.start)
        options = {**template.options, "repeat": schedule.repeat(1)}
        arguments: list[Argument] = [
            template.id,
            now,
            *("" if each is None else each for each in times),
            template.name,
            template.data,
            *run_options(options, template.id.encode(), now),
            *template.definition(),
            *schedule.definition(),
        ]
        return script("upsert_scheduler").call(self.keys.base, arguments, list)

    def _run(self, template: _Template, reply: list[Any], now: int) -> Job:
        """The run that was made."""
        _, job_id, delay, options = reply
        values = {
            "name": template.name,
            "data": template.data,
            "timestamp": now,
            "delay": delay,
            "priority": template.options.get("priority", 0),
            "scheduler_id": template.id,
        }
        if "de" in template.options:
            values["deduplication_id"] = template.options["de"]["id"]
        stored = {FIELDS[part].encode(): str(value).encode() for part, value in values.items()}
        stored[FIELDS["opts"].encode()] = options
        return Job(self.keys.base, id_of(job_id), stored)


@dataclass(frozen=True)
class _Template:
    """What the jobs of a scheduler get. `data` is JSON text, `options` as they are stored."""

    id: str
    name: str
    data: str
    options: dict[str, Any]

    def definition(self) -> list[str]:
        """Its fields and values in the definition; empty ones are left out."""
        parts = {"name": self.name}
        if self.data != "{}":
            parts["data"] = self.data
        if self.options:
            parts["opts"] = encode_json(self.options, "options")
        return [each for part, value in parts.items() for each in (SCHEDULE_FIELDS[part], value)]


def _checked_id(scheduler_id: Any) -> str:
    """Any text that Redis can hold.

    Raises:
        InvalidOption: it is something else.
    """
    if not isinstance(scheduler_id, str) or not scheduler_id:
        raise InvalidOption(f"a job scheduler's id is non-empty text, not {scheduler_id!r}")
    try:
        scheduler_id.encode()
    except UnicodeEncodeError:
        raise InvalidOption(
            f"the job scheduler's id {scheduler_id!r} contains half of a surrogate pair"
        ) from None
    return scheduler_id


def _scheduler(scheduler_id: str, slot: bytes, flat: list[bytes]) -> JobScheduler:
    """A job scheduler as it is stored."""
    stored = dict(zip(flat[::2], flat[1::2], strict=True))

    def raw(part: str) -> bytes | None:
        return stored.get(SCHEDULE_FIELDS[part].encode())

    def text(part: str) -> str | None:
        value = raw(part)
        return None if value is None else value.decode("utf-8", "replace")

    def number(part: str) -> int | None:
        return number_or_none(raw(part))

    return JobScheduler(
        id=scheduler_id,
        name=text("name") or scheduler_id,
        next=_whole(slot),
        iteration_count=number("count"),
        every=number("every"),
        pattern=text("pattern"),
        tz=text("zone"),
        limit=number("limit"),
        start_date=number("start"),
        end_date=number("end"),
        offset=number("offset"),
        data=_decoded(raw("data")),
        options=_options(_decoded(raw("opts"))),
    )


def _options(stored: Any) -> dict[str, Any]:
    """Options as they are stored, as keywords of `add`."""
    if not isinstance(stored, dict):
        return {}
    options = long_options(stored)
    if "attempts" not in stored:  # it is the reader's default
        del options["attempts"]
    return {snake_case(name): value for name, value in options.items()}


def _decoded(raw: bytes | None) -> Any:
    """Decoded JSON; rubbish counts as nothing."""
    try:
        return None if raw is None else json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _whole(score: bytes) -> int:
    """A score as Redis writes it; 0 for one that no slot can be."""
    try:
        return int(float(score))
    except (ValueError, OverflowError):
        return 0
