"""The revoked tasks that one worker knows of."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bullrush.core.delivery import Delivery

from ..ids import task_id_of
from ..revocation import EXPIRES, MOST, Revocation, as_list
from .request import Request

if TYPE_CHECKING:
    from .remote import Remote


class Revoked:
    """Ids and stamps that must not run. The worker asks for none of its jobs until there is one.

    Args:
        remote: the worker.
    """

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        #: By id, the monotonic s until which it holds; the oldest first.
        self._ids: dict[str, float] = {}
        #: Stamp -> its values, as JSON so that lists can be among them.
        self._stamps: dict[str, set[str]] = {}

    def __contains__(self, task_id: object) -> bool:
        until = self._ids.get(task_id) if isinstance(task_id, str) else None
        return until is not None and until > time.monotonic()

    def __iter__(self) -> Iterator[str]:
        return iter([each for each in list(self._ids) if each in self])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def stamps(self) -> dict[str, list[Any]]:
        """Stamp -> its values."""
        return {
            name: sorted((json.loads(each) for each in values), key=repr)
            for name, values in self._stamps.items()
        }

    def load(self) -> None:
        """Learn what was revoked before.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        ids, rules = self._remote.app.revocations.stored.known()
        if ids:
            self.add(ids)
        for rule in rules:
            known = json.loads(rule)
            self.add_stamps({known["header"]: [known["value"]]})

    def add(self, ids: Iterable[str]) -> None:
        """These must not run."""
        until = time.monotonic() + EXPIRES
        for each in ids:
            self._ids.pop(each, None)
            self._ids[each] = until
        for oldest in list(self._ids)[: max(0, len(self._ids) - MOST)]:
            del self._ids[oldest]
        self._remote.worker.veto = self.objection

    def discard(self, task_id: str) -> None:
        """It may run after all; in this worker."""
        self._ids.pop(task_id, None)

    def add_stamps(self, headers: Mapping[str, Any]) -> None:
        """No task may run that has a stamp with one of these values."""
        for name, values in headers.items():
            known = self._stamps.setdefault(name, set())
            known.update(json.dumps(each, sort_keys=True, default=repr) for each in as_list(values))
        self._remote.worker.veto = self.objection

    def objection(self, delivery: Delivery) -> Revocation | None:
        """Why a delivery must not start."""
        if task_id_of(delivery.job.id) in self or (self._stamps and self.fits(delivery)):
            return Revocation("revoked")
        return None

    def fits(self, delivery: Delivery, wanted: Mapping[str, Any] | None = None) -> bool:
        """Whether a delivery has a stamp of these, or of all that are known here."""
        if b'"stamps"' not in (delivery.job.raw("data") or b""):
            return False
        given: Any = Request(self._remote.app, "", delivery).message.headers.get("stamps")
        if not isinstance(given, Mapping):
            return False
        known = self.stamps if wanted is None else wanted
        return any(
            value in as_list(values)
            for name, values in known.items()
            for value in as_list(given.get(name, []))
        )
