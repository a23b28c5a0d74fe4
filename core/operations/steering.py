"""Steering a whole queue: pause and resume (protocol part 1, section 8.1)."""

from __future__ import annotations

from ..calls import Call, Steps, operation, procedure
from ..scripts import script
from .base import QueueBase


class SteeringOperations(QueueBase):
    """Hold the queue, and let it go on."""

    @operation
    def pause(self) -> Call[None]:
        """No worker takes jobs of this queue from now on; running jobs go on (protocol 8.1)."""
        return script("pause").call(self.keys.base, [], lambda reply: None)

    @procedure
    def resume(self) -> Steps[None]:
        """Let workers take jobs again. Jobs of a paused 5.x queue are taken over and run first."""
        first, rest = "1", 1
        while rest > 0:
            rest = yield script("resume").call(self.keys.base, [first], int)
            first = ""
