"""Retry or fail, and after how long: pure (protocol part 1, section 6.1)."""

from __future__ import annotations

import json

import pytest

from bullrush.core import Failed, Job, Retried, UnrecoverableError
from bullrush.core.backoff import LONGEST_DELAY_MS, backoff_delay
from bullrush.core.outcome import decide


def job(made: int = 0, **opts):
    """A job that has that many attempts behind it."""
    stored = {b"opts": json.dumps(opts).encode(), b"atm": str(made).encode()}
    return Job("bull:q:", "1", stored)


def delay(backoff, attempt=1, rand=0.5, **strategies):
    """The delay after that attempt."""
    return backoff_delay(
        backoff, attempt, ValueError(), job(), strategies=strategies, rand=lambda: rand
    )


def test_no_backoff_means_at_once():
    assert delay(None) == 0
    assert delay({"type": "fixed", "delay": 0}) == 0


def test_fixed_and_plain_numbers_are_the_same():
    assert delay({"type": "fixed", "delay": 250}, attempt=4) == 250
    assert delay(250, attempt=4) == 250


@pytest.mark.parametrize(("attempt", "expected"), [(1, 100), (2, 200), (3, 400), (10, 51_200)])
def test_exponential_doubles_from_the_first_retry(attempt, expected):
    assert delay({"type": "exponential", "delay": 100}, attempt) == expected


@pytest.mark.parametrize(("rand", "expected"), [(0.0, 50), (0.5, 75), (0.999, 99)])
def test_jitter_takes_its_part_of_the_delay(rand, expected):
    assert delay({"type": "fixed", "delay": 100, "jitter": 0.5}, rand=rand) == expected


def test_jitter_works_on_the_doubled_delay():
    assert delay({"type": "exponential", "delay": 100, "jitter": 1}, attempt=3, rand=0.25) == 100


def test_no_delay_is_longer_than_a_score_can_hold():
    assert delay({"type": "exponential", "delay": 1000}, attempt=10_000) == LONGEST_DELAY_MS


def test_a_custom_strategy_is_asked():
    assert delay({"type": "mine"}, attempt=3, mine=lambda n, kind, error, job: n * 7) == 21
    assert delay({"type": "mine"}, mine=lambda *_: -1) == -1


@pytest.mark.parametrize(
    "odd", ["text", {"delay": "soon"}, {"type": 7}, [1], {"delay": float("nan")}]
)
def test_what_others_may_have_stored_never_raises(odd):
    assert delay(odd) == 0


@pytest.mark.parametrize(
    ("made", "attempts", "retried"),
    [(0, 0, False), (0, 1, False), (0, 2, True), (1, 2, False), (1, 3, True)],
)
def test_attempts_are_all_attempts(made, attempts, retried):
    outcome = decide(job(made, attempts=attempts), ValueError("x"))
    assert isinstance(outcome, Retried if retried else Failed)
    assert outcome.reason == "x"


def test_unrecoverable_errors_and_minus_one_fail_at_once():
    assert isinstance(decide(job(attempts=9), UnrecoverableError("x")), Failed)
    stubborn = job(attempts=9, backoff={"type": "never"})
    outcome = decide(stubborn, ValueError(), strategies={"never": lambda *_: -1})
    assert isinstance(outcome, Failed)
