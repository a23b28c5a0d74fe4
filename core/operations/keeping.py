"""Taking jobs away so that they can come back. All that is stored of them stays in Redis, byte for
byte, on a shelf: a private list of the queue that expires.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..calls import Argument, Call, operation
from ..checks import check_duration, check_kind, check_milliseconds, check_string, check_whole
from ..job import id_bytes, id_of
from ..keys import STATE_KEYS
from ..options import check_choice
from ..scripts import script
from .base import QueueBase

#: So many jobs go, or come back, in one script.
SHELVED_AT_ONCE = 100


@dataclass(frozen=True)
class TakenAway:
    """What came of `take_away`.

    Attributes:
        ids: of the jobs that went.
        size: bytes that are kept of them.
        full: the next one did not fit.
    """

    ids: list[str]
    size: int
    full: bool


@dataclass(frozen=True)
class Restored:
    """What came of `restore`.

    Attributes:
        ids: of the jobs that came back.
        taken: ids that are in use by now; those jobs stay as they are, and the kept ones are lost.
        left: how many are still on the shelf.
    """

    ids: list[str]
    taken: list[str]
    left: int


class KeepingOperations(QueueBase):
    """Take jobs away, and bring them back."""

    @operation
    def take_away(
        self,
        job_ids: Sequence[str],
        state: str,
        *,
        shelf: str,
        life: int,
        room: int,
        before: int | None = None,
        force: bool = False,
    ) -> Call[TakenAway]:
        """Take chosen jobs away if they are still in that state, and keep all that is stored of
        them. What that means for their parents is as for `clean`.

        Args:
            job_ids: at most 100, the next to run first.
            state: where they are.
            shelf: a name for what is kept together.
            life: ms for which it is kept.
            room: bytes that may be kept.
            before: Unix ms; jobs that finished (else were taken, else added) later stay.
            force: jobs that a worker holds, and the next runs of job schedulers, go too.

        Raises:
            InvalidOption: a state that does not exist, or a number out of range.
        """
        check_kind(job_ids, (list, tuple), "job_ids", "a list of ids")
        check_choice(state, tuple(STATE_KEYS), "job state")
        newest: Argument = "" if before is None else check_milliseconds(before, "before")
        check_whole(len(job_ids), "number of job_ids", 0, SHELVED_AT_ONCE)
        arguments: list[Argument] = [
            self.keys.shelf(check_string(shelf, "shelf")),
            check_duration(life, "life"),
            check_whole(room, "room"),
            STATE_KEYS[state],
            newest,
            "1" if force else "",
            *map(id_bytes, job_ids),
        ]

        def read(reply: list[Any]) -> TakenAway:
            ids, size, full = reply
            return TakenAway([id_of(each) for each in ids], size, full == 1)

        return script("take_away").call(self.keys.base, arguments, read)

    @operation
    def shelve_settings(self, *, shelf: str, life: int, paused: bool) -> Call[int]:
        """Keep what is set for the queue, and its job schedulers; nothing is taken away.

        Args:
            shelf: as for `take_away`.
            life: ms for which it is kept.
            paused: whether the queue is to come back paused.

        Returns:
            How many bytes are kept.
        """
        key = self.keys.shelf(check_string(shelf, "shelf"))
        arguments: list[Argument] = [key, check_duration(life, "life"), "1" if paused else ""]
        return script("save_queue").call(self.keys.base, arguments, int)

    @operation
    def restore(self, shelf: str, count: int = SHELVED_AT_ONCE) -> Call[Restored]:
        """Bring back what is on a shelf, with states, scores and logs. A job that was active waits.

        Args:
            shelf: its name.
            count: how many jobs at most.

        Raises:
            InvalidOption: `count` is out of range.
        """
        key = self.keys.shelf(check_string(shelf, "shelf"))
        most = check_whole(count, "count", 1, SHELVED_AT_ONCE)

        def read(reply: list[Any]) -> Restored:
            back, taken, left = reply
            return Restored([id_of(each) for each in back], [id_of(each) for each in taken], left)

        return script("restore").call(self.keys.base, [key, most], read)
