"""What many processes count together: budgets that come back with time, and sums of a period."""

from __future__ import annotations

from dataclasses import dataclass

from .calls import Call
from .scripts import script


def budget(key: str, most: int, each: int, *, take: bool) -> Call[int]:
    """The call that takes one from a budget; ms until there is one, 0 when it was taken.

    Args:
        key: where it is kept, for as long as it is not whole.
        most: how much there is at most.
        each: ms until one more is there.
        take: False only asks.
    """
    return script("take_budget").call(key, [most, each, "1" if take else ""], int)


@dataclass(frozen=True)
class Tally:
    """Counts by names, summed up for each period.

    Args:
        open: key of the hash that counts.
        closed: key of the stream of sums: ``at`` (Unix ms, when the period began), ``name``,
            ``count``.
        period: ms.
        names: so many are told apart in a period; further ones are ``others``.
        entries: about so many sums are kept.
        keep: ms for which they are kept.
    """

    open: str
    closed: str
    period: int
    names: int
    entries: int
    keep: int

    def count(self, name: str, count: int = 1) -> Call[int]:
        """The call that counts.

        Args:
            name: not empty.
        """
        return self._call(name, count)

    def close(self) -> Call[int]:
        """The call that writes down what was counted so far."""
        return self._call("", 0)

    def _call(self, name: str, count: int) -> Call[int]:
        limits = [self.period, self.names, self.entries, self.keep]
        return script("tally").call_on([self.open, self.closed], [*limits, name, count], int)
