"""The clock stands still until a test moves it."""

from __future__ import annotations

import pytest

from bullrush.core import clock
from tests.support.armed_runs import Hand


@pytest.fixture(autouse=True)
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    """The clock of this process."""
    hand = Hand()
    monkeypatch.setattr(clock, "source", lambda: hand.now * 1_000_000)
    return hand
