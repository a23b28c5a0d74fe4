"""An application with small tasks, and a worker for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from bullrush import Celery
from bullrush.canvas import Signature

#: s that anything may take.
PATIENCE = 30


@pytest.fixture
def tasks(app: Celery) -> SimpleNamespace:
    """Its tasks; `seen` collects what `note` was called with."""
    seen: list[object] = []
    made = SimpleNamespace(seen=seen, noted=threading.Event())

    @app.task
    def add(x, y):
        return x + y

    @app.task
    def double(x):
        return x * 2

    @app.task
    def total(numbers):
        return sum(numbers)

    @app.task
    def same(value):
        return value

    @app.task
    def boom(*args):
        raise ValueError("boom")

    @app.task
    def note(*args):
        seen.append(list(args))
        made.noted.set()
        return list(args)

    @app.task(bind=True)
    def whoami(self, *args):
        request = self.request
        return [request.id, request.root_id, request.parent_id, request.group]

    for each in (add, double, total, same, boom, note, whoami):
        setattr(made, each.name.rpartition(".")[2], each)
    return made


@pytest.fixture
def value_of(start: Callable[..., object]) -> Callable[[Signature], object]:
    """Sends a signature and gives its value."""
    start()

    def value_of(found: Signature) -> object:
        return found.apply_async().get(timeout=PATIENCE)

    return value_of
