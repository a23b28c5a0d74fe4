"""Where a call goes: its own options, the routes of the settings, the queues of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bullrush.exceptions import ImproperlyConfigured, QueueNotFound

from ..utils.nodenames import worker_direct
from .routes import is_static, queues_named, route
from .settings import Settings

if TYPE_CHECKING:
    from .amqp import AMQP


class Routing:
    """The part of `Celery` that knows queues by name."""

    conf: Settings

    @cached_property
    def amqp(self) -> AMQP:
        """The queues and the router as kombu's objects."""
        made: AMQP = import_module(".amqp", __package__).AMQP(
            self
        )  # kombu's classes are slow to load
        return made

    def routed(
        self, options: Mapping[str, Any], name: str, args: Any, kwargs: Any, task: Any = None
    ) -> dict[str, Any]:
        """The options of a call with those of its route beneath."""
        own = {key: value for key, value in options.items() if value is not None}
        routes = self.conf.task_routes
        if not routes:
            return own
        found = route(routes, name, args, kwargs, own, task)
        if "exchange" in own and "routing_key" in own:
            found.pop("queue", None)  # the call says by other words where it goes
        return {**found, **own}

    def queues_for(self, options: Mapping[str, Any]) -> list[str]:
        """The names of the queues that a call with these options goes to; more than one only by the
        patterns of a topic exchange.

        Raises:
            QueueNotFound: there is none, or it is unknown and may not be made.
        """
        queue, exchange = options.get("queue"), options.get("exchange")
        key = options.get("routing_key")
        if queue is None and exchange is not None and key is not None:
            name = getattr(exchange, "name", exchange)
            found = self.amqp.queues.bound(name, key)
            if not found:
                raise QueueNotFound(
                    f"no queue of task_queues is bound to the exchange {name!r} by {key!r}"
                )
            return found
        wanted = getattr(queue, "name", queue) or self.conf.task_default_queue
        if self.conf.task_queues or not self.conf.task_create_missing_queues:
            wanted = self.amqp.queues[wanted].name
        return [wanted]

    def consumed_queues(self) -> list[str]:
        """What a worker consumes that was told nothing: ``task_queues``, else the default queue."""
        if self.conf.task_queues or "amqp" in self.__dict__:
            return list(self.amqp.queues.consume_from)
        return [self.conf.task_default_queue]

    def worker_queues(self, queues: Any, nodename: str) -> list[Any]:
        """What a worker consumes.

        Args:
            queues: names, or shares of queues, that it was told; none for `consumed_queues`.

        Raises:
            ImproperlyConfigured: a queue is none of ``task_queues``, and no others may be made.
        """
        found = [queues] if isinstance(queues, str) else list(queues or self.consumed_queues())
        if not self.conf.task_create_missing_queues:
            known = self.amqp.queues
            for each in found:
                name = getattr(each, "name", each)
                if name not in known and "*" not in name:
                    raise ImproperlyConfigured(
                        f"-Q {name}: no queue of that name in task_queues, and "
                        "task_create_missing_queues is off"
                    )
        if self.conf.worker_direct:
            found.append(worker_direct(nodename))
        return found

    def select_queues(self, queues: Any = None) -> None:
        """Have the workers of this process consume only these queues."""
        self.amqp.queues.select(queues)

    def routes_are_static(self) -> bool:
        """Whether the route of a task depends on its name alone."""
        return is_static(self.conf.task_routes)

    def _named_queues(self) -> list[str]:
        """The queues that the settings name."""
        conf = self.conf
        names = [conf.task_default_queue, *queues_named(conf.task_routes)]
        if conf.task_queues:
            names.extend(self.amqp.queues)
        return names
