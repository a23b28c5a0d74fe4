"""The signals around the sending of a call; receivers of `before_task_publish` may change it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bullrush.core.calls import Call

from .. import signals
from ..message import Message
from ..utils.nodenames import anon_nodename
from ..utils.saferepr import saferepr

if TYPE_CHECKING:
    from .base import Celery

#: Parts of the ``celery`` object that go by the same name in Celery's headers.
_STORED = (
    "shadow",
    "eta",
    "expires",
    "group",
    "group_index",
    "timelimit",
    "root_id",
    "parent_id",
    "argsrepr",
    "kwargsrepr",
    "ignore_result",
    "replaced_task_nesting",
    "stamped_headers",
    "stamps",
)
_EMBEDDED = ("callbacks", "errbacks", "chain", "chord")


def is_heard(app: Celery) -> bool:
    """Whether anybody wants to know of calls."""
    return bool(
        app.conf.task_send_sent_event
        or signals.before_task_publish.receivers
        or signals.after_task_publish.receivers
        or signals.task_sent.receivers
    )


def sent_calls(app: Celery, publications: Iterable[Publication | None]) -> list[Call[Any]]:
    """What tells of these calls by events, if the settings say so; to be sent with them."""
    told = [each.event() for each in publications if each is not None]
    if not told or not app.conf.task_send_sent_event:
        return []
    dispatcher = app.events.sender()
    return list(dispatcher.calls([dispatcher.made("task-sent", each) for each in told]))


class Publication:
    """One call on its way to a queue.

    Args:
        name, task_id, queue: of the task, and where it goes.
        message: what is to be stored.
        job_options: BullMQ's options; the priority may be changed.
    """

    def __init__(
        self,
        app: Celery,
        name: str,
        task_id: str,
        queue: str,
        message: Message,
        job_options: dict[str, Any],
    ) -> None:
        self.app, self.name, self.task_id, self.queue = app, name, task_id, queue
        self.message, self.job_options = message, job_options
        self._body = (
            message.args,
            message.kwargs,
            {each: message.headers.get(each) for each in _EMBEDDED},
        )
        self._headers = self._celery_headers()

    def before(self) -> Message:
        """Tell of it, and give what the receivers made of the message."""
        given = dict(self._headers)
        properties = {
            "correlation_id": self.task_id,
            "reply_to": self.message.headers.get("reply_to"),
            "delivery_mode": 2,
            "priority": self.job_options.get("priority"),
            **self.message.headers.get("properties", {}),
        }
        before = dict(properties)
        signals.before_task_publish.send(
            sender=self.name,
            body=self._body,
            exchange="",
            routing_key=self.queue,
            declare=[self.app.amqp.queues[self.queue]],
            headers=self._headers,
            properties=properties,
            retry_policy=self.app.conf.get("task_publish_retry_policy"),
        )
        if properties["priority"] not in (None, before["priority"]):
            self.job_options["priority"] = properties["priority"]
        changed = {k: v for k, v in self._headers.items() if k not in given or given[k] != v}
        own = {k: v for k, v in properties.items() if k not in before or before[k] != v}
        own.pop("priority", None)
        self.message = _changed(self.message, changed, own)
        return self.message

    def after(self) -> None:
        """Tell that it is in its queue."""
        signals.after_task_publish.send(
            sender=self.name,
            body=self._body,
            exchange="",
            routing_key=self.queue,
            headers=self._headers,
        )
        signals.task_sent.send(
            sender=self.name,
            task_id=self.task_id,
            task=self.name,
            args=self.message.args,
            kwargs=self.message.kwargs,
            eta=self._headers.get("eta"),
            taskset=self._headers.get("group"),
        )

    def event(self) -> dict[str, Any]:
        """The fields of the event ``task-sent``."""
        headers = self._headers
        return {
            "uuid": self.task_id,
            "root_id": headers["root_id"],
            "parent_id": headers["parent_id"],
            "name": self.name,
            "args": headers["argsrepr"],
            "kwargs": headers["kwargsrepr"],
            "retries": headers["retries"],
            "eta": headers["eta"],
            "expires": headers["expires"],
            "queue": self.queue,
            "exchange": "",
            "routing_key": self.queue,
        }

    def _celery_headers(self) -> dict[str, Any]:
        message, stored = self.message, self.message.headers
        levels = self.app.conf.task_repr_maxlevels
        return {
            "lang": "py",
            "task": self.name,
            "id": self.task_id,
            "retries": 0,
            "origin": anon_nodename(),
            **{each: stored.get(each) for each in _STORED},
            "timelimit": stored.get("timelimit") or [None, None],
            "root_id": stored.get("root_id") or self.task_id,
            "argsrepr": stored.get("argsrepr") or saferepr(message.args, 1024, levels),
            "kwargsrepr": stored.get("kwargsrepr") or saferepr(message.kwargs, 1024, levels),
            **(stored.get("headers") or {}),
        }


def _changed(
    message: Message, changed: Mapping[str, Any], properties: Mapping[str, Any]
) -> Message:
    if not changed and not properties:
        return message
    stored = dict(message.headers)
    custom = dict(stored.get("headers") or {})
    for name, value in changed.items():
        if name in _STORED:
            stored[name] = value
        elif name == "headers" and isinstance(value, Mapping):
            custom.update(value)
        else:
            custom[name] = value
    if custom:
        stored["headers"] = custom
    if properties:
        stored["properties"] = {**stored.get("properties", {}), **properties}
    return replace(message, headers=stored)
