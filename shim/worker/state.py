"""What the workers of this process are at: `celery.worker.state`."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..version import release

if TYPE_CHECKING:
    from .remote import Remote
    from .request import Request

#: How events and `inspect` name this software.
SOFTWARE_INFO: dict[str, Any] = {
    "sw_ident": "py-bullrush",
    "sw_ver": release(),
    "sw_sys": platform.system(),
}

#: The workers that run in this process.
workers: list[Remote] = []


class _Requests:
    """A set that is looked up when it is used."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __iter__(self) -> Iterator[Request]:
        for worker in list(workers):
            yield from getattr(worker, self._kind)()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, request: object) -> bool:
        wanted = getattr(request, "id", request)
        return any(each.id == wanted for each in self)

    def __repr__(self) -> str:
        return repr(list(self))


#: Tasks that run.
active_requests = _Requests("active")
#: Tasks in the workers' hands, whether they run or wait for a slot.
reserved_requests = _Requests("requests")


class _Revoked:
    """The ids that must not run in any worker of this process."""

    def __iter__(self) -> Iterator[str]:
        return iter({each for worker in list(workers) for each in worker.revoked})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, task_id: object) -> bool:
        return any(task_id in worker.revoked for worker in list(workers))

    def add(self, task_id: str) -> None:
        """It must not run from now on."""
        self.update([task_id])

    def update(self, ids: Any) -> None:
        """None of these must run from now on."""
        for worker in list(workers):
            worker.revoked.add(ids)

    def discard(self, task_id: str) -> None:
        """It may run after all."""
        for worker in list(workers):
            worker.revoked.discard(task_id)


revoked = _Revoked()


def __getattr__(name: str) -> Any:
    if name == "requests":
        return {each.id: each for each in reserved_requests}
    if name == "total_count":
        return sum((Counter(each.total) for each in list(workers)), Counter())
    if name == "all_total_count":
        return [sum(sum(each.total.values()) for each in list(workers))]
    if name == "revoked_stamps":
        return {key: value for each in list(workers) for key, value in each.revoked.stamps.items()}
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def task_reserved(request: Any) -> None:
    """Called by Celery's own consumer; here the sets follow the worker by themselves."""


def task_accepted(request: Any) -> None:
    """As `task_reserved`."""


def task_ready(request: Any) -> None:
    """As `task_reserved`."""


def reset_state() -> None:
    """As `task_reserved`; for tests of Celery's users."""
