"""Random programs, the same in every run of the suite. `make differential N=10000` tries others."""

from __future__ import annotations

import pytest

from .runs import Machine
from .searching import search

#: Each part has programs of its own, so that parts can run at once.
PARTS = range(4)

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("part", PARTS)
def test_node_and_bullrush_leave_the_same_data(machine: Machine, part: int):
    report = search(machine.compare, by_turns=False, seed_number=part, count=100)
    assert report is None, report


@pytest.mark.parametrize("part", PARTS)
def test_the_invariants_hold_when_node_and_bullrush_take_turns(machine: Machine, part: int):
    report = search(machine.take_turns, by_turns=True, seed_number=part, count=60)
    assert report is None, report
