"""A queue from the outside: add jobs, look at them, steer them.

Every operation is defined once for both faces.

    Queue("emails").add("send", {"to": "ann@example.org"})             # blocking, acts at once
    await AsyncQueue("emails").add("send", {"to": "ann@example.org"})  # the same, awaited
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import Self, Unpack

from .calls import Asynchronous, Batch, Blocking, Call, Steps, operation, procedure
from .clock import now_ms
from .drivers import AsyncDriver, Driver, connect, connect_async
from .environment import redis_url
from .errors import InvalidOption, JobLocked, error_for_code
from .job import Job
from .keys import DEFAULT_PREFIX, META_FIELDS, STATE_KEYS, QueueKeys
from .options import JobOptions, NewJob, check_names, encode_json, new_job
from .scripts import script

#: The states in the order in which BullMQ counts them.
STATES: tuple[str, ...] = tuple(STATE_KEYS)
_LISTS = ("waiting", "active")
#: More jobs in one script would hold Redis for too long.
_ADD_CHUNK = 100
_RETRY_CHUNK = 1000


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


@dataclass(frozen=True)
class JobView:
    """A job and the state it was in when both were read. `job` is None without such a job."""

    job: Job | None
    state: str


class QueueOperations:
    """The operations of a queue. Use `Queue` or `AsyncQueue`."""

    name: str
    keys: QueueKeys
    default_job_options: JobOptions

    # -- adding --

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
            ConnectionFailed: Redis did not answer.
        """
        return self.send_jobs([self.prepare(name, data, options)], lambda jobs: jobs[0])

    @procedure
    def add_bulk(self, jobs: Iterable[BulkJob]) -> Steps[list[Job]]:
        """Add many jobs in few round trips (protocol 3.5).

        All are checked before the first is written.

        Returns:
            The jobs in the order given; see `add`.

        Raises:
            As `add`.
        """
        prepared = [self.prepare(job.name, job.data, job.options or {}) for job in jobs]
        added: list[Job] = []
        for first in range(0, len(prepared), _ADD_CHUNK):
            chunk = prepared[first : first + _ADD_CHUNK]
            added += yield self.send_jobs(chunk, lambda jobs: jobs)
        return added

    def prepare(
        self, name: str, data: Any, options: Mapping[str, Any], *, renew: bool = False
    ) -> NewJob:
        """Check a job without sending it; the queue's default options are merged under its own.

        Raises:
            As `add`.
        """
        merged = {**self.default_job_options, **options} if self.default_job_options else options
        return new_job(name, data, merged, now=now_ms(), renew=renew)

    def send_jobs(self, jobs: Sequence[NewJob], read: Any) -> Call[Any]:
        """The call that adds prepared jobs; `read` gets the list of `Job`."""
        arguments = [argument for job in jobs for argument in job.arguments()]

        def read_ids(reply: list[bytes]) -> Any:
            pairs = zip(jobs, reply, strict=True)
            return read([Job(self.name, job_id.decode(), job.stored()) for job, job_id in pairs])

        return script("add_jobs").call(self.keys.base, arguments, read_ids)

    # -- looking --

    @operation
    def get_job(self, job_id: str) -> Call[Job | None]:
        """The job with that id, or None."""
        return self._hash_of(job_id)

    @operation
    def get_state(self, job_id: str) -> Call[str]:
        """Where a job is (protocol 8.7).

        Returns:
            ``waiting``, ``active``, ``delayed``, ``prioritized``, ``completed``, ``failed``,
            ``waiting-children`` or ``unknown``.
        """

        def read(reply: Any) -> str:
            return str(reply[0][0].decode())

        return script("view_jobs").call(self.keys.base, [job_id], read)

    @operation
    def view(self, job_id: str) -> Call[JobView]:
        """A job and its state, read in one step."""
        return self.view_call(job_id)

    def view_call(self, job_id: str) -> Call[JobView]:
        """The call behind `view`, for a `Batch` over several queues."""

        def read(reply: Any) -> JobView:
            state, stored = reply[0]
            job = Job.from_reply(self.name, job_id, stored) if stored else None
            return JobView(job, state.decode())

        return script("view_jobs").call(self.keys.base, [job_id], read)

    @operation
    def get_job_counts(self, *states: str) -> Batch[dict[str, int]]:
        """How many jobs are in each state, all states by default.

        Jobs that a paused 5.x queue holds in its old list count as waiting.

        Raises:
            InvalidOption: a state that does not exist.
        """
        return self.counts_call(*states)

    def counts_call(self, *states: str) -> Batch[dict[str, int]]:
        """The calls behind `get_job_counts`."""
        wanted = _check_states(states)
        legacy = Call(("LLEN", self.keys.paused), int)
        calls = [self._size_of(state) for state in wanted]

        def read(sizes: list[int]) -> dict[str, int]:
            counts = dict(zip(wanted, sizes[1:], strict=True))
            if "waiting" in counts:
                counts["waiting"] += sizes[0]
            return counts

        return Batch([legacy, *calls], read)

    @procedure
    def get_jobs(
        self, *states: str, start: int = 0, end: int = -1, ascending: bool = False
    ) -> Steps[list[Job]]:
        """The jobs in some states (all by default), by position.

        Args:
            start, end: first and last position in each state, from 0; -1 is the last.
            ascending: the next to run, or the oldest, first.

        Raises:
            InvalidOption: a state that does not exist.
        """
        ranges = [self._range_of(state, start, end, ascending) for state in _check_states(states)]
        found: list[list[str]] = yield Batch(ranges, list)
        ids = dict.fromkeys(job_id for page in found for job_id in page)
        jobs: list[Job | None] = yield Batch([self._hash_of(job_id) for job_id in ids], list)
        return [job for job in jobs if job is not None]

    @operation
    def get_logs(self, job_id: str, start: int = 0, end: int = -1) -> Call[list[str]]:
        """Rows of a job's log, oldest first, by position (protocol 6.12)."""
        command = ("LRANGE", self.keys.job_part(job_id, "logs"), start, end)
        return Call(command, lambda rows: [row.decode("utf-8", "replace") for row in rows])

    @operation
    def is_paused(self) -> Call[bool]:
        """Whether the queue is paused for everybody."""
        return Call(("HEXISTS", self.keys.meta, META_FIELDS["paused"]), bool)

    @operation
    def get_workers(self) -> Call[list[dict[str, str]]]:
        """The workers of this queue, Node's and Python's, as CLIENT LIST has them (10.1)."""

        def read(reply: bytes) -> list[dict[str, str]]:
            clients = (
                dict(pair.split("=", 1) for pair in line.split(" ") if "=" in pair)
                for line in reply.decode("utf-8", "replace").splitlines()
            )
            return [client for client in clients if self._is_worker(client.get("name", ""))]

        return Call(("CLIENT", "LIST"), read)

    # -- steering --

    @operation
    def pause(self) -> Call[None]:
        """No worker takes jobs of this queue from now on; running jobs go on (protocol 8.1)."""
        return script("pause").call(self.keys.base, [], lambda reply: None)

    @procedure
    def resume(self) -> Steps[None]:
        """Let workers take jobs again. Jobs of a paused 5.x queue are taken over and run first."""
        first, rest = "1", 1
        while rest > 0:
            rest = yield script("resume").call(self.keys.base, [first], int)
            first = ""

    @operation
    def remove(self, job_id: str) -> Call[bool]:
        """Take a job away, with its log and its result (protocol 8.5).

        Returns:
            Whether it could be removed; True as well when there was no such job.

        Raises:
            JobLocked: a worker is at it.
            SchedulerOwnsJob: it is the next run of a job scheduler.
        """

        def read(code: int) -> bool:
            if code == 0:
                raise JobLocked(
                    f"job {job_id} is being processed by a worker and cannot be removed"
                )
            return self._checked(code, "remove", job_id) == 1

        return script("remove_job").call(self.keys.base, [job_id], read)

    @operation
    def fail_waiting(self, job_id: str, reason: str, exception: str = "") -> Call[None]:
        """Fail a job that no worker has yet, without a run. Ours, for Celery's revoke.

        Args:
            reason: its failedReason.
            exception: text for the private exception field.

        Raises:
            JobNotFound: there is no such job.
            WrongState: a worker has it, or it has finished.
        """
        return script("fail_waiting").call(
            self.keys.base,
            [job_id, now_ms(), reason, exception],
            lambda code: self._done(code, "failWaiting", job_id, "waiting"),
        )

    @operation
    def retry_job(
        self,
        job_id: str,
        state: str = "failed",
        *,
        reset_attempts_made: bool = False,
        reset_attempts_started: bool = False,
    ) -> Call[None]:
        """Run a failed (or completed) job again (protocol 6.7).

        Args:
            state: the state it is in now, ``failed`` or ``completed``.
            reset_attempts_made, reset_attempts_started: count from 0 again.

        Raises:
            JobNotFound: there is no such job.
            WrongState: it is not in that state.
            InvalidOption: `state` is neither.
        """
        _check_finished_state(state)
        flags = ("1" if flag else "" for flag in (reset_attempts_made, reset_attempts_started))
        return script("retry_job").call(
            self.keys.base,
            [job_id, state, *flags],
            lambda code: self._done(code, "reprocessJob", job_id, state),
        )

    @procedure
    def retry_jobs(self, state: str = "failed", *, before: int | None = None) -> Steps[int]:
        """Run all failed (or completed) jobs again (protocol 6.8).

        Args:
            state: ``failed`` or ``completed``.
            before: only jobs that finished up to then, Unix ms; now by default, so that a job
                that fails again meanwhile stays.

        Returns:
            How many jobs were moved.
        """
        _check_finished_state(state)
        return (yield from self._move_many(state, now_ms() if before is None else before))

    @operation
    def promote(self, job_id: str) -> Call[None]:
        """Let a delayed job run now (protocol 6.9).

        Raises:
            WrongState: it is not delayed.
        """
        return script("promote_job").call(
            self.keys.base, [job_id], lambda code: self._done(code, "promote", job_id, "delayed")
        )

    @procedure
    def promote_jobs(self) -> Steps[int]:
        """Let all delayed jobs run now; returns how many (protocol 6.8)."""
        return (yield from self._move_many("delayed", "+inf"))

    @operation
    def update_progress(self, job_id: str, progress: Any) -> Call[None]:
        """Store how far a job is, any JSON value, and tell everybody who listens (protocol 6.12).

        Raises:
            JobNotFound: there is no such job.
            UnserializableData: `progress` has no JSON form.
        """
        arguments = [job_id, encode_json(progress, "progress")]
        return script("update_progress").call(
            self.keys.base, arguments, lambda code: self._done(code, "updateProgress", job_id)
        )

    @operation
    def update_data(self, job_id: str, data: Any) -> Call[None]:
        """Replace a job's data (protocol 6.12).

        Raises:
            JobNotFound: there is no such job.
            UnserializableData: `data` has no JSON form.
        """
        arguments = [job_id, encode_json(data)]
        return script("update_data").call(
            self.keys.base, arguments, lambda code: self._done(code, "updateData", job_id)
        )

    @operation
    def add_log(self, job_id: str, row: str, keep: int | None = None) -> Call[int]:
        """Add a row to a job's log; returns the number of rows (protocol 6.12).

        Args:
            keep: keep only that many of the newest rows.

        Raises:
            JobNotFound: there is no such job.
        """
        arguments: list[str | int] = [job_id, row, "" if keep is None else keep]
        return script("add_log").call(
            self.keys.base, arguments, lambda code: self._checked(code, "addLog", job_id)
        )

    # -- parts of operations --

    def _move_many(self, state: str, latest: int | str) -> Steps[int]:
        moved, step = 0, _RETRY_CHUNK
        while step == _RETRY_CHUNK:
            arguments: list[str | int] = [state, _RETRY_CHUNK, latest]
            step = yield script("retry_jobs").call(self.keys.base, arguments, int)
            moved += step
        return moved

    def _hash_of(self, job_id: str) -> Call[Job | None]:
        def read(reply: list[bytes]) -> Job | None:
            return Job.from_reply(self.name, job_id, reply) if reply else None

        return Call(("HGETALL", self.keys.job(job_id)), read)

    def _key_of(self, state: str) -> str:
        return str(getattr(self.keys, STATE_KEYS[state]))

    def _size_of(self, state: str) -> Call[int]:
        return Call(("LLEN" if state in _LISTS else "ZCARD", self._key_of(state)), int)

    def _range_of(self, state: str, start: int, end: int, ascending: bool) -> Call[list[str]]:
        key = self._key_of(state)
        if state not in _LISTS:
            verb = "ZRANGE" if ascending else "ZREVRANGE"
            return Call((verb, key, start, end), _texts)
        if not ascending:
            return Call(("LRANGE", key, start, end), _texts)
        # The next to run is at the right end of a list.
        return Call(("LRANGE", key, -(end + 1), -(start + 1)), lambda ids: _texts(ids)[::-1])

    def _is_worker(self, client_name: str) -> bool:
        plain = self.keys.client_name()
        return client_name == plain or client_name.startswith(f"{plain}:w:")

    def _checked(self, code: int, operation: str, job_id: str, state: str = "expected") -> int:
        if code < 0:
            raise error_for_code(code, operation=operation, job=job_id, state=state)
        return code

    def _done(self, code: int, operation: str, job_id: str, state: str = "expected") -> None:
        self._checked(code, operation, job_id, state)


class Queue(QueueOperations, Blocking):
    """A queue whose operations act at once.

    Args:
        name: the queue's name, without ``:``.
        url: where Redis is; else what the environment says (see `bullrush.core.environment`).
        driver: a connected driver to share; then `url` is not looked at, and `close` leaves it
            open.
        prefix: what every key starts with.
        default_job_options: options of every job that does not say otherwise.

    Raises:
        InvalidQueueName: the name cannot be part of a key.
        InvalidOption: a bad URL, or an unknown default option.
    """

    driver: Driver

    def __init__(
        self,
        name: str,
        *,
        url: str | None = None,
        driver: Driver | None = None,
        prefix: str = DEFAULT_PREFIX,
        default_job_options: JobOptions | None = None,
    ) -> None:
        self.name = name
        self.keys = QueueKeys(name, prefix)
        self.default_job_options = _check_defaults(default_job_options)
        self.driver = driver if driver is not None else connect(redis_url(url))
        self._owns_driver = driver is None

    def __repr__(self) -> str:
        return f"<Queue {self.name!r} at {self.driver.location}>"

    def close(self) -> None:
        """Give the connections back. A shared driver stays open."""
        if self._owns_driver:
            self.driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncQueue(QueueOperations, Asynchronous):
    """A queue whose operations are awaited. Arguments as `Queue`."""

    driver: AsyncDriver

    def __init__(
        self,
        name: str,
        *,
        url: str | None = None,
        driver: AsyncDriver | None = None,
        prefix: str = DEFAULT_PREFIX,
        default_job_options: JobOptions | None = None,
    ) -> None:
        self.name = name
        self.keys = QueueKeys(name, prefix)
        self.default_job_options = _check_defaults(default_job_options)
        self.driver = driver if driver is not None else connect_async(redis_url(url))
        self._owns_driver = driver is None

    def __repr__(self) -> str:
        return f"<AsyncQueue {self.name!r} at {self.driver.location}>"

    async def close(self) -> None:
        """Give the connections back. A shared driver stays open."""
        if self._owns_driver:
            await self.driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


def _texts(replies: Sequence[bytes]) -> list[str]:
    return [reply.decode() for reply in replies]


def _check_states(states: Sequence[str]) -> Sequence[str]:
    check_names(dict.fromkeys(states), STATES, "job state")
    return states or STATES


def _check_finished_state(state: str) -> None:
    if state not in ("failed", "completed"):
        raise InvalidOption(f"only 'failed' and 'completed' jobs can run again, not {state!r} ones")


def _check_defaults(options: JobOptions | None) -> JobOptions:
    if not options:
        return {}
    if "job_id" in options:
        raise InvalidOption("job_id cannot be a default of all jobs: an id belongs to one job")
    new_job("defaults", None, options, now=0)
    return options
