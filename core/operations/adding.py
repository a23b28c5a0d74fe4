"""Adding jobs to a queue (protocol part 1, section 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from typing_extensions import Unpack

from ..calls import Batch, Call, Steps, operation, procedure
from ..checks import check_kind
from ..clock import now_ms
from ..job import Job
from ..new_job import NewJob, new_job
from ..nodes import Node, add_nodes
from ..options import JobOptions
from ..scripts import script
from ..telemetry import hooks, traced
from .base import QueueBase

T = TypeVar("T")

#: More jobs in one script would hold Redis for too long.
_ADD_CHUNK = 100


@dataclass(frozen=True)
class BulkJob:
    """One job of `add_bulk`.

    Args:
        name: the job's name.
        data: any JSON value.
        options: as the keyword options of `add`.
    """

    name: str
    data: Any = None
    options: JobOptions | None = None


class AddingOperations(QueueBase):
    """Add one job, or many."""

    @operation
    def add(self, name: str, data: Any = None, **options: Unpack[JobOptions]) -> Call[Job]:
        """Add a job (protocol 3).

        Args:
            name: the job's name; a Celery worker takes it as the task's name.
            data: any JSON value, or `RawJson`.
            **options: see `JobOptions`; times are in ms.

        Returns:
            The job. Its `id` is that of an older job when this one was absorbed by
            deduplication, or when its `job_id` was in use: adding again is idempotent.

        Raises:
            InvalidOption: an unknown option, or a value out of range.
            InvalidJobId: an id that BullMQ cannot hold.
            UnserializableData: data without a JSON form.
            JobTooLarge: more bytes of data than `size_limit`.
            ParentNotFound: `parent` names a job that does not exist.
            ParentNotReplaceable: the `job_id` is that of another parent's child.
            CircularParents: the job would wait for itself.
            ConnectionFailed: Redis did not answer.
        """
        base, job = self.keys.base, self.prepare(name, data, options)
        if job.is_plain():  # the way of most jobs is kept short
            return script("add_plain").call(
                base, job.plain_arguments(), lambda first: Job(base, str(first), job.stored)
            )
        return self.send_jobs([job], lambda jobs: jobs[0])

    @procedure
    def add_bulk(self, jobs: Iterable[BulkJob]) -> Steps[list[Job]]:
        """Add many jobs in few round trips (protocol 3.5).

        All are checked before the first is written. What only Redis knows, such as a missing
        parent, refuses a chunk of at most 100 jobs as a whole.

        Returns:
            The jobs in the order given; see `add`.

        Raises:
            As `add`.
        """
        check_kind(jobs, Iterable, "jobs", "several BulkJob")
        jobs = list(jobs)
        for job in jobs:
            check_kind(job, BulkJob, "each of the jobs", "a BulkJob")
        prepared = [self.prepare(job.name, job.data, job.options or {}) for job in jobs]
        calls = [
            self.send_jobs(prepared[first : first + _ADD_CHUNK], list)
            for first in range(0, len(prepared), _ADD_CHUNK)
        ]
        if not calls:
            return []
        # The first goes alone: a server that does not know the script yet learns it, and the others
        # arrive in order.
        added: list[Job] = yield calls[0]
        rest: list[list[Job]] = yield Batch(calls[1:], list)
        return added + [job for chunk in rest for job in chunk]

    def prepare(
        self, name: str, data: Any, options: Mapping[str, Any], *, renew: bool = False
    ) -> NewJob:
        """Check a job without sending it; the queue's default options are merged under its own.

        Raises:
            As `add`.
        """
        check_kind(options, Mapping, "options", "a mapping of options of `add`")
        merged = {**self.default_job_options, **options} if self.default_job_options else options
        if hooks.adding is not None:
            merged = traced(self.name, name, merged)
        return new_job(name, data, merged, now=now_ms(), renew=renew)

    def send_jobs(self, jobs: Sequence[NewJob], read: Callable[[list[Job]], T]) -> Call[T]:
        """The call that adds prepared jobs; `read` gets the list of `Job`."""
        base = self.keys.base
        if all(job.is_plain() for job in jobs):
            plain = [argument for job in jobs for argument in job.plain_arguments()]

            def read_first(first: int) -> T:
                return read([Job(base, str(i), job.stored) for i, job in enumerate(jobs, first)])

            return script("add_plain").call(base, plain, read_first)
        if any(job.parent for job in jobs):
            call = add_nodes([Node(job, self.keys) for job in jobs], now_ms())
            return Call(call.command, lambda reply: read(call.read(reply)), call.full)
        arguments = [argument for job in jobs for argument in job.arguments()]

        def read_ids(reply: list[bytes]) -> T:
            pairs = zip(jobs, reply, strict=True)
            return read([Job(base, job_id.decode(), job.stored) for job, job_id in pairs])

        return script("add_jobs").call(base, arguments, read_ids)
