"""Looking at jobs: lists by state, searches, one job and what it waits for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from werkzeug.exceptions import NotFound

from bullrush.core.calls import Batch, run
from bullrush.core.flow import FlowProducer
from bullrush.core.planting import JobNode
from bullrush.core.snapshot import take

from ..access.redaction import Redaction
from .models import Answer, JobId, Milliseconds, Name, Part, Query
from .routing import Asked, Routes
from .selection import Filter, Selection, State
from .shown import JobDetail, JobRow, detail_of, redaction_of, row_of
from .waiting import Reason, place_of, reasons

ROUTES = Routes()
#: Log rows that come with a job.
LOG_ROWS = 100


class JobsQuery(Query):
    """Which jobs are listed."""

    state: State = Field("waiting", description="where they are")
    start: int = Field(0, ge=0, le=2**31, description="the first position")
    count: int = Field(50, ge=1, le=200, description="how many are listed")
    order: Literal["first", "last"] = Field(
        "first", description="`first`: the next to run or the newest ended first; `last`: reversed"
    )
    id: JobId | None = None
    name: Name | None = Field(None, description="`*` stands for any text")
    search: Part | None = Field(None, description="in id, name, failed reason and data")
    fingerprint: str | None = Field(None, pattern=r"^[0-9a-f]{12}$")
    older_than: Milliseconds | None = None
    scan: int = Field(
        2000, ge=1, le=20_000, description="how many jobs are looked at for a filter, at most"
    )


class JobPage(Answer):
    """A page of jobs."""

    jobs: list[JobRow]
    total: int = Field(description="how many are in that state, with or without the filter")
    next: int | None = Field(description="`start` of the next page; null at the end")
    scanned: int


class LogQuery(Query):
    """Which log rows are shown."""

    start: int = Field(0, ge=0, le=2**31)
    count: int = Field(100, ge=1, le=1000)


class LogPage(Answer):
    """Log rows, oldest first."""

    logs: list[str]
    total: int


class Shown(Answer):
    """One job, and why it is where it is."""

    job: JobDetail
    why: list[Reason]
    children: dict[str, int] = Field(description="how many, by what became of them")


class FlowQuery(Query):
    """How much of a tree is shown."""

    depth: int = Field(10, ge=1, le=50)
    max_children: int = Field(50, ge=1, le=200)


class FlowNode(Answer):
    """A job in a tree of jobs. Its children run before it."""

    id: str
    name: str
    queue: str
    state: str
    attempts_made: int
    failed_reason: str | None
    timestamp: int
    processed_on: int | None
    finished_on: int | None
    children: list[FlowNode]


@ROUTES.get("/admin/queues/<path:queue>/jobs")
def list_jobs(asked: Asked, query: JobsQuery) -> JobPage:
    """Jobs of one state, page by page. A filter looks at a bounded number of them."""
    if query.id is not None:
        return _by_id(asked, query.id)
    total = asked.queue.get_job_counts(query.state)[query.state]
    wanted = Filter(query.name, query.search, query.fingerprint, None, query.older_than)
    selection = Selection(asked.binding, asked.queue, query.state, wanted)
    ended = query.state in ("completed", "failed")
    ascending = (query.order == "first") is not ended
    most = query.count if wanted.is_open else query.scan
    rows: list[JobRow] = []
    following = query.start
    for job in selection.scan(query.start, most, ascending=ascending):
        following += 1
        if job is not None:
            rows.append(row_of(asked.binding, job, query.state))
            if len(rows) == query.count:
                break
    return JobPage(
        jobs=rows,
        total=total,
        next=following if query.start < following < total else None,
        scanned=following - query.start,
    )


def _by_id(asked: Asked, job_id: str) -> JobPage:
    view = asked.queue.view(job_id)
    rows = [] if view.job is None else [row_of(asked.binding, view.job, view.state)]
    return JobPage(jobs=rows, total=len(rows), next=None, scanned=len(rows))


@ROUTES.get("/admin/queues/<path:queue>/jobs/<path:job_id>")
def show_job(asked: Asked) -> Shown:
    """One job with its data, options, attempts and log, and why it is where it is."""
    queue, job_id = asked.queue, asked.job_id
    view = queue.view(job_id)
    if view.job is None:
        raise NotFound(f"there is no job {job_id[:100]!r}")
    logs = queue.get_logs(job_id, -LOG_ROWS, -1)
    children = queue.get_dependencies_count(job_id)
    detail = detail_of(asked.binding, view.job, view.state, logs, queue.get_logs_count(job_id))
    (shot,) = take(queue.driver, queue.keys.prefix, [queue.name])
    why = reasons(view, shot, place_of(queue, view), children)
    return Shown(job=detail, why=why, children=children)


@ROUTES.get("/admin/queues/<path:queue>/jobs/<path:job_id>/logs")
def show_logs(asked: Asked, query: LogQuery) -> LogPage:
    """The log of a job."""
    last = query.start + query.count - 1
    rows = asked.queue.get_logs(asked.job_id, query.start, last)
    redaction = redaction_of(asked.binding)
    if not asked.binding.settings.show_job_data:
        rows = []
    return LogPage(
        logs=[redaction.text(row) for row in rows],
        total=asked.queue.get_logs_count(asked.job_id),
    )


@ROUTES.get("/admin/queues/<path:queue>/jobs/<path:job_id>/flow")
def show_flow(asked: Asked, query: FlowQuery) -> FlowNode:
    """The tree below a job."""
    binding, queue = asked.binding, asked.queue
    flows = FlowProducer(driver=binding.driver, prefix=binding.settings.prefix)
    tree = flows.get_flow(
        queue.name, asked.job_id, depth=query.depth, max_children=query.max_children
    )
    if tree is None:
        raise NotFound(f"there is no job {asked.job_id[:100]!r}")
    states = _states_of(asked, tree)
    return _node(tree, states, redaction_of(binding))


def _states_of(asked: Asked, tree: JobNode) -> dict[str, str]:
    """Where all jobs of a tree are, in one round trip."""
    nodes = [tree]
    for each in nodes:
        nodes += each.children
    calls = [asked.binding.look_at(each.job.queue_name).view_call(each.job.id) for each in nodes]
    views = run(asked.binding.driver, Batch(calls, list))
    return {node.key: view.state for node, view in zip(nodes, views, strict=True)}


def _node(node: JobNode, states: dict[str, str], redaction: Redaction) -> FlowNode:
    """Not deeper than a query may ask for."""
    job = node.job
    return FlowNode(
        id=job.id,
        name=job.name,
        queue=job.queue_name,
        state=states[node.key],
        attempts_made=job.attempts_made,
        failed_reason=None if job.failed_reason is None else redaction.text(job.failed_reason),
        timestamp=job.timestamp,
        processed_on=job.processed_on,
        finished_on=job.finished_on,
        children=[_node(child, states, redaction) for child in node.children],
    )
