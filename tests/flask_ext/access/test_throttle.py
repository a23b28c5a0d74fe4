"""Guessing is slow, and nobody is locked out by it."""

from __future__ import annotations

import pytest

from bullrush.flask_ext.access import throttle as module
from bullrush.flask_ext.access.throttle import Throttle, network_of

HERE, THERE = "192.0.2.1", "192.0.2.2"


class Clock:
    """A clock that only the test moves; s."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """A clock."""
    return Clock()


@pytest.fixture
def throttle(clock):
    """Three at once, then one in 2 s."""
    return Throttle(3, 0.5, clock)


def spend(throttle, address=HERE):
    """Use up the budget of an address."""
    while not throttle.wrong(address):
        pass


def test_a_budget_is_spent_by_wrong_tokens_and_comes_back_with_time(throttle, clock):
    assert [throttle.wrong(HERE) for _ in range(4)] == [0, 0, 0, 2]
    clock.now += 1
    assert throttle.wrong(HERE) == 1
    clock.now += 1
    assert [throttle.wrong(HERE) for _ in range(2)] == [0, 2]
    clock.now += 1000
    assert [throttle.wrong(HERE) for _ in range(4)] == [0, 0, 0, 2]


def test_refused_guesses_do_not_make_the_wait_longer(throttle, clock):
    spend(throttle)
    for _ in range(100):
        throttle.wrong(HERE)
    clock.now += 2
    assert throttle.wrong(HERE) == 0


def test_a_right_token_that_was_never_seen_there_waits_like_a_guess(throttle, clock):
    spend(throttle)
    assert throttle.right(HERE, b"digest") == 2
    clock.now += 2
    assert throttle.right(HERE, b"digest") == 0


def test_a_right_token_that_was_seen_there_before_never_waits(throttle):
    assert throttle.right(HERE, b"digest") == 0
    spend(throttle)
    assert throttle.right(HERE, b"digest") == 0
    assert throttle.right(HERE, b"another") == 2


def test_another_address_is_not_concerned(throttle):
    spend(throttle)
    assert throttle.right(THERE, b"digest") == throttle.wrong(THERE) == 0


def test_right_tokens_cost_nothing(throttle):
    for _ in range(50):
        assert throttle.right(HERE, b"digest") == 0
    assert throttle.wrong(HERE) == 0


def test_memory_is_bounded(throttle, monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 10)
    for number in range(100):
        throttle.wrong(f"192.0.2.{number}")
        throttle.right(f"192.0.2.{number}", b"digest")
    assert len(throttle._budgets) == len(throttle._seen) == 10


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_ipv6_host_is_its_network(address, network):
    assert network_of(address) == network
