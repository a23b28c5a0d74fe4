"""``app.amqp``: the queues of the settings as kombu's objects, and the router."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import kombu

from bullrush.exceptions import ImproperlyConfigured, QueueNotFound

from ..matching import topic_matches

if TYPE_CHECKING:
    from .base import Celery

#: kombu says nothing of its types.
_kombu: Any = kombu
Exchange, Queue = _kombu.Exchange, _kombu.Queue
logger = logging.getLogger("bullrush.app.amqp")
#: Arguments of a queue that only other brokers know.
_IGNORED = ("max_length", "max_length_bytes", "expires", "message_ttl")
#: The settings that queues are made of.
_OF_QUEUES = (
    "task_queues",
    "task_default_queue",
    "task_default_exchange",
    "task_default_exchange_type",
    "task_default_routing_key",
    "task_create_missing_queues",
    "task_queue_max_priority",
)


class Queues(dict[str, Any]):
    """Queues by name, as kombu's `Queue`; an unknown name makes one, unless that is forbidden.

    Attributes:
        aliases: the same by ``Queue(alias=...)``.
        create_missing: whether an unknown name makes a queue.
    """

    def __init__(
        self,
        queues: Any = None,
        default_exchange: Any = None,
        create_missing: bool = True,
        max_priority: int | None = None,
        default_routing_key: str | None = None,
        **others: Any,
    ) -> None:
        super().__init__()
        self.aliases: dict[str, Any] = {}
        self.default_exchange = default_exchange
        self.default_routing_key = default_routing_key
        self.create_missing, self.max_priority = create_missing, max_priority
        for queue in _listed(queues):
            self.add(queue)
        # What comes later is a place to send to; `select_add` has it consumed as well.
        self._consume_from: dict[str, Any] = dict(self)

    def __missing__(self, name: str) -> Any:
        found = self.aliases.get(name)
        if found is not None:
            return found
        if not self.create_missing:
            raise QueueNotFound(f"Queue {name!r} missing from task_queues")
        return self.add(self.new_missing(name))

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self.aliases

    def add(self, queue: Any, **arguments: Any) -> Any:
        """Add a queue: kombu's, or a name with ``exchange``, ``exchange_type``, ``routing_key``.
        Workers do not consume it for that, see `select_add`.

        Raises:
            ImproperlyConfigured: its exchange is of a kind that is not here.
        """
        if not isinstance(queue, Queue):
            queue = self._made(queue, arguments)
        if queue.exchange is None or not queue.exchange.name:
            queue.exchange = self.default_exchange
        if not queue.routing_key:
            queue.routing_key = self.default_routing_key or queue.name
        if self.max_priority is not None:
            queue.queue_arguments = {
                "x-max-priority": self.max_priority,
                **(queue.queue_arguments or {}),
            }
        _check(queue)
        self[queue.name] = queue
        if getattr(queue, "alias", None):
            self.aliases[queue.alias] = queue
        return queue

    def add_missing(self, name: str) -> Any:
        """Add a queue of that name with Celery's usual exchange."""
        return self.add(self.new_missing(name))

    def new_missing(self, name: str) -> Any:
        """The queue that an unknown name makes."""
        return Queue(name, Exchange(name, type="direct"), routing_key=name)

    def select(self, include: str | Iterable[str]) -> None:
        """Consume only these; unknown ones are made."""
        if include:
            self._consume_from = {
                name: self[name] for name in ([include] if isinstance(include, str) else include)
            }

    def select_add(self, queue: Any, **arguments: Any) -> Any:
        """Add a queue and consume it as well."""
        added = self.add(queue, **arguments)
        self._consume_from[added.name] = added
        return added

    def deselect(self, exclude: str | Iterable[str]) -> None:
        """Consume all but these."""
        gone = [exclude] if isinstance(exclude, str) else list(exclude)
        self._consume_from = {k: v for k, v in self._consume_from.items() if k not in gone}

    @property
    def consume_from(self) -> dict[str, Any]:
        """The queues that a worker of this process consumes."""
        return self._consume_from

    def format(self, indent: int = 0, indent_first: bool = True) -> str:
        """The queues in words."""
        lines = [
            f".> {name:<16} exchange={queue.exchange.name}({queue.exchange.type}) "
            f"key={queue.routing_key}"
            for name, queue in sorted(self.consume_from.items())
        ]
        text = f"\n{' ' * indent}".join(lines)
        return " " * indent + text if indent_first else text

    def bound(self, exchange: str, key: str) -> list[str]:
        """Names of the queues that a message to an exchange with that routing key goes to."""
        if not exchange:
            return [key]
        names = [
            queue.name
            for queue in self.values()
            for where, pattern in _bindings(queue)
            if where.name == exchange and _matches(where.type, pattern, key)
        ]
        return list(dict.fromkeys(names))

    def _made(self, name: str, arguments: dict[str, Any]) -> Any:
        own = dict(arguments)
        exchange = own.pop("exchange", None)
        kind = own.pop("exchange_type", None)
        key = own.pop("routing_key", None) or own.pop("binding_key", None)
        own.pop("binding_key", None)
        if isinstance(exchange, str) or (exchange is None and kind):
            default = self.default_exchange.name if self.default_exchange else name
            exchange = Exchange(exchange or default, type=kind or "direct")
        return Queue(name, exchange or self.default_exchange, routing_key=key, **own)


class AMQP:
    """The queues and the router of an application.

    Attributes:
        router: says where a task goes.
    """

    def __init__(self, app: Celery) -> None:
        self.app = app
        #: The queues, and the settings that they were made of.
        self._made: tuple[Any, Queues] | None = None

    @property
    def queues(self) -> Queues:
        """The queues of ``task_queues``; of a bare application, the default one.

        Raises:
            ImproperlyConfigured: one of them is of a kind that is not here.
        """
        # Another setting that changes must not undo what was selected or added.
        asked = [self.app.conf[name] for name in _OF_QUEUES]
        if self._made is None or self._made[0] != asked:
            self._made = (asked, self.Queues(self.app.conf.task_queues))
        return self._made[1]

    @queues.setter
    def queues(self, queues: Any) -> None:
        self._made = ([self.app.conf[name] for name in _OF_QUEUES], self.Queues(queues))

    def Queues(self, queues: Any, create_missing: bool | None = None) -> Queues:
        """A mapping of queues with the defaults of the settings."""
        conf = self.app.conf
        missing = conf.task_create_missing_queues if create_missing is None else create_missing
        if not queues and conf.task_default_queue:
            queues = [self._default()]
        return Queues(
            queues, self.default_exchange, missing, conf.task_queue_max_priority,
            conf.task_default_routing_key,
        )  # fmt: skip

    @property
    def default_exchange(self) -> Any:
        """The exchange of queues that name none."""
        conf = self.app.conf
        return Exchange(conf.task_default_exchange, type=conf.task_default_exchange_type)

    @property
    def default_queue(self) -> Any:
        """The queue of tasks that name none."""
        return self.queues[self.app.conf.task_default_queue]

    @property
    def router(self) -> Router:
        """Says where a task goes."""
        return Router(self.app)

    def flush_routes(self) -> None:
        """Look at ``task_routes`` anew, after a change inside of it."""
        self.app.templates.clear()

    def _default(self) -> Any:
        conf = self.app.conf
        return Queue(
            conf.task_default_queue,
            self.default_exchange,
            routing_key=conf.task_default_routing_key,
        )


class Router:
    """Says where a task goes; see `bullrush.app.routes`."""

    def __init__(self, app: Celery) -> None:
        self.app = app

    def route(
        self,
        options: Mapping[str, Any],
        name: str,
        args: Any = (),
        kwargs: Any = None,
        task_type: Any = None,
    ) -> dict[str, Any]:
        """The options with those of the route beneath, and ``queue`` as kombu's object.

        Raises:
            QueueNotFound: the queue is unknown and may not be made.
        """
        merged = self.app.routed(options, name, args, kwargs or {}, task_type)
        names = self.app.queues_for(merged)
        return {**merged, "queue": self.app.amqp.queues[names[0]]}

    def lookup_route(
        self, name: str, args: Any = None, kwargs: Any = None, options: Any = None,
        task_type: Any = None,
    ) -> dict[str, Any]:  # fmt: skip
        """What the routes alone say of a task."""
        return self.app.routed({}, name, args, kwargs, task_type)


def _listed(queues: Any) -> Iterator[Any]:
    if isinstance(queues, Mapping):
        for name, queue in queues.items():
            yield _OfDict(name, queue) if isinstance(queue, Mapping) else queue
    else:
        yield from queues or ()


def _OfDict(name: str, fields: Mapping[str, Any]) -> Any:
    own = dict(fields)
    kind, exchange = own.pop("exchange_type", "direct"), own.pop("exchange", None)
    key = own.pop("routing_key", None) or own.pop("binding_key", None)
    own.pop("binding_key", None)
    made = Exchange(exchange, type=kind) if isinstance(exchange, str) else exchange
    return Queue(name, made, routing_key=key, **own)


def _bindings(queue: Any) -> Iterator[tuple[Any, str]]:
    for each in queue.bindings or ():
        yield each.exchange or queue.exchange, each.routing_key
    if queue.exchange is not None:
        yield queue.exchange, queue.routing_key


def _matches(kind: str, pattern: str, key: str) -> bool:
    return topic_matches(pattern, key) if kind == "topic" else pattern == key


def _check(queue: Any) -> None:
    for exchange, _ in _bindings(queue):
        if exchange is not None and exchange.type not in ("direct", "topic"):
            raise ImproperlyConfigured(
                f"the queue {queue.name!r} has an exchange of type {exchange.type!r}, which is not "
                "here: a message for every worker is app.control.broadcast()"
            )
    told = [name for name in _IGNORED if getattr(queue, name, None) is not None]
    if told:
        logger.warning(
            "the queue %r asks for %s, which mean something to other brokers only",
            queue.name, ", ".join(told),
        )  # fmt: skip
