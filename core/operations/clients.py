"""Who is connected for a queue, by the names in CLIENT LIST (protocol part 1, sections 9.3 and
10.1).
"""

from __future__ import annotations

from collections.abc import Callable

from ..calls import Call, operation
from .base import QueueBase


class ClientOperations(QueueBase):
    """List workers and readers of events, Node's and Python's."""

    @operation
    def get_workers(self) -> Call[list[dict[str, str]]]:
        """The workers of this queue as CLIENT LIST has them: ``name``, ``id``, ``addr``, ``age``
        and more. A worker that serves several queues is listed once in each.
        """
        return self._clients(self._is_worker)

    @operation
    def get_workers_count(self) -> Call[int]:
        """How many workers this queue has."""
        call = self._clients(self._is_worker)
        return Call(call.command, lambda reply: len(call.read(reply)))

    @operation
    def get_queue_events(self) -> Call[list[dict[str, str]]]:
        """The readers of this queue's events that gave themselves the name Node uses."""
        return self._clients(lambda name: name == self.keys.events_client_name())

    def _clients(self, wanted: Callable[[str], bool]) -> Call[list[dict[str, str]]]:
        def read(reply: bytes) -> list[dict[str, str]]:
            clients = (
                dict(pair.split("=", 1) for pair in line.split(" ") if "=" in pair)
                for line in reply.decode("utf-8", "replace").splitlines()
            )
            return [client for client in clients if wanted(client.get("name", ""))]

        return Call(("CLIENT", "LIST"), read)

    def _is_worker(self, client_name: str) -> bool:
        plain = self.keys.client_name()
        return client_name == plain or client_name.startswith(f"{plain}:w:")
