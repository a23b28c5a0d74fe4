"""What tests of the worker watch it by. A worker is blocking, so both are."""

from __future__ import annotations

import pytest

from bullrush.core import Queue, QueueEvents


@pytest.fixture
def queue(url, queue_name):
    """A blocking queue."""
    with Queue(queue_name, url=url) as queue:
        yield queue


@pytest.fixture
def events(url, queue_name):
    """A started reader of its events."""
    with QueueEvents(queue_name, url=url) as events:
        yield events
