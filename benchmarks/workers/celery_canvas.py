"""The same canvas for Celery and for bullrush: they differ in what is imported."""

from __future__ import annotations

import importlib
import time
from typing import Any


def run(package: str, step: Any, shape: str, size: int) -> float:
    """Send it and wait for its result; the `perf_counter` of the moment when all was sent.

    Args:
        package: ``celery`` or ``bullrush``.
        shape: ``chord``, ``group``, ``chain``, or ``results``: single calls that all are waited
            for.
    """
    names = importlib.import_module(package)
    if shape == "results":
        results = [step.delay(number) for number in range(size)]
        sent = time.perf_counter()
        for result in results:
            result.get(timeout=120)
        return sent
    steps = (step.s(number) for number in range(size))
    canvas = {
        "chord": lambda: names.chord(list(steps), step.s()),
        "group": lambda: names.group(steps),
        "chain": lambda: names.chain(*steps),
    }[shape]()
    result = canvas.apply_async()
    sent = time.perf_counter()
    result.get(timeout=120)
    return sent
