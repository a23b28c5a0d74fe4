"""A handful of jobs needs several slices."""

from __future__ import annotations

import pytest

from bullrush.core.operations import clearing


@pytest.fixture
def small_slices(monkeypatch):
    """Three jobs a slice, so that a handful needs several."""
    monkeypatch.setattr(clearing, "SLICE", 3)
    monkeypatch.setattr(
        clearing.ClearingOperations.obliterate.build, "__kwdefaults__", {"force": False, "count": 3}
    )
