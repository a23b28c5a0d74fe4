"""Who does the work: our workers by what they say, all others by their connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response

from bullrush.core import Queue
from bullrush.core.calls import Call, run
from bullrush.core.clock import now_ms
from bullrush.core.errors import ServerError
from bullrush.core.snapshot import QueueSnapshot
from bullrush.core.workers import WorkerRecord

from ..access.guarding import needs
from ..access.roles import Role
from ..binding import current_binding
from .board import current_board
from .page import page


@dataclass(frozen=True)
class OtherWorker:
    """A worker that is not ours, such as one of Node.

    Args:
        queue: that it serves.
        name: may be empty.
        address: where its connection comes from.
        age: s for which it has been connected.
    """

    queue: str
    name: str
    address: str
    age: int


@needs(Role.READ)
def workers() -> Response:
    """All workers of all queues."""
    queues = current_board().collector.current().queues
    ours = {each.id: each for queue in queues for each in queue.workers}
    ordered = sorted(ours.values(), key=lambda each: (each.host, each.pid, each.started))
    others = other_workers(queues)
    without = [each for each in queues if _lacks_workers(each)]
    without.sort(key=lambda each: (-(each.oldest_waiting or 0), each.name))
    return page(
        "workers.html", "Workers", workers=ordered, others=others, without=without, now=now_ms()
    )


def _lacks_workers(queue: QueueSnapshot) -> bool:
    """Whether it has jobs and nobody who takes them."""
    jobs = queue.waiting or queue.counts["delayed"]
    return bool(jobs) and queue.connected is not None and not queue.worker_count


def other_workers(queues: Sequence[QueueSnapshot]) -> list[OtherWorker]:
    """The connections of workers of other kinds, found in one look at all clients. Ours have such
    connections too: those with the names of our records are left out.
    """
    wanted = [queue for queue in queues if queue.other_workers > 0]
    if not wanted:
        return []
    binding, get_workers = current_binding(), Queue.get_workers.build
    found: list[OtherWorker] = []
    try:
        reply = run(binding.driver, _raw(get_workers(binding.look_at(wanted[0].name))))
    except ServerError:
        return []  # CLIENT LIST is forbidden here.
    for queue in wanted:
        clients = get_workers(binding.look_at(queue.name)).read(reply)
        found += _others(queue, clients)
    return found


def _raw(call: Call[list[dict[str, str]]]) -> Call[bytes]:
    """The same command, its reply as it comes: it serves all queues."""
    return Call(call.command, bytes)


def _others(queue: QueueSnapshot, clients: Sequence[dict[str, str]]) -> list[OtherWorker]:
    own = [_name_of(each) for each in queue.workers]
    found = []
    for client in clients:
        name = client.get("name", "").partition(":w:")[2]
        if name in own:
            own.remove(name)
            continue
        age = client.get("age", "")
        seconds = int(age) if age.isdigit() else 0
        found.append(OtherWorker(queue.name, name, client.get("addr", ""), seconds))
    return found[: queue.other_workers]


def _name_of(record: WorkerRecord) -> str:
    return record.name
