"""Many random programs from the command line, with progress: `make differential N=10000`."""

from __future__ import annotations

import argparse
import random
import sys
import time

from bullrush.core.drivers import connect
from tests.support.node_peer import NodePeer
from tests.support.redis_server import running_redis

from .runs import Machine
from .searching import search

#: Programs in one search. Each search has a seed of its own, which is enough to repeat it.
_CHUNK = 250


def main() -> int:
    """0 when everything passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop.differential")
    parser.add_argument("--programs", type=int, default=1000, help="how many of each mode")
    parser.add_argument("--seed", type=int, help="of the first search; random by default")
    parser.add_argument("--mode", choices=("compare", "turns", "both"), default="both")
    given = parser.parse_args()
    first = random.randrange(10**6) if given.seed is None else given.seed
    modes = ("compare", "turns") if given.mode == "both" else (given.mode,)
    with running_redis() as url, NodePeer("bullmq", url, script="differential.js") as node:
        driver = connect(url)
        machine = Machine(node, driver)
        passed = all(_run(machine, mode, first, given.programs, node) for mode in modes)
        driver.close()
    return 0 if passed else 1


def _run(machine: Machine, mode: str, first: int, programs: int, node: NodePeer) -> bool:
    turns = mode == "turns"
    trial = machine.take_turns if turns else machine.compare
    began, done = time.monotonic(), 0
    while done < programs:
        count = min(_CHUNK, programs - done)
        number = first + done // _CHUNK
        report = search(trial, by_turns=turns, seed_number=number, count=count)
        if report:
            print(f"\n{report}\nagain: --mode {mode} --programs {count} --seed {number}")
            return False
        done += count
        pace = done / (time.monotonic() - began)
        print(f"{mode}: {done} of {programs} programs, {pace:.0f}/s, seed {number}", flush=True)
    if unhandled := node.events("unhandled"):
        print(f"Node did not handle: {unhandled}")
    return not unhandled


if __name__ == "__main__":
    sys.exit(main())
