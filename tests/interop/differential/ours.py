"""Our half of the differential test: does concrete steps with `bullrush.core`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from unittest import mock

from bullrush.core import (
    BulkJob,
    BullrushError,
    Completed,
    FlowProducer,
    Job,
    JobNode,
    JobScheduler,
    Keep,
    Outcome,
    Postponed,
    Queue,
    QueueEventsProducer,
    RateLimited,
    Retried,
    Returned,
    clock,
)
from bullrush.core.advance import advance
from bullrush.core.calls import run, run_steps
from bullrush.core.drivers import Driver
from bullrush.core.errors import JobError, JobLocked, error_for_code
from bullrush.core.outcome import decide
from bullrush.core.records import Retention, record_of
from bullrush.core.trip import Limiter, Request, commit_and_fetch
from bullrush.core.worker.stalled import StalledService

from .failures import exception
from .steps import Concrete, Result

LOCK_MS = 300_000

#: The same workers as WORKERS in differential.js.
LIMITERS = {"limited": Limiter(2, 240_000)}
NAMES = {"named": "ann"}
RETENTIONS = {"keeping": Retention(Keep(count=2), Keep(age=3600, count=1))}
METRICS = {"counting": 4}
STARTS = {"starting": 2}


class Ours:
    """Queues under one prefix, and what was taken from them.

    Args:
        driver: the connection.
        prefix: what every key starts with.
    """

    def __init__(self, driver: Driver, prefix: str) -> None:
        self.driver = driver
        self.prefix = prefix
        self._queues: dict[str, Queue] = {}
        self._flows = FlowProducer(driver=driver, prefix=prefix)
        self._taken: dict[tuple[str, str], Job] = {}
        #: (queue, id) of the jobs that `promote_jobs` moved.
        self.promoted: set[tuple[str, str]] = set()

    def forget(self) -> None:
        """Before the next program."""
        self._taken.clear()
        self.promoted.clear()

    def run(self, step: Concrete) -> Result:
        """Do one step. An error of the library is part of the result; any other is a bug."""
        with clock_at(step["now"]):
            try:
                return {"ok": getattr(self, f"_{step['op']}")(step)}
            except BullrushError as error:
                code = error.code if isinstance(error, JobError) else None
                name, message = type(error).__name__, str(error)
                return {"error": {"code": code or None, "name": name, "message": message}}

    def queue(self, name: str) -> Queue:
        """The queue of that name."""
        if name not in self._queues:
            self._queues[name] = Queue(name, driver=self.driver, prefix=self.prefix)
        return self._queues[name]

    def look(self, queue: str, place: str) -> Sequence[str]:
        """The ids in a place, oldest first; see `World`."""
        key = self.queue(queue).keys.base + place
        if place in ("wait", "active"):
            return [each.decode() for each in self.driver.execute(("LRANGE", key, 0, -1))][::-1]
        return [each.decode() for each in self.driver.execute(("ZRANGE", key, 0, -1))]

    def field(self, queue: str, job: str, name: str) -> str | None:
        """A field of a stored job."""
        value = self.driver.execute(("HGET", self.queue(queue).keys.job(job), name))
        return None if value is None else value.decode()

    def due(self, queue: str) -> Sequence[int]:
        """When the delayed jobs are due, Unix ms."""
        found = self.driver.execute(("ZRANGE", self.queue(queue).keys.delayed, 0, -1, "WITHSCORES"))
        return [int(float(score)) // 4096 for score in found[1::2]]

    def armed(self, queue: str) -> Mapping[str, int]:
        """Scheduler -> when its next run is due, Unix ms."""
        flat = self.driver.execute(("ZRANGE", self.queue(queue).keys.repeat, 0, -1, "WITHSCORES"))
        names = (each.decode() for each in flat[::2])
        return dict(zip(names, (int(float(each)) for each in flat[1::2]), strict=True))

    def runs(self, queue: str, scheduler: str) -> set[int]:
        """The times of the runs of a scheduler that exist in any state, Unix ms."""
        head = f"{self.queue(queue).keys.repeat}:{scheduler}:"
        keys = (key.decode() for key in self.driver.execute(("KEYS", f"{head}*")))
        times = (key.removeprefix(head) for key in keys)
        return {int(each) for each in times if each.isdigit()}

    # -- adding

    def _advance(self, step: Concrete) -> None:
        pass

    def _add(self, step: Concrete) -> str:
        options = snake(self._with_parent(step["opts"]))
        return self.queue(step["queue"]).add(step["name"], step["data"], **options).id

    def _add_bulk(self, step: Concrete) -> list[str]:
        jobs = [
            BulkJob(each["name"], each["data"], snake(self._with_parent(each["opts"])))
            for each in step["jobs"]
        ]
        return [job.id for job in self.queue(step["queue"]).add_bulk(jobs)]

    def _with_parent(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Programs name a parent's queue without prefix."""
        parent = options.get("parent")
        if parent is None:
            return options
        return {**options, "parent": {**parent, "queue": f"{self.prefix}:{parent['queue']}"}}

    def _add_flow(self, step: Concrete) -> Any:
        with mock.patch("uuid.uuid4", side_effect=step["uuids"]):
            return _tree(self._flows.add(step["flow"]))

    # -- a worker's work

    def _take(self, step: Concrete) -> Any:
        if not step["by_hand"]:
            return self._trip(step, [], 1)[0][0]
        worker = step["worker"]
        options = {"limiter": LIMITERS.get(worker), "name": NAMES.get(worker, "")}
        job = self.queue(step["queue"]).get_next_job(
            step["token"], lock_duration=LOCK_MS, **options
        )
        return self._brought(step, job)

    def _complete(self, step: Concrete) -> Any:
        if not step["by_hand"]:
            return self._finish(step, Completed(step["value"]), step["fetch"])
        queue = self.queue(step["queue"])
        job = queue.move_to_completed(
            self._held(step), step["value"], step["token"], **self._finish_options(step)
        )
        return self._brought(step, job)

    def _fail(self, step: Concrete) -> Any:
        if not step["by_hand"] or "jitter" in str(self._held(step).opts.get("backoff")):
            outcome = self._failure(step)
            reply = self._finish(step, outcome, step["fetch"] and not _is_immediate(outcome))
            # Of a retry Node reports a job and nothing else.
            reply = _missing(reply["id"]) if isinstance(outcome, Retried) else reply
            return {"id": reply["id"]} if step["by_hand"] else reply
        held, options = self._held(step), self._finish_options(step)
        options["max_started_attempts"] = STARTS.get(step["worker"])
        options["fetch_next"] = step["fetch"] and not _is_immediate(self._failure(step))
        queue = self.queue(step["queue"])
        job = queue.move_to_failed(held, exception(step["failure"]), step["token"], **options)
        return self._brought(step, job)

    def _delay(self, step: Concrete) -> None:
        due = step["now"] + step["delay"]
        self.queue(step["queue"]).move_to_delayed(step["job"], due, step["token"])

    def _give_back(self, step: Concrete) -> bool:
        return self.queue(step["queue"]).move_to_wait(step["job"], step["token"]) > 0

    def _exhaust(self, step: Concrete) -> None:
        """What a worker does when a processor says that the rate limit is reached."""
        self._finish(step, RateLimited(step["ms"]), False)

    def _wait_for_children(self, step: Concrete) -> bool:
        child = step["child"]
        if child is not None:
            child = {**child, "queue": f"{self.prefix}:{child['queue']}"}
        queue = self.queue(step["queue"])
        return queue.move_to_waiting_children(step["job"], step["token"], child)

    def _commit_many(self, step: Concrete) -> list[Result]:
        outcomes = []
        for each in step["outcomes"]:
            told = {**step, **each}
            outcomes.append((told, self._outcome(told)))
        fetched, codes = self._trip(step, outcomes, step["most"])
        results: list[Result] = []
        for code in codes:
            error = {"code": code, "name": "JobError", "message": "not counted"}
            results.append({"error": error} if code else {"ok": {"id": None}})
        # When a job came, a batch does not say why another one did not.
        return results + [{"ok": {"id": each["id"]}} for each in fetched]

    def _extend_lock(self, step: Concrete) -> int:
        queue = self.queue(step["queue"])
        return int(queue.extend_lock(step["job"], step["token"], step["lock_ms"]))

    def _sweep(self, step: Concrete) -> None:
        queue = self.queue(step["queue"])
        if step["again"]:
            self.driver.execute(("DEL", queue.keys.stalled_check))
        StalledService([queue], 30_000, 1).sweep(queue)

    def _trip(self, step: Concrete, outcomes: Any, most: int) -> Any:
        """What a worker does: commit and fetch in one call. Gives what was fetched, and codes."""
        worker = step["worker"]
        retention = RETENTIONS.get(worker, Retention())
        records = [
            record_of(self._held(told), told["token"], outcome, retention)
            for told, outcome in outcomes
        ]
        request = Request(
            now=step["now"],
            token=step["token"],
            lock_ms=LOCK_MS,
            most=most,
            limiter=LIMITERS.get(worker),
            worker=NAMES.get(worker, ""),
            metrics=METRICS.get(worker),
            strict=step["op"] != "commit_many",
        )
        keys = self.queue(step["queue"]).keys
        reply = run(self.driver, commit_and_fetch(keys, records, request))
        run_steps(self.driver, advance(keys, reply.jobs, step["now"]))
        for job in reply.jobs:
            self._taken[step["token"], job.id] = job
        found = [_missing(job.id) for job in reply.jobs]
        nothing = {"id": None, "limited": reply.limited_ms > 0, "due": reply.next_due}
        return found + [nothing] * (most - len(found)), reply.codes

    def _finish(self, step: Concrete, outcome: Outcome, fetch: bool) -> Any:
        fetched, codes = self._trip(step, [(step, outcome)], 1 if fetch else 0)
        if codes[0]:
            raise error_for_code(codes[0], operation="finish", job=step["job"], state="active")
        return fetched[0] if fetched else _missing()

    def _finish_options(self, step: Concrete) -> dict[str, Any]:
        worker = step["worker"]
        retention = RETENTIONS.get(worker, Retention())
        return {
            "fetch_next": step["fetch"],
            "lock_duration": LOCK_MS,
            "limiter": LIMITERS.get(worker),
            "name": NAMES.get(worker, ""),
            "metrics": METRICS.get(worker),
            "remove_on_complete": retention.completed,
            "remove_on_fail": retention.failed,
        }

    def _held(self, step: Concrete) -> Job:
        """The job as it was taken."""
        queue = self.queue(step["queue"])
        job = self._taken.get((step["token"], step["job"])) or queue.get_job(step["job"])
        return job or Job(queue.name, step["job"], {})

    def _brought(self, step: Concrete, job: Job | None) -> Any:
        if job is None:
            return {"id": None}
        self._taken[step["token"], job.id] = job
        return {"id": job.id}

    def _outcome(self, step: Concrete) -> Outcome:
        if step["op"] == "complete":
            return Completed(step["value"])
        if step["op"] == "delay":
            return Postponed(step["delay"])
        return Returned() if step["op"] == "give_back" else self._failure(step)

    def _failure(self, step: Concrete) -> Outcome:
        starts = STARTS.get(step["worker"])
        error = exception(step["failure"])
        return decide(self._held(step), error, rand=lambda: 0.5, max_started_attempts=starts)

    # -- one job, or many

    def _progress(self, step: Concrete) -> None:
        self.queue(step["queue"]).update_progress(step["job"], step["value"])

    def _update_data(self, step: Concrete) -> None:
        self.queue(step["queue"]).update_data(step["job"], step["data"])

    def _log(self, step: Concrete) -> int:
        queue = self.queue(step["queue"])
        job = queue.get_job(step["job"])
        keep = job.opts.get("keepLogs") if job else None
        return queue.add_log(step["job"], step["row"], keep)

    def _clear_logs(self, step: Concrete) -> None:
        self.queue(step["queue"]).clear_logs(step["job"], step["keep"])

    def _retry(self, step: Concrete) -> None:
        self.queue(step["queue"]).retry_job(
            step["job"],
            step["state"],
            reset_attempts_made=step["reset_made"],
            reset_attempts_started=step["reset_started"],
        )

    def _retry_jobs(self, step: Concrete) -> None:
        self.queue(step["queue"]).retry_jobs(step["state"])

    def _promote(self, step: Concrete) -> None:
        self.queue(step["queue"]).promote(step["job"])

    def _promote_jobs(self, step: Concrete) -> None:
        delayed = self.look(step["queue"], "delayed")
        self.promoted.update((step["queue"], job) for job in delayed)
        self.queue(step["queue"]).promote_jobs()

    def _change_delay(self, step: Concrete) -> None:
        self.queue(step["queue"]).change_delay(step["job"], step["delay"])

    def _change_priority(self, step: Concrete) -> None:
        queue = self.queue(step["queue"])
        queue.change_priority(step["job"], step["priority"], lifo=step["lifo"])

    def _remove(self, step: Concrete) -> bool:
        queue = self.queue(step["queue"])
        try:
            return queue.remove(step["job"], remove_children=step.get("children", True))
        except JobLocked:
            return False

    def _leave_parent(self, step: Concrete) -> bool:
        return self.queue(step["queue"]).remove_child_dependency(step["job"])

    def _drop_children(self, step: Concrete) -> None:
        self.queue(step["queue"]).remove_unprocessed_children(step["job"])

    def _remove_deduplication_key(self, step: Concrete) -> bool:
        queue = self.queue(step["queue"])
        if "job" in step:
            return queue.remove_deduplication_key_of(step["job"])
        return queue.remove_deduplication_key(step["deduplication"])

    # -- the queue

    def _pause(self, step: Concrete) -> None:
        self.queue(step["queue"]).pause()

    def _resume(self, step: Concrete) -> None:
        self.queue(step["queue"]).resume()

    def _drain(self, step: Concrete) -> None:
        self.queue(step["queue"]).drain(delayed=step["delayed"])

    def _clean(self, step: Concrete) -> list[str]:
        # In which order they are told says nothing; which of them go under a limit does.
        queue = self.queue(step["queue"])
        return sorted(queue.clean(step["grace"], step["limit"], step["type"]))

    def _obliterate(self, step: Concrete) -> None:
        self.queue(step["queue"]).obliterate(force=step["force"])

    def _remove_orphans(self, step: Concrete) -> int:
        return self.queue(step["queue"]).remove_orphaned_jobs()

    def _publish(self, step: Concrete) -> None:
        with QueueEventsProducer(step["queue"], driver=self.driver, prefix=self.prefix) as producer:
            producer.publish_event(step["event"], step["fields"])

    def _set_concurrency(self, step: Concrete) -> None:
        queue = self.queue(step["queue"])
        if step["concurrency"] is None:
            queue.remove_global_concurrency()
        else:
            queue.set_global_concurrency(step["concurrency"])

    def _set_rate(self, step: Concrete) -> None:
        queue = self.queue(step["queue"])
        if step["max"] is None:
            queue.remove_global_rate_limit()
        else:
            queue.set_global_rate_limit(step["max"], step["duration"])

    def _rate_limit(self, step: Concrete) -> None:
        queue = self.queue(step["queue"])
        if step["ms"] is None:
            queue.remove_rate_limit_key()
        else:
            queue.rate_limit(step["ms"])

    def _expire(self, step: Concrete) -> bool:
        key = self.queue(step["queue"]).keys.base + step["suffix"]
        return bool(self.driver.execute(("DEL", key)))

    def _upsert_scheduler(self, step: Concrete) -> str | None:
        template = dict(step["template"])
        options = snake(template.pop("opts", {}))
        queue = self.queue(step["queue"])
        repeat = snake(step["repeat"])
        job = queue.upsert_job_scheduler(step["id"], **repeat, **template, options=options)
        return None if job is None else job.id

    def _remove_scheduler(self, step: Concrete) -> bool:
        return self.queue(step["queue"]).remove_job_scheduler(step["id"])

    # -- looking

    def _ask(self, step: Concrete) -> Any:
        return getattr(self, f"_ask_{step['what']}")(self.queue(step["queue"]), step)

    def _ask_counts(self, queue: Queue, step: Concrete) -> Any:
        return queue.get_job_counts(*step["states"])

    def _ask_count(self, queue: Queue, step: Concrete) -> Any:
        before = queue.get_delayed_count(step["now"] + step["ahead"])
        return [queue.count(), queue.get_delayed_count(), before]

    def _ask_priorities(self, queue: Queue, step: Concrete) -> Any:
        found = queue.get_counts_per_priority(step["priorities"])
        return {str(priority): count for priority, count in found.items()}

    def _ask_ranges(self, queue: Queue, step: Concrete) -> Any:
        where = {"start": step["start"], "end": step["end"], "ascending": step["asc"]}
        return queue.get_ranges(*step["states"], **where)

    def _ask_jobs(self, queue: Queue, step: Concrete) -> Any:
        where = {"start": step["start"], "end": step["end"], "ascending": step["asc"]}
        return [job.id for job in queue.get_jobs(*step["states"], **where)]

    def _ask_job(self, queue: Queue, step: Concrete) -> Any:
        job = queue.get_job(step["job"])
        return [queue.get_state(step["job"]), None if job is None else _view(job)]

    def _ask_logs(self, queue: Queue, step: Concrete) -> Any:
        where = {"start": step["start"], "end": step["end"], "ascending": step["asc"]}
        rows = queue.get_logs(step["job"], **where)
        return {"logs": rows, "count": queue.get_logs_count(step["job"])}

    def _ask_schedulers(self, queue: Queue, step: Concrete) -> Any:
        found = queue.get_job_schedulers(step["start"], step["end"], step["asc"])
        one = queue.get_job_scheduler("s")
        return {
            "all": [_scheduler(each) for each in found],
            "one": None if one is None else _scheduler(one),
            "count": queue.get_job_schedulers_count(),
        }

    def _ask_family(self, queue: Queue, step: Concrete) -> Any:
        found = queue.get_job_dependencies(step["job"])
        return {
            "values": queue.get_children_values(step["job"]),
            "ignored": queue.get_ignored_children_failures(step["job"]),
            "counts": queue.get_dependencies_count(step["job"]),
            "processed": found.processed,
            "unprocessed": sorted(found.unprocessed),
            "failed": sorted(found.failed),
        }

    def _ask_flow(self, queue: Queue, step: Concrete) -> Any:
        tree = self._flows.get_flow(queue.name, step["job"])
        return None if tree is None else _sorted(_tree(tree))

    def _ask_metrics(self, queue: Queue, step: Concrete) -> Any:
        found = asdict(queue.get_metrics(step["kind"]))
        meta = {"count": found["meta"]["count"], "prevCount": found["meta"]["prev_count"]}
        return {"meta": meta, "data": found["data"], "count": found["count"]}

    def _ask_prometheus(self, queue: Queue, step: Concrete) -> Any:
        return sorted(queue.export_prometheus_metrics({"zone": 'a"b'}).splitlines())

    def _ask_settings(self, queue: Queue, step: Concrete) -> Any:
        rate = queue.get_global_rate_limit()
        return {
            "paused": queue.is_paused(),
            "maxed": queue.is_maxed(),
            "concurrency": queue.get_global_concurrency(),
            "rate": None if rate is None else asdict(rate),
            "limited": [queue.get_rate_limit_ttl(most) > 0 for most in (None, 1, 2)],
            "owners": [queue.get_deduplication_job_id(each) for each in ("d", "e")],
        }


@contextlib.contextmanager
def clock_at(now: int) -> Iterator[None]:
    """Let every operation of ours take that for the time, Unix ms."""
    before: Callable[[], int] = clock.source
    clock.source = lambda: now * 1_000_000
    try:
        yield
    finally:
        clock.source = before


def snake(options: Mapping[str, Any]) -> dict[str, Any]:
    """Node's option names in our spelling."""
    return {
        re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name): value
        for name, value in options.items()
    }


def camel(name: str) -> str:
    """Our spelling of an option in Node's."""
    head, *rest = name.split("_")
    return head + "".join(each.title() for each in rest)


def _is_immediate(outcome: Outcome) -> bool:
    return isinstance(outcome, Retried) and outcome.delay == 0


def _missing(job: str | None = None) -> dict[str, Any]:
    return {"id": job, "limited": False, "due": 0}


def _tree(node: JobNode) -> dict[str, Any]:
    children = [_tree(child) for child in node.children]
    return {"queue": node.job.queue_name, "id": node.job.id, "children": children}


def _sorted(tree: dict[str, Any]) -> dict[str, Any]:
    """Children have no order once they are stored."""
    children = sorted(map(_sorted, tree["children"]), key=lambda each: (each["queue"], each["id"]))
    return {**tree, "children": children}


def _scheduler(found: JobScheduler) -> dict[str, Any]:
    return {
        "key": found.id,
        "name": found.name,
        "next": found.next,
        "iterationCount": found.iteration_count,
        "every": found.every,
        "pattern": found.pattern,
        "tz": found.tz,
        "limit": found.limit,
        "startDate": found.start_date,
        "endDate": found.end_date,
        "offset": found.offset,
        "data": found.data,
        "options": {camel(name): value for name, value in found.options.items()},
    }


def _view(job: Job) -> dict[str, Any]:
    """What both sides read of a stored job."""
    return {
        "id": job.id,
        "name": job.name,
        "data": job.data,
        "progress": job.progress,
        "delay": job.delay,
        "priority": job.priority,
        "timestamp": job.timestamp,
        "attemptsMade": job.attempts_made,
        "attemptsStarted": job.attempts_started,
        "processedOn": job.processed_on,
        "finishedOn": job.finished_on,
        "processedBy": job.processed_by,
        "failedReason": job.failed_reason,
        "returnvalue": job.returnvalue,
        "stalledCounter": job.stalled_count,
        "deferredFailure": job.deferred_failure,
        "deduplicationId": job.deduplication_id,
        "parentKey": job.parent_key,
        "opts": job.opts,
    }
