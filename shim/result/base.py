"""What all results have."""

from __future__ import annotations

from typing import Any


class ResultBase:
    """Base of all results.

    Attributes:
        parent: the result of the step before, in a chain or a chord.
    """

    parent: ResultBase | None = None
    #: Whether it ran in its caller, since Redis was away: ``on_broker_down="inline"``.
    ran_inline = False
    id: Any

    def __json__(self) -> Any:
        """A task that returns a result returns its plain data."""
        return self.as_tuple()

    def forget(self) -> None:
        """Take away what is stored."""
        raise NotImplementedError

    def as_tuple(self) -> tuple[Any, Any]:
        """The result as plain data; see `result_from_tuple`."""
        raise NotImplementedError
