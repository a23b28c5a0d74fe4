"""Every difference that is declared as wanted is there, and is covered by its row alone."""

from __future__ import annotations

import pytest

from . import wanted
from .runs import Machine

TABLES = ("ALLOWED", "REWRITTEN", "REFUSED", "AVOIDED", "EXCUSED")
ROWS = [(table, row) for table in TABLES for row in getattr(wanted, table)]
IDS = [row.name for _, row in ROWS]


@pytest.mark.parametrize(("table", "row"), ROWS, ids=IDS)
def test_every_row_is_needed(machine: Machine, monkeypatch, table, row):
    run = machine.take_turns if table == "EXCUSED" else machine.compare
    assert run(row.example) is None
    others = [each for each in getattr(wanted, table) if each is not row]
    monkeypatch.setattr(wanted, table, others)
    assert run(row.example) is not None


def test_every_row_has_a_reason_and_a_name_of_its_own():
    assert len(set(IDS)) == len(IDS)
    assert all(len(row.reason) > 20 for _, row in ROWS)
