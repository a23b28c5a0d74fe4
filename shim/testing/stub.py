"""Nothing is sent anywhere: what would be is recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from unittest import mock

import bullrush.core.flow
import bullrush.core.operations.adding
from bullrush.core.calls import Call, operation
from bullrush.core.errors import BullrushError
from bullrush.core.faces import AsyncFace, BlockingFace
from bullrush.core.job import Job
from bullrush.core.keys import split_base
from bullrush.core.new_job import NewJob
from bullrush.core.nodes import Node
from bullrush.core.operations.adding import AddingOperations
from bullrush.core.spooling import Parcel

from ..app import outage
from ..app.connecting import Connecting
from ..canvas import planting
from .enqueued import Call as Waiting
from .enqueued import as_call

#: The id of every job that brings none of its own.
JOB_ID = "test-job-id"
_NOTHING = ("PING",)


@dataclass(frozen=True)
class Recorded:
    """A job that would have been added.

    Args:
        queue, name, id, data: of the job.
        opts: its options, as BullMQ stores them.
    """

    queue: str
    name: str
    id: str
    data: Any
    opts: dict[str, Any]


class SilentDriver:
    """Stands for a server without any data, in both colours."""

    url, location, volatile, own_server, watchable = "", "stub://", True, False, False

    def execute(self, command: Sequence[Any]) -> Any:
        """Nothing is there."""
        return 0

    def execute_many(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Nothing is there."""
        return [0 for _ in commands]

    def dedicated(self, client_name: str = "", longest: float | None = None) -> Any:
        """Whoever sleeps in Redis waits for what will not come.

        Raises:
            BullrushError: always.
        """
        raise BullrushError(
            "bullrush_stub: nothing runs and nothing ends here; use bullrush_app and "
            "bullrush_worker in a test that waits for a result"
        )

    def close(self) -> None:
        """Nothing."""


class AsyncSilentDriver(SilentDriver):
    """As `SilentDriver`, awaited."""

    async def execute(self, command: Sequence[Any]) -> Any:
        """Nothing is there."""
        return 0

    async def execute_many(  # type: ignore[override]
        self, commands: Sequence[Sequence[Any]]
    ) -> list[Any]:
        """Nothing is there."""
        return [0 for _ in commands]

    async def close(self) -> None:  # type: ignore[override]
        """Nothing."""


class Stub:
    """While it is in place, every way to a queue leads here: ``Queue.add``, ``add_bulk``, flows,
    ``delay()`` and workflows of every application.

    Attributes:
        jobs: what would have been added, in order.
    """

    def __init__(self) -> None:
        self.jobs: list[Recorded] = []
        self._stack = ExitStack()

    def __enter__(self) -> Stub:
        for target, name, value in self._replacements():
            self._stack.enter_context(mock.patch.object(target, name, value, create=True))
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def calls(self) -> list[Waiting]:
        """The jobs as calls."""
        return [as_call(each.queue, each.name, each.data) for each in self.jobs]

    def clear(self) -> None:
        """Forget what was recorded."""
        self.jobs.clear()

    def _replacements(self) -> Iterable[tuple[Any, str, Any]]:
        silent, silent_async = SilentDriver(), AsyncSilentDriver()
        stub = self

        def send_jobs(queue: Any, jobs: Sequence[NewJob], read: Callable[[list[Job]], Any]) -> Any:
            return stub._sending(queue.keys.base, jobs, read)

        def add(queue: Any, /, name: str, data: Any = None, **options: Any) -> Any:
            return stub._sending(queue.keys.base, [queue.prepare(name, data, options)], _first)

        def nodes(found: Sequence[Node], now: int, *args: Any, **kwargs: Any) -> Any:
            jobs = [stub._record(node.keys.base, node.job) for node in found]
            return Call(_NOTHING, lambda _: jobs)

        yield AddingOperations, "send_jobs", send_jobs
        yield AddingOperations, "add", operation(add)
        for module in (bullrush.core.flow, bullrush.core.operations.adding, planting):
            yield module, "add_nodes", nodes
        yield outage, "add_once", self._parcels
        yield BlockingFace, "driver", _Fixed(silent)
        yield AsyncFace, "driver", _Fixed(silent_async)
        yield Connecting, "driver", _Fixed(silent)

    def _sending(
        self, base: str, jobs: Sequence[NewJob], read: Callable[[list[Job]], Any]
    ) -> Call[Any]:
        recorded = [self._record(base, job) for job in jobs]
        return Call(_NOTHING, lambda _: read(recorded))

    def _parcels(self, parcels: Sequence[Parcel], now: int, *, keep: int) -> Call[Any]:
        found = [[self._record(n.keys.base, n.job).id for n in each.nodes] for each in parcels]
        return Call(_NOTHING, lambda _: found)

    def _record(self, base: str, job: NewJob) -> Job:
        job_id = job.id or JOB_ID
        queue, opts = split_base(base)[1], json.loads(job.opts or "{}")
        self.jobs.append(Recorded(queue, job.name, job_id, json.loads(job.data), opts))
        return Job(base, job_id, job.stored)


def _first(jobs: list[Job]) -> Job:
    return jobs[0]


class _Fixed:
    """An attribute of all objects of a class that cannot be changed."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self._value

    def __set__(self, instance: Any, value: Any) -> None:
        """It stays what it is."""
