"""Measure workers beside each other on one private Redis, in turns, and print tables.

    python benchmarks/workers.py                              # bullrush and Node BullMQ
    python benchmarks/workers.py --all --json results.jsonl   # every workload, every peer installed
    python benchmarks/workers.py latency delayed --rounds 5
    python benchmarks/workers.py process --peers 'bullrush_core@solo; bullmq6@concurrency 100'

In a round the contenders work one after the other, so a slow spell of the machine hits them
alike. A ratio is formed within its round; the tables give medians over the rounds.
`environments.py` installs the Python peers; a peer that is not there is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from environments import PEERS, is_installed
from plans import ALL, NODE, QUICK, VARIANTS
from processes import BenchmarkFailed, Contender, Server, about
from report import tables
from workloads import WORKLOADS

from bullrush.core.drivers import connect
from bullrush.core.drivers.server_binary import ServerProcess

Row = dict[str, Any]


def turns(works: list[str], names: list[str], every: bool) -> Iterator[tuple[str, str, Row]]:
    """(workload, contender, arguments) of one round."""
    for work in works:
        for name in names or (ALL if every else QUICK)[work]:
            for arguments in VARIANTS.get(work, ({},)):
                if name != NODE or arguments.get("shape") != "results":
                    yield work, name, arguments


def measure(
    server: Server, url: str, todo: list[tuple[str, str, Row]], rounds: int
) -> Iterator[Row]:
    """The figures of every turn, all rounds of a workload before the next one."""
    for work in dict.fromkeys(each[0] for each in todo):
        for count in range(rounds):
            for _, name, arguments in (each for each in todo if each[0] == work):
                peer, _, setting = name.partition("@")
                row = {"work": work, "peer": peer, "setting": setting, **arguments, "round": count}
                server.clear()
                load = os.getloadavg()[0]
                with Contender(peer, setting, url) as contender:
                    try:
                        figures = WORKLOADS[work](contender, server, **arguments)
                    except (BenchmarkFailed, subprocess.TimeoutExpired) as error:
                        figures = {"error": str(error)}
                yield {**row, **figures, "at": round(time.time()), "load": load}


def installed(todo: list[tuple[str, str, Row]]) -> list[tuple[str, str, Row]]:
    """Without the peers that are not there; they are named."""
    missing = {name for _, name, _ in todo if not is_installed(name.partition("@")[0])}
    for peer in sorted({name.partition("@")[0] for name in missing}):
        print(f"without {peer}: not installed", file=sys.stderr)
    return [each for each in todo if each[1] not in missing]


def record(rows: Iterator[Row], path: Path | None) -> list[Row]:
    """All rows, each also in the file and on stderr as soon as it is there."""
    found = []
    for row in rows:
        found.append(row)
        if path:
            with path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        told = {name: round(each, 2) for name, each in row.items() if isinstance(each, float)}
        print(row["work"], row["peer"], row["setting"], row.get("error", told), file=sys.stderr)
    return found


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("works", nargs="*", metavar="workload", help=", ".join(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="", help="peer@setting; peer@setting")
    parser.add_argument("--all", action="store_true", help="every peer")
    parser.add_argument("--jobs", type=int, help="in one turn of process, for all alike")
    parser.add_argument("--json", type=Path, help="append one line a turn to this file")
    arguments = parser.parse_args()
    names = [name.strip() for name in arguments.peers.split(";") if name.strip()]
    works = arguments.works or list(ALL if arguments.all else QUICK)
    todo = installed(list(turns(works, names, arguments.all)))
    if arguments.jobs:
        todo = [(work, name, {**given, "jobs": arguments.jobs}) for work, name, given in todo]
    if not todo:
        return
    with ServerProcess() as private:
        driver = connect(private.url)
        server = Server(driver)
        rows = record(measure(server, private.url, todo, arguments.rounds), arguments.json)
        driver.close()
    print(tables(rows))
    for peer in [peer for peer in PEERS if any(row["peer"] == peer for row in rows)]:
        versions = ", ".join(f"{name} {each}" for name, each in about(peer)["versions"].items())
        print(f"{about(peer)['title']}: {versions}")
    print(f"Redis {server.version}, {os.cpu_count()} CPUs, rounds: {arguments.rounds}")


if __name__ == "__main__":
    main()
