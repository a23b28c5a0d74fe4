"""How much of a worker each of its queues gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InvalidOption
from ..keys import check_queue_name
from ..trip import Limiter

_WILD = "*?["


@dataclass(frozen=True)
class QueueShare:
    """One queue of a worker, or all queues of a pattern.

    Args:
        name: the queue's name; with ``*``, ``?`` or ``[...]`` every queue there is or will be
            whose name fits.
        concurrency: how many of its jobs run at once in this worker, within the worker's slots;
            None for no bound of its own.
        limiter: its own rate limit; else the worker's.
    """

    name: str
    concurrency: int | None = None
    limiter: Limiter | None = None

    def __post_init__(self) -> None:
        if not self.is_pattern:
            check_queue_name(self.name)
        most = self.concurrency
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
            raise InvalidOption(
                f"the concurrency of queue {self.name!r} is a whole number from 1, not {most!r}"
            )

    @property
    def is_pattern(self) -> bool:
        """Whether it stands for several queues."""
        return any(char in self.name for char in _WILD)

    def of(self, name: str) -> QueueShare:
        """The share of one queue that fits the pattern."""
        return QueueShare(name, self.concurrency, self.limiter)


def shares_of(queues: str | QueueShare | Sequence[str | QueueShare]) -> list[QueueShare]:
    """What was given to a worker, one share for each name.

    Raises:
        InvalidOption: none at all, or a concurrency that is none.
        InvalidQueueName: a name that cannot be part of a key.
    """
    given = [queues] if isinstance(queues, (str, QueueShare)) else list(queues)
    shares: dict[str, QueueShare] = {}
    for each in given:
        share = each if isinstance(each, QueueShare) else QueueShare(each)
        shares.setdefault(share.name, share)
    if not shares:
        raise InvalidOption("a worker needs at least one queue")
    return list(shares.values())


def parse_shares(text: str) -> list[QueueShare]:
    """Shares as the command line has them: ``email:5,reports:2,tenant-*``.

    Raises:
        As `shares_of`.
    """
    shares = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, colon, number = part.rpartition(":")
        if not colon:
            shares.append(QueueShare(part))
            continue
        if not number.isdigit():
            raise InvalidOption(
                f"-Q {part}: after the colon comes how many at once, not {number!r}"
            )
        shares.append(QueueShare(name, int(number)))
    return shares
