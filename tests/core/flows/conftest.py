"""Two queues, and workers by hand for both."""

from __future__ import annotations

import pytest

from tests.support.stored import Stored


@pytest.fixture
def other(driver, queue_name) -> Stored:
    """What is in Redis for a second queue."""
    return Stored(driver, f"{queue_name}-other")


@pytest.fixture
def workers(make_hands, stored, other):
    """A worker by hand for each of the two queues."""
    return make_hands(stored.keys.queue), make_hands(other.keys.queue)


@pytest.fixture
def end(workers):
    """End the next jobs of the second queue with these outcomes."""

    def act(*outcomes, **options):
        for outcome in outcomes:
            (taken,) = workers[1].take()
            assert workers[1].commit(taken, outcome, **options) == 0

    return act
