"""Starts at an even distance."""

from __future__ import annotations

import heapq
import itertools
import random

import pytest

from bullrush.core.errors import InvalidOption
from bullrush.core.worker import pace
from bullrush.core.worker.pace import Pace
from bullrush.rates import per_second


class Clock:
    """Time that only the test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """See `Clock`."""
    return Clock()


def test_the_first_starts_at_once_and_the_others_get_moments_of_their_own(clock):
    paced = Pace(2.0, clock)
    assert [paced.wait(who) for who in "abc"] == [0.0, 2.0, 4.0]


def test_a_reserved_moment_is_not_counted_twice(clock):
    paced = Pace(2.0, clock)
    assert [paced.wait(who) for who in "ab"] == [0.0, 2.0]
    clock.now += 2.0
    assert paced.wait("b") == 0.0
    assert paced.wait("c") == 2.0


def test_who_comes_back_too_early_keeps_the_moment(clock):
    paced = Pace(2.0, clock)
    assert [paced.wait(who) for who in "ab"] == [0.0, 2.0]
    clock.now += 1.5
    assert paced.wait("b") == 0.5
    assert paced.wait("c") == 2.5


def test_who_runs_again_waits_again(clock):
    paced = Pace(2.0, clock)
    assert [paced.wait("a"), paced.wait("a")] == [0.0, 2.0]


def test_nobody_is_sent_away_for_longer_than_the_horizon(clock):
    paced = Pace(3600.0, clock)
    assert [paced.wait(who) for who in "abc"] == [0.0, pace.HORIZON, pace.HORIZON]
    assert len(paced) == 0
    clock.now += 3600 - 30
    assert [paced.wait(who) for who in "bc"] == [30.0, pace.HORIZON]


def test_moments_that_nobody_used_are_forgotten(clock):
    paced = Pace(1.0, clock)
    for who in range(50):
        paced.wait(str(who))
    assert len(paced) == 49
    clock.now += 50 + pace.GRACE
    assert paced.wait("late") == 0.0
    assert len(paced) == 0


def test_memory_is_bounded_and_the_rate_is_kept_whatever_comes_when(clock):
    seed = random.randrange(2**32)
    print("seed", seed)
    rand = random.Random(seed)
    interval = rand.choice([0.001, 0.05, 1.0, 7.0])
    paced, started = Pace(interval, clock), []
    coming = [(clock.now + rand.random() * 100 * interval, who) for who in range(12_000)]
    heapq.heapify(coming)
    while len(started) < 200:
        moment, who = heapq.heappop(coming)
        clock.now = max(clock.now, moment)
        wait = paced.wait(str(who))
        if wait > 0:
            heapq.heappush(coming, (clock.now + wait, who))
        else:
            started.append(clock.now)
        assert len(paced) <= pace.MOST
    for first, second in itertools.pairwise(started):
        assert second - first >= interval * 0.999


@pytest.mark.parametrize(
    ("rate", "starts"),
    [("10/s", 10), ("120/m", 2), ("36/h", 0.01), ("7", 7), (3, 3), (0.5, 0.5), (0, 0), (None, 0)],
)
def test_rates_have_the_forms_of_celery(rate, starts):
    assert per_second(rate) == pytest.approx(starts)


@pytest.mark.parametrize("rate", ["10/d", "fast", "-1/s", -1, True, "", float("inf"), [1]])
def test_what_is_no_rate_is_refused_with_the_forms_there_are(rate):
    with pytest.raises(InvalidOption, match="'10/s'"):
        per_second(rate)
