"""Measure bullrush beside its peers on one private Redis, in turns, and print a table.

    python benchmarks/run.py                            # adding, one by one and in bulk
    python benchmarks/run.py work --rounds 5            # one worker
    python benchmarks/run.py add --peers bullmq,bullrush_blocking --json results.jsonl

Every peer is a process of its own that lives through all rounds; `serving.py` says how it is spoken
to. In a round the peers work one after the other, so a slow spell of the machine hits them alike.
A ratio is formed within its round, and the table gives medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from table import print_table

from bullrush.core.drivers import Driver, connect
from bullrush.core.drivers.server_binary import ServerProcess

HERE = Path(__file__).parent
#: Kind of work -> jobs in one turn. Before the first round every peer does each work `WARM` times.
SIZES = {"add": 2000, "add_bulk": 10_000, "work": 10_000}
WARM = 3
#: File in `peers/` -> how it is started. Ratios are taken to the reference.
PEERS = {
    "bullmq": ("node", "bullmq.js"),
    "bullrush_blocking": (sys.executable, "bullrush_blocking.py"),
    "bullrush_asyncio": (sys.executable, "bullrush_asyncio.py"),
}
REFERENCE = "bullmq"


class Peer:
    """A running peer: ask it to work, it says how long that took."""

    def __init__(self, name: str, url: str) -> None:
        interpreter, file = PEERS[name]
        self.name = name
        self._process = subprocess.Popen(
            [interpreter, str(HERE / "peers" / file), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(HERE)},
            text=True,
        )
        self.hello = self._read()

    def ask(self, work: str, jobs: int) -> dict[str, Any]:
        """What it answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"work": work, "jobs": jobs}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the peer {self.name} ended with {self._process.wait()}")
        return dict(json.loads(line))


@contextmanager
def running(names: list[str], url: str) -> Iterator[list[Peer]]:
    """All peers at once."""
    with ExitStack() as stack:
        peers = [Peer(name, url) for name in names]
        for peer in peers:
            stack.callback(peer.close)
        yield peers


def server_cpu(driver: Driver) -> float:
    """Seconds of CPU that Redis has used."""
    info = dict(
        line.split(":", 1)
        for line in driver.execute(("INFO", "cpu")).decode().splitlines()
        if ":" in line
    )
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


def turn(driver: Driver, peer: Peer, work: str, jobs: int) -> dict[str, Any] | None:
    """One peer does one kind of work on an empty database; None when it cannot."""
    driver.execute(("FLUSHDB",))
    if work == "work":
        peer.ask("add_bulk", jobs)
    cpu = server_cpu(driver)
    answer = peer.ask(work, jobs)
    if "error" in answer:
        return None
    return {
        "work": work,
        "peer": peer.name,
        "jobs": jobs,
        "rate": jobs / answer["seconds"],
        "client_us": answer["cpu"] / jobs * 1e6,
        "redis_us": (server_cpu(driver) - cpu) / jobs * 1e6,
    }


def sessions(works: list[str], rounds: int, cold: bool) -> list[tuple[list[str], Sequence[int]]]:
    """What is done by the same processes: kinds of work, and rounds; those below 0 do not count."""
    if cold:
        return [([work], [count]) for work in works for count in range(rounds)]
    return [(works, range(-WARM, rounds))]


def measure(
    driver: Driver, peers: list[Peer], works: list[str], rounds: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """The figures of every turn, round by round."""
    for work in works:
        for count in rounds:
            for peer in peers:
                row = turn(driver, peer, work, SIZES[work])
                if row is not None and count >= 0:
                    yield {**row, "round": count, "load": os.getloadavg()[0]}


def available(names: list[str]) -> list[str]:
    """Those that can be started here."""
    packages = HERE.parent / "tests/interop/node/node_modules/bullmq"
    if shutil.which("node") and packages.is_dir():
        return names
    print("without Node BullMQ: node, or tests/interop/node/node_modules, is missing")
    return [name for name in names if PEERS[name][0] != "node"]


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("works", nargs="*", default=["add", "add_bulk"], metavar="work")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument(
        "--cold", action="store_true", help="new processes in every round, nothing done before"
    )
    parser.add_argument("--json", type=Path, help="append one line a turn to this file")
    arguments = parser.parse_args()
    with ServerProcess() as server:
        driver = connect(server.url)
        rows, told = [], {}
        names = available(arguments.peers.split(","))
        for works, rounds in sessions(arguments.works, arguments.rounds, arguments.cold):
            with running(names, server.url) as peers:
                rows += measure(driver, peers, works, rounds)
                told = {peer.name: peer.hello for peer in peers}
        version = driver.execute(("INFO", "server")).decode().split("redis_version:")[1].split()[0]
        driver.close()
    if arguments.json:
        with arguments.json.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    print_table(rows, told, REFERENCE)
    print(f"Redis {version}, {os.cpu_count()} CPUs, {arguments.rounds} rounds")


if __name__ == "__main__":
    main()
