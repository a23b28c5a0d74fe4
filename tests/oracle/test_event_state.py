"""What is known after the same events: Celery's State, and ours."""

from __future__ import annotations

import random
import time

import pytest
from celery.events import state as theirs

from bullrush.events import state as ours

ROUNDS = 150
KINDS = (
    "task-sent",
    "task-received",
    "task-started",
    "task-succeeded",
    "task-failed",
    "task-retried",
    "task-revoked",
    "task-rejected",
    "task-progress",
    "worker-online",
    "worker-heartbeat",
    "worker-offline",
    "shop-opened",
)
FIELDS = {
    "task-sent": {"queue": "q", "exchange": "", "routing_key": "rk", "retries": 0},
    "task-received": {"args": "()", "kwargs": "{}", "retries": 1, "eta": None, "expires": "x"},
    "task-succeeded": {"result": "3", "runtime": 0.25},
    "task-failed": {"exception": "E()", "traceback": "tb"},
    "task-retried": {"exception": "R()", "traceback": "tb"},
    "task-revoked": {"terminated": True, "signum": 15, "expired": False},
    "task-progress": {"done": 4},
    "worker-heartbeat": {"freq": 2, "active": 1, "processed": 9, "loadavg": [1, 2, 3]},
    "worker-online": {"freq": 2, "sw_ident": "py", "sw_ver": "5", "sw_sys": "Linux"},
}


def made_up(rand: random.Random, number: int, seen: set[str]) -> dict[str, object]:
    """Any event, at any moment of the last minute. The first of a task has its name: Celery finds
    no other task by its name.
    """
    kind, uuid = rand.choice(KINDS), rand.choice("abcdef")
    if kind.startswith("task") and uuid not in seen:
        seen.add(uuid)
        kind = rand.choice(("task-sent", "task-received"))
    moment = time.time() - rand.randrange(60)
    event: dict[str, object] = {
        "type": kind,
        "hostname": rand.choice(("w1@h", "w2@h", "gen1@h")),
        "pid": rand.choice((1, 2)),
        "clock": number + 1,
        "timestamp": moment,
        "local_received": moment + rand.choice((0, 0.1)),
        **FIELDS.get(kind, {}),
    }
    if kind.startswith("task"):
        event["uuid"] = uuid
        if kind in ("task-sent", "task-received"):
            known = rand.choice((None, "a", "b", "zz"))
            event.update(name="add" if uuid < "d" else "mul", root_id=known, parent_id=known)
    return event


def known_of(state):
    """Everything that a State says, in plain words."""
    tasks, order = {}, [uuid for uuid, _ in state.itertasks()]
    for uuid, task in state.itertasks():
        told = task.as_dict()
        told["worker"] = told["worker"] and told["worker"].hostname
        told["children"] = sorted(told["children"])
        tasks[uuid] = [told, task.info(), task.ready, task.origin, repr(task)]
    return {
        "tasks": tasks,
        "order": order,
        "workers": {
            name: [
                {each: getattr(worker, each) for each in worker._fields},
                worker.alive,
                worker.id,
                repr(worker),
            ]
            for name, worker in state.workers.items()
        },
        "alive": sorted(worker.hostname for worker in state.alive_workers()),
        "types": state.task_types(),
        "by time": [uuid for uuid, _ in state.tasks_by_time()],
        "oldest": [uuid for uuid, _ in state.tasks_by_time(reverse=False)],
        "by type": {
            name: [uuid for uuid, _ in state.tasks_by_type(name)] for name in ("add", "nope")
        },
        "sets": {
            name: sorted(task.uuid for task in found) for name, found in state.tasks_by_type.items()
        },
        "counts": [state.event_count, state.task_count, repr(state)],
    }


def plain(answer):
    """What `event` returned."""
    return answer and [repr(answer[0][0]), answer[0][1], answer[1]]


@pytest.mark.parametrize("part", range(4))
def test_a_state_knows_what_celerys_knows(part):
    for number in range(ROUNDS):
        seed = f"{part}-{number}"
        rand = random.Random(seed)
        told: list[list[tuple[str, str | None]]] = [[], []]
        seen: set[str] = set()
        states = [
            module.State(
                on_node_join=lambda each, to=to: to.append(("join", each.hostname)),
                on_node_leave=lambda each, to=to: to.append(("leave", each.hostname)),
            )
            for module, to in zip((ours, theirs), told, strict=True)
        ]
        for step in range(rand.randrange(1, 40)):
            event = made_up(rand, step, seen)
            answers = [plain(state.event(dict(event))) for state in states]
            assert answers[0] == answers[1], f"seed {seed}, step {step}: {event}"
        known = [known_of(state) for state in states]
        assert known[0] == known[1], f"seed {seed}"
        assert told[0] == told[1], f"seed {seed}"
