"""A clock that stands still, and a task for beats to send."""

from __future__ import annotations

import pytest

from bullrush.core import clock
from tests.support.beats import Clock


@pytest.fixture
def fixed(monkeypatch):
    fixed = Clock()
    monkeypatch.setattr(clock, "source", fixed)
    return fixed


@pytest.fixture
def add(app):
    @app.task(name="add")
    def add(x, y):
        return x + y

    return add
