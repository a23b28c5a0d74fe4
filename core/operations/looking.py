"""Looking at a queue: jobs, states, counts, workers (protocol part 1, section 8.7). Nothing here
writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..calls import Batch, Call, Steps, operation, procedure
from ..job import Job
from ..keys import META_FIELDS, STATE_KEYS
from ..options import check_names
from ..scripts import script
from .base import QueueBase

#: The states in the order in which BullMQ counts them.
STATES: tuple[str, ...] = tuple(STATE_KEYS)
_LISTS = ("waiting", "active")


@dataclass(frozen=True)
class JobView:
    """A job and the state it was in when both were read. `job` is None without such a job."""

    job: Job | None
    state: str


class LookingOperations(QueueBase):
    """Read jobs and counts."""

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


def _texts(replies: Sequence[bytes]) -> list[str]:
    return [reply.decode() for reply in replies]


def _check_states(states: Sequence[str]) -> Sequence[str]:
    check_names(dict.fromkeys(states), STATES, "job state")
    return states or STATES
