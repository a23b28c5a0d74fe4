"""Who may act, of several processes of which one shall: the text that says so, see `turns`."""

from __future__ import annotations

from dataclasses import dataclass

#: The record that has all leases of a queue, a field for each.
LEASES = "leases"


@dataclass(frozen=True)
class Lease:
    """A turn that ends by itself.

    Attributes:
        holder: whose it is.
        until: Unix ms at which it ends.
        acquired: Unix ms since which the holder has it.
        renewals: how often it was made longer since.
    """

    holder: str
    until: int
    acquired: int
    renewals: int = 0

    def text(self) -> str:
        """As it is stored."""
        return f"{self.holder} {self.until} {self.acquired} {self.renewals}"


def read_lease(text: str) -> Lease | None:
    """A stored lease; None for none, or for text that is no lease."""
    parts = text.rsplit(" ", 3)
    if len(parts) != 4 or not all(part.isdecimal() for part in parts[1:]):
        return None
    return Lease(parts[0], *map(int, parts[1:]))
