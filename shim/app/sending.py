"""A call on its way to its queue: checked, with what is stored for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bullrush.core import Queue
from bullrush.core.calls import Batch, run
from bullrush.core.errors import BullrushError, JobTooLarge
from bullrush.core.new_job import NewJob
from bullrush.core.nodes import Node
from bullrush.core.telemetry import hooks

from ..ids import job_id_of, uuid
from ..local import running
from ..message import Message
from .announcing import Publication, is_heard, sent_calls
from .arguments import checked_args, checked_kwargs
from .headers import (
    defaults_of,
    from_parent,
    headers_of,
    ignores_result,
    job_options_of,
    queue_name,
)
from .publishing import publish
from .task import Task

if TYPE_CHECKING:
    from .base import Celery

__all__ = [
    "Prepared",
    "defaults_of",
    "headers_of",
    "job_options_of",
    "prepare_call",
    "queue_name",
    "send_by_policy",
    "send_prepared",
]


@dataclass(slots=True)
class Prepared:
    """A call that is ready to be sent."""

    job: NewJob
    queue: Queue
    task_id: str
    ignored: bool
    #: What tells the receivers of signals afterwards; None when there is nobody.
    publication: Publication | None = None
    #: The other queues, when a topic exchange has several that match.
    more: tuple[Queue, ...] = ()


def prepare_call(
    app: Celery,
    name: str,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    task: Task | None,
    options: Mapping[str, Any],
    *,
    renew: bool = True,
    headers: Mapping[str, Any] | None = None,
) -> Prepared:
    """The job of a call. Options as `Task.apply_async`.

    Args:
        renew: whether a finished job of the same id makes way.
        headers: more of them.

    Raises:
        TypeError: args is no list or tuple, or kwargs no mapping.
        InvalidOption: an option that is none, or no value of its kind.
        QueueNotFound: there is no such queue, and none may be made.
        EncodeError: an argument that the serializer cannot hold.
    """
    given, named = checked_args(args), checked_kwargs(kwargs)
    plain = not options and headers is None and renew and hooks.adding is None
    if plain and task is not None and not running.get():
        template = app.templates.of(task)
        if template is not None and not is_heard(app):
            job = template.job(given, named)
            if app.conf.max_payload_bytes:
                check_payload(job, app.conf.max_payload_bytes)
            return Prepared(job, app.queue(template.queue), job.id, template.ignored)
    own = {key: value for key, value in options.items() if value is not None}
    from_parent(app, own)
    merged = _routed(app, task, name, given, named, own)
    first, *others = [app.queue(each) for each in app.queues_for(merged)]
    task_id = str(merged.get("task_id") or uuid())
    stored = headers_of(app, task, merged, own, task_id)
    if headers:
        stored.update(headers)
    message = task.message(given, named, stored) if task else Message(given, named, stored)
    job_options = job_options_of(app, task, merged, stored)
    job_options["job_id"] = job_id_of(task_id)
    publication = None
    if is_heard(app):
        publication = Publication(app, name, task_id, first.name, message, job_options)
        message = publication.before()
    conf = app.conf
    data = message.encode(
        merged.get("serializer") or conf.task_serializer,
        merged.get("compression") or conf.task_compression,
    )
    job = first.prepare(name, data, job_options, renew=renew)
    if conf.max_payload_bytes:
        check_payload(job, conf.max_payload_bytes)
    ignored = ignores_result(app, merged)
    return Prepared(job, first, task_id, ignored, publication, tuple(others))


def queue_for(
    app: Celery,
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    task: Task | None,
    options: Mapping[str, Any],
) -> str:
    """The name of the first queue that a call goes to. Arguments as `prepare_call`."""
    own = {key: value for key, value in options.items() if value is not None}
    merged = _routed(app, task, name, tuple(args), dict(kwargs), own)
    return str(app.queues_for(merged)[0])


def check_payload(job: NewJob, limit: int) -> None:
    """Refuse a call whose data have more bytes than ``max_payload_bytes``.

    Raises:
        JobTooLarge: says what to do instead.
    """
    size = len(job.data.encode())
    if size > limit:
        raise JobTooLarge(
            f"the data of {job.name} have {size} bytes, more than max_payload_bytes={limit}; "
            "store them elsewhere and send where they are"
        )


def send_prepared(app: Celery, prepared: Prepared, options: Mapping[str, Any]) -> None:
    """Write it to Redis.

    Args:
        options: of the call; it may have `retry` and `retry_policy`.

    Raises:
        OperationalError: Redis did not answer.
    """
    queue, conf = prepared.queue, app.conf
    call: Any = queue.send_jobs([prepared.job], lambda jobs: jobs[0])
    if prepared.more or prepared.publication is not None:
        more = [each.send_jobs([prepared.job], lambda jobs: jobs[0]) for each in prepared.more]
        call = Batch([call, *more, *sent_calls(app, [prepared.publication])], list)
    retry = options.get("retry")
    publish(
        lambda: run(queue.driver, call),
        conf.task_publish_retry if retry is None else retry,
        options.get("retry_policy"),
        conf.task_publish_retry_policy,
    )
    if prepared.publication is not None:
        prepared.publication.after()


def send_by_policy(
    app: Celery, policy: str, prepared: Sequence[Prepared], nodes: Sequence[Node] | None = None
) -> BullrushError | None:
    """Write calls to Redis, all or none; while it is away, what `on_broker_down` says becomes of
    them.

    Args:
        policy: ``inline`` or ``spool``.
        nodes: their jobs, when some have parents.

    Returns:
        The error, when the caller is to run them.

    Raises:
        As `Outage.send`.
    """
    if nodes is None:
        nodes = [
            Node(each.job, queue.keys) for each in prepared for queue in (each.queue, *each.more)
        ]
    told = [each.publication for each in prepared if each.publication is not None]

    def added(_: list[str]) -> None:
        for each in told:
            each.after()

    return app.outage.send(policy, nodes, sent_calls(app, told), added)


def _routed(
    app: Celery,
    task: Task | None,
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    own: dict[str, Any],
) -> dict[str, Any]:
    """The options of the call, over those of the task, over those of the route."""
    everything = {**defaults_of(task), **own}
    name, task_type = everything.pop("route_name", name), everything.pop("task_type", task)
    router = everything.pop("router", None)
    if router is None:
        return app.routed(everything, name, args, kwargs, task_type)
    return dict(router.route(everything, name, args, kwargs, task_type))
