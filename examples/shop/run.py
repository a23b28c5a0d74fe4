"""Opens the shop on free ports, sends it a customer, and shows what happened to every job.

    python examples/shop/run.py

Ends with 0 when every job did what it should, else with 1 and a line for each that did not.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from contextlib import ExitStack
from typing import Any

import customer
from opening import Shop, open_shop
from report import Row, table
from warehouse import WarehouseFailed, find_node


class Stopped(BaseException):
    """Somebody wants the shop closed. Raised wherever the main thread is."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main() -> int:
    """The whole demo; its exit code."""
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)6d ms  %(message)s")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    started = time.monotonic()
    try:
        node = find_node()
        with ExitStack() as stack:
            rows, problems = visit(open_shop(stack), node)
    except WarehouseFailed as problem:
        print(f"MISSING: {problem}", file=sys.stderr)
        return 1
    except Stopped as stopped:
        print("stopped", file=sys.stderr)
        return 128 + stopped.number
    print(f"\n{len(rows)} jobs in {time.monotonic() - started:.1f} s")
    if node is None:
        print("There is no node here, so no program of the warehouse took part.")
    for problem in problems:
        print(f"MISSING: {problem}", file=sys.stderr)
    return 1 if problems else 0


def visit(shop: Shop, node: str | None) -> tuple[list[Row], list[str]]:
    """One visit, its table and the admin JSON: the jobs that came of it, and what went wrong."""
    rows: list[Row] = []
    problems: list[str] = []
    checks = [*customer.visit(shop), *(customer.visit_warehouse(shop, node) if node else ())]
    for check in checks:
        try:
            rows.append(check())
        except (customer.Unexpected, WarehouseFailed) as problem:
            problems.append(str(problem))
    print(f"\n{table(rows)}\n")
    for path in ("/api/admin/queues", "/api/v1/admin/email/queue"):
        print(f"GET {path}\n{shop.ask_admin(path)}")
    return rows, problems


def _stop(number: int, frame: Any) -> None:
    raise Stopped(number)


if __name__ == "__main__":
    sys.exit(main())
