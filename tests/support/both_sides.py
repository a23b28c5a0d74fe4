"""Python and Node in every role, and what is counted of a job."""

from __future__ import annotations

import pytest

from bullrush.core.job import FIELDS
from tests.support.sides import SIDES

both_sides = pytest.mark.parametrize("side", SIDES)
#: Which side adds, and which works.
both_ways = pytest.mark.parametrize(
    ("adds", "works"), [("python", "node"), ("node", "python"), ("python", "python")]
)
MINUTE = 60_000


def counts(stored, job_id):
    """Attempts made, attempts started, stalls."""
    return tuple(
        int(stored.hash(job_id).get(FIELDS[name], 0))
        for name in ("attempts_made", "attempts_started", "stalled_count")
    )


def sweep(hands, stored, **options):
    """A stalled check that does not wait for the next interval."""
    stored.run("DEL", stored.keys.stalled_check)
    return hands.sweep(**options)
