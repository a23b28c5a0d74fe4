"""Deliveries that must not start, for reasons that came up after their jobs were added."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from ..delivery import Delivery
from ..errors import JobCancelled
from ..pools import Work
from ..pools.base import Report

#: Says why a delivery that has just come must not start; None for: it may.
Veto: TypeAlias = Callable[[Delivery], JobCancelled | None]


def allowed(
    deliveries: Iterable[Delivery], veto: Veto, work: Work, report: Report
) -> list[Delivery]:
    """Those that may start. The others have got their outcome."""
    kept = []
    for each in deliveries:
        objection = veto(each)
        if objection is None:
            kept.append(each)
        else:
            report(work.abort(each, objection))
    return kept
