"""Job schedulers of a queue, from Python and from Node. Time is not waited for: a run that is armed
for later is promoted.
"""

from __future__ import annotations

import json
from typing import Any

from bullrush.core import Job

from .sides import Sides, camel
from .stored import Stored


class Schedules:
    """What either side does with the schedulers of a queue, and what is stored of them.

    Args:
        sides: the queue.
        stored: what is in Redis for it.
    """

    def __init__(self, sides: Sides, stored: Stored) -> None:
        self.queue, self.node, self.stored = sides.queue, sides.node, stored
        self._tokens = 0

    def upsert(self, side: str, scheduler_id: str = "s", **options: Any) -> str | None:
        """Make or change a scheduler; options in our names. The id of its next run."""
        if side == "python":
            job = self.queue.upsert_job_scheduler(scheduler_id, **options)
            return job.id if job is not None else None
        template = {
            {"options": "opts"}.get(name, name): camel(options.pop(name))
            for name in ("name", "data", "options")
            if name in options
        }
        found = self._call("upsertJobScheduler", scheduler_id, camel(options), template)
        return None if found is None else str(found["id"])

    def remove(self, side: str, scheduler_id: str = "s") -> bool:
        """Take a scheduler away."""
        if side == "python":
            return self.queue.remove_job_scheduler(scheduler_id)
        return bool(self._call("removeJobScheduler", scheduler_id))

    def take(self, side: str) -> Job | None:
        """Have that side take the next job, and with it make the run after it. As Python reads it
        then.
        """
        self._tokens += 1
        token = f"token-{self._tokens}"
        if side == "python":
            taken = self.queue.get_next_job(token)
            job_id = taken.id if taken is not None else None
        else:
            reply = self.node.request("takeJob", queue=self.queue.name, token=token)
            self.node.request("stopWorker", worker=reply["worker"])
            job_id = reply["job"] and reply["job"]["id"]
        return self.queue.get_job(job_id) if job_id is not None else None

    def token(self, job: Job) -> str:
        """The token that holds a job."""
        return str(self.stored.run("GET", self.stored.keys.job_part(job.id, "lock")).decode())

    def take_ahead(self, side: str, scheduler_id: str = "s") -> Job:
        """Have that side take the armed run of a scheduler now, whenever it is due."""
        armed = self.armed(scheduler_id)
        if armed in self.stored.ids("delayed"):
            self.queue.promote(armed)
        job = self.take(side)
        assert job is not None, "there is no job to take"
        return job

    def run_ahead(self, side: str, scheduler_id: str = "s") -> Job:
        """The same, and complete it."""
        job = self.take_ahead(side, scheduler_id)
        self.queue.move_to_completed(job, None, self.token(job))
        return job

    def armed(self, scheduler_id: str = "s") -> str:
        """The id of the run that the entry of a scheduler says is next."""
        return f"repeat:{scheduler_id}:{self.slot(scheduler_id)}"

    def slot(self, scheduler_id: str = "s") -> int:
        """When that run is due, Unix ms."""
        score = self.stored.score("repeat", scheduler_id)
        assert score is not None, f"there is no scheduler {scheduler_id}"
        return int(score)

    def pending(self) -> list[str]:
        """The ids of all jobs that are to run."""
        places = ("wait", "paused", "prioritized", "delayed")
        return [each for place in places for each in self.stored.ids(place)]

    def definition(self, scheduler_id: str = "s") -> dict[str, str]:
        """The stored hash of a scheduler."""
        return self.stored.hash(f"repeat:{scheduler_id}")

    def options(self, job_id: str) -> dict[str, Any]:
        """The options of a job as they are stored."""
        options = json.loads(self.stored.hash(job_id)["opts"])
        assert isinstance(options, dict)
        return options

    def _call(self, method: str, *args: Any) -> Any:
        return self.node.request("call", queue=self.queue.name, method=method, args=list(args))
