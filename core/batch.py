"""Several deliveries that a handler gets at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .delivery import Delivery
from .errors import InvalidBatchAnswer, InvalidOption


@dataclass(frozen=True)
class Batching:
    """How a worker gathers a batch. A batch that gathers keeps a slot free for itself.

    Args:
        size: it is full with that many.
        max_wait: s that its first delivery waits for others. It is less when the pool has no slot
            left for other jobs.
        key: only deliveries of one queue with the same key come together.

    Raises:
        InvalidOption: a size below 1, or a negative time.
    """

    size: int
    max_wait: float = 0.2
    key: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 1:
            raise InvalidOption(f"the size of a batch is a whole number from 1, not {self.size!r}")
        wait = self.max_wait
        if isinstance(wait, bool) or not isinstance(wait, (int, float)) or not 0 <= wait < 3600:
            raise InvalidOption(f"max_wait is a time in s from 0 to 3600, not {wait!r}")


#: Says of a delivery whether it is to be gathered; None for: it is given to the handler alone.
BatchingOf: TypeAlias = Callable[[Delivery], Batching | None]


class BatchDelivery(Delivery):
    """What a handler with `batching` gets: `items`, a list of deliveries.

    The handler returns a list with one answer for each item, in their order: a value, an outcome,
    or an exception, which fails (or retries) that item alone. None stands for None of each. What it
    raises counts for every item.

    Attributes:
        members: all deliveries.
        items: those that the handler gets; what is no JSON has failed before.
        refused: why the others are not among them.
    """

    __slots__ = ("items", "members", "refused")

    def __init__(self, members: Sequence[Delivery]) -> None:
        first = members[0]
        super().__init__(first.job, first.queue, first.token, first.worker_name)
        self.members = self.items = list(members)
        self.refused: dict[Delivery, str] = {}
        for each in members:
            each.batch = self

    def __repr__(self) -> str:
        return f"<BatchDelivery of {len(self.members)} jobs of {self.job.queue_name}>"

    def check(self, objection: Callable[[Delivery], str | None]) -> None:
        """Keep only the items to which nobody objects."""
        reasons = {each: objection(each) for each in self.members}
        self.items = [each for each, reason in reasons.items() if reason is None]
        self.refused = {each: reason for each, reason in reasons.items() if reason is not None}


def check_answers(answers: Any, count: int) -> Sequence[Any]:
    """The answers of a batch handler, one for each item.

    Raises:
        InvalidBatchAnswer: it is no list of that length.
    """
    if answers is None:
        return [None] * count
    if not isinstance(answers, (list, tuple)):
        kind = type(answers).__name__
        raise InvalidBatchAnswer(
            f"a batch handler returns a list with an answer for each of its {count} items, or "
            f"None; this one returned {kind}"
        )
    if len(answers) != count:
        raise InvalidBatchAnswer(
            f"a batch handler returns an answer for each item: there were {count} items and "
            f"{len(answers)} answers"
        )
    return answers
