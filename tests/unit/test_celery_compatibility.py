"""docs/celery-compatibility.md is what the code says, and what it says is tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bullrush.compatibility import ACCEPTED, DIFFERS, REFUSED, TABLES, WORKS, page

ROOT = Path(__file__).resolve().parents[2]
ROWS = [(table.title, row) for table in TABLES for row in table.rows()]


def test_the_page_is_made_from_the_code():
    written = (ROOT / "docs" / "celery-compatibility.md").read_text()
    assert written == page(), "make compatibility writes it anew"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.title)
def test_a_name_is_in_a_table_once(table):
    names = [row.name for row in table.rows()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("title", "row"), ROWS, ids=[f"{t}-{row.name}" for t, row in ROWS])
def test_a_row_names_its_test_or_says_what_becomes_of_it(title, row):
    assert row.status in (WORKS, ACCEPTED, REFUSED, DIFFERS)
    if row.status != WORKS:
        assert row.note, "says nothing of what becomes of it"
    if row.status in (ACCEPTED, REFUSED):
        return
    path, _, name = row.proof.partition("::")
    assert path.startswith("tests/"), f"{path} is no test"
    assert (ROOT / path).is_file(), f"{path} is not there"
    if name:
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.M), f"no {name} there"
