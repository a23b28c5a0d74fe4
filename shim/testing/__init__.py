"""Testing without waiting: a clock that a test moves, against the real scripts and workers."""

from .clock import VirtualClock
from .spans import seconds_of

__all__ = ["VirtualClock", "seconds_of"]
