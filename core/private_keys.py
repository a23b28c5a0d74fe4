"""Keys of ours that belong to no queue."""

from __future__ import annotations

from dataclasses import dataclass

from .keys import QueueKeys


@dataclass(frozen=True)
class FleetKeys:
    """The private keys by which all workers of a project are spoken to. They belong to no queue.

    Args:
        prefix: as `QueueKeys`.
        name: tells fleets with the same prefix apart.
    """

    prefix: str
    name: str

    def _key(self, part: str) -> str:
        return f"{self.prefix}::bullrush::{self.name}:{part}"

    @property
    def commands(self) -> str:
        """A stream: what is said to all workers."""
        return self._key("commands")

    def answers(self, ticket: str) -> str:
        """A list: the answers to one command."""
        return self._key(f"answers:{ticket}")

    @property
    def revoked(self) -> str:
        """A sorted set: ids that must not run, by the Unix ms until which that holds."""
        return self._key("revoked")

    @property
    def rules(self) -> str:
        """A sorted set: rules by which jobs must not run, as `revoked`."""
        return self._key("rules")

    @property
    def untold(self) -> str:
        """A list: jobs that were failed while they waited, and that no worker has told of."""
        return self._key("untold")

    @property
    def events(self) -> str:
        """A stream: what workers tell of their jobs, when they are asked to."""
        return self._key("events")


def strays_of(prefix: str) -> QueueKeys:
    """Keys like those of a queue, for results that belong to no job: a private stream of events
    tells that one was stored.
    """
    return QueueKeys("strays", f"{prefix}::bullrush")
