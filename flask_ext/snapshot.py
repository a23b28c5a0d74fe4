"""How every queue stands, in two round trips; see `bullrush.core.snapshot`."""

from bullrush.core.snapshot import QueueSnapshot, take

__all__ = ["QueueSnapshot", "take"]
