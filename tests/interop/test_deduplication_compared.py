"""Every mode of deduplication against every state of the first job, in Node 6.7 and in Python: the
same must be stored (protocol part 1, section 3.7; part 2, section 3.2). 5.81 has fewer modes.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, combinations, product
from typing import Any

import pytest

from bullrush.core import Completed, Queue
from bullrush.core.drivers import Driver, connect
from tests.support.node_peer import NodePeer
from tests.support.stored import Stored
from tests.support.trips import Hands

FLAGS = {
    "extend": "extend",
    "replace": "replace",
    "reschedule": "reschedule",
    "keepLastIfActive": "keep_last_if_active",
}
MODES = list(chain.from_iterable(combinations(FLAGS, size) for size in range(5)))
#: ms of the first and of the later adds.
WINDOWS = [(None, None), (60_000, None), (None, 90_000), (60_000, 90_000)]
NOW = 1_800_000_000_000
#: What Node may encode in another way, or what tells the times of this run.
VOLATILE = {"opts", "processedOn"}


def stored_state(stored: Stored) -> dict[str, Any]:
    """All there is, without what may differ."""
    rest = stored.run("PTTL", stored.keys.deduplication + "d")
    parked = stored.run("HGETALL", stored.keys.deduplication_next + "d")
    jobs = [key for key in stored.all_keys() if key.isdigit()]
    return {
        "owner": stored.run("GET", stored.keys.deduplication + "d"),
        "window in s": round(rest / 1000) if rest > 0 else rest,
        "parked": {
            name: value
            for name, value in zip(parked[::2], parked[1::2], strict=True)
            if name != b"opts"
        },
        "ids": {place: stored.ids(place) for place in ("wait", "active", "completed")},
        "delayed": [(each, stored.score("delayed", each)) for each in stored.ids("delayed")],
        "jobs": {
            each: {k: v for k, v in stored.hash(each).items() if k not in VOLATILE} for each in jobs
        },
        "counter": stored.run("GET", stored.keys.id),
        "marker": stored.marker(),
        "events": stored.events(),
    }


def bring_about(owner: str, stored: Stored, hands: Hands, add: Callable[..., str], window: Any):
    """Add the first job and bring it into a state; gives the delivery when it is active."""
    job_id = add(1, 5000 if owner in ("delayed", "ghost") else 0, window, ())
    if owner in ("active", "finished"):
        (taken,) = hands.take(now=NOW)
        if owner == "active":
            return taken
        hands.commit(taken, Completed(None), now=NOW + 1)
    if owner in ("vanished", "ghost"):
        stored.run("DEL", stored.keys.job(job_id))
    if owner == "vanished":
        stored.run("DEL", stored.keys.wait)
    return None


def run_case(name: str, driver: Driver, node: NodePeer | None, case: Any) -> dict[str, Any]:
    """One case on one side; what is stored after it."""
    owner, flags, (first_window, window), delay = case
    queue = Queue(name, driver=driver)
    stored, hands = Stored(driver, name), Hands(queue)

    def add(data: int, delay: int, window: int | None, flags: Any) -> str:
        rule = {"id": "d", "ttl": window, **dict.fromkeys(flags, True)}
        rule = {part: value for part, value in rule.items() if value is not None}
        if node is not None:
            opts = {"timestamp": NOW, "deduplication": rule}
            opts |= {"delay": delay} if delay else {}
            return str(node.request("add", queue=name, name="x", data=data, opts=opts)["id"])
        rule = {FLAGS.get(part, part): value for part, value in rule.items()}
        return str(queue.add("x", data, delay=delay, timestamp=NOW, deduplication=rule).id)

    running = bring_about(owner, stored, hands, add, first_window)
    ids = [add(2, delay, window, flags)]
    if running is not None:
        ids.append(add(3, delay, window, flags))
        hands.commit(running, Completed(None), now=NOW + 5)
    return {"returned ids": ids, **stored_state(stored)}


@pytest.mark.parametrize("node_version", ["bullmq-6.7"])
@pytest.mark.parametrize("owner", ["delayed", "waiting", "active", "finished", "vanished", "ghost"])
def test_an_add_with_a_known_deduplication_id_leaves_what_node_leaves(
    node, redis_url, queue_name, owner
):
    driver = connect(redis_url)
    try:
        for number, case in enumerate(product([owner], MODES, WINDOWS, [0, 7000])):
            by_node = run_case(f"{queue_name}-n{number}", driver, node, case)
            by_python = run_case(f"{queue_name}-p{number}", driver, None, case)
            assert by_python == by_node, case
    finally:
        driver.close()
