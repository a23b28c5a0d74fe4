"""Which queue a name in a URL means."""

from __future__ import annotations

from bullrush.core import Queue
from bullrush.core.calls import Call, run
from bullrush.core.errors import InvalidQueueName

from ..binding import Binding


def find_queue(binding: Binding, name: str) -> Queue | None:
    """The queue of that name or alias.

    None when nobody has ever used it and the application does not name it.
    """
    aliases = binding.settings.queue_aliases
    queue = queue_named(binding, aliases.get(name, name))
    if queue is None or not (queue.name in aliases.values() or _exists(queue)):
        return None
    return queue


def queue_named(binding: Binding, name: str) -> Queue | None:
    """The queue of that name; None when no queue can have it.

    Another program may have written a key that only looks like one of a queue.
    """
    try:
        return binding.look_at(name)
    except InvalidQueueName:
        return None


def all_queues(binding: Binding) -> list[Queue]:
    """Every queue: those in Redis, and those that the application names.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    queues = (queue_named(binding, name) for name in binding.catalogue.names())
    return [queue for queue in queues if queue is not None]


def _exists(queue: Queue) -> bool:
    """Whether anybody has used the queue: every client writes its meta key first."""
    return run(queue.driver, Call(("EXISTS", queue.keys.meta), bool))
