"""When a queue needs attention: the edges of every limit."""

from __future__ import annotations

import pytest

from bullrush.core import BulkJob, Queue
from bullrush.core.errors import InvalidOption
from bullrush.core.operations.states import STATES
from bullrush.core.snapshot import QueueSnapshot
from bullrush.core.thresholds import (
    Finding,
    Level,
    check_queue_health,
    judge,
    thresholds_of,
    worst,
)
from bullrush.core.workers import WorkerRecord

OK, WARNING, CRITICAL = Level
pytestmark = pytest.mark.row(162)


def snapshot(name="mail", slots=0, connected=0, **more):
    """A queue with those numbers."""
    counts = dict.fromkeys(STATES, 0) | {each: more.pop(each) for each in STATES if each in more}
    workers = (WorkerRecord("w", "", "h", 1, 0, 0, "threads", slots, 0, False, (), ()),)
    return QueueSnapshot(
        name, counts, workers=workers if slots else (), connected=connected, **more
    )


@pytest.mark.parametrize(
    ("numbers", "level"),
    [
        pytest.param({"waiting": 100}, OK, marks=pytest.mark.row(162)),
        ({"waiting": 101}, WARNING),
        ({"waiting": 60, "prioritized": 41}, WARNING),
        ({"waiting": 1000}, WARNING),
        ({"waiting": 1001}, CRITICAL),
        pytest.param({"failed": 10}, OK, marks=pytest.mark.row(163)),
        pytest.param({"failed": 11}, WARNING, marks=pytest.mark.row(163)),
        pytest.param({"failed": 100}, WARNING, marks=pytest.mark.row(163)),
        pytest.param({"failed": 101}, CRITICAL, marks=pytest.mark.row(163)),
        pytest.param({"active": 10, "slots": 5}, OK, marks=pytest.mark.row(164)),
        pytest.param({"active": 11, "slots": 5}, WARNING, marks=pytest.mark.row(164)),
        pytest.param({"active": 25, "slots": 5}, WARNING, marks=pytest.mark.row(164)),
        pytest.param({"active": 26, "slots": 5}, CRITICAL, marks=pytest.mark.row(164)),
        pytest.param({"delayed": 50}, OK, marks=pytest.mark.row(165)),
        pytest.param({"delayed": 51}, WARNING, marks=pytest.mark.row(165)),
        pytest.param({"delayed": 500}, WARNING, marks=pytest.mark.row(165)),
        pytest.param({"delayed": 501}, CRITICAL, marks=pytest.mark.row(165)),
    ],
    ids=str,
)
def test_the_edges(numbers, level):
    assert worst(judge([snapshot(**numbers)], {})) is level


@pytest.mark.row(164)
def test_active_jobs_are_not_judged_beside_workers_whose_slots_nobody_knows():
    assert judge([snapshot(active=99, slots=5, connected=2)], {}) == []


@pytest.mark.row(164)
def test_active_jobs_without_any_worker_are_lost():
    (finding,) = judge([snapshot(active=1)], {})
    assert finding == Finding("mail", CRITICAL, "active", 1, 0)


@pytest.mark.row(165)
def test_a_number_or_a_whole_queue_can_be_left_out():
    thresholds = thresholds_of({"timers": {"delayed": None}, "rubbish": None})
    stands = [snapshot(name, delayed=9999, waiting=9999) for name in ("mail", "timers", "rubbish")]
    assert [(each.queue, each.what) for each in judge(stands, thresholds)] == [
        ("mail", "waiting"),
        ("mail", "delayed"),
        ("timers", "waiting"),
    ]


def test_a_queue_takes_what_it_does_not_say_from_all_queues():
    thresholds = thresholds_of({"*": {"waiting": (1, 2)}, "mail": {"failed": [1, 2]}})
    found = judge([snapshot(waiting=2, failed=2), snapshot("other", failed=2)], thresholds)
    assert [(each.queue, each.what) for each in found] == [("mail", "waiting"), ("mail", "failed")]


def test_the_worst_comes_first_and_says_what_it_is():
    found = judge([snapshot("a", waiting=101), snapshot("b", failed=101)], {})
    assert [str(each) for each in found] == [
        "critical: b: failed 101 > 100",
        "warning: a: waiting 101 > 100",
    ]
    assert found[0].to_dict() == {
        "queue": "b",
        "level": "critical",
        "what": "failed",
        "value": 101,
        "limit": 100,
    }


def test_ages_are_judged_when_somebody_asks_for_it():
    stands = [snapshot(oldest_waiting=61.0, overdue=61.0)]
    assert judge(stands, {}) == []
    limits = thresholds_of({"*": {"oldest_waiting": (60, 600), "overdue": (5, 60)}})
    assert [each.level for each in judge(stands, limits)] == [CRITICAL, WARNING]


def test_a_damaged_queue_is_critical():
    assert worst(judge([snapshot(broken="WRONGTYPE")], {})) is CRITICAL


@pytest.mark.parametrize(
    "config",
    [
        {"mail": {"wating": (1, 2)}},
        {"mail": {"waiting": (2, 1)}},
        {"mail": {"waiting": 5}},
        {"mail": {"waiting": ("1", "2")}},
        {"mail": 5},
    ],
    ids=str,
)
def test_wrong_thresholds_are_refused(config):
    with pytest.raises(InvalidOption, match=r"waiting|mail"):
        thresholds_of(config)


@pytest.mark.row(161)
@pytest.mark.parametrize(
    ("failed", "waiting", "healthy"),
    [(99, 0, True), (100, 0, False), (0, 999, True), (0, 1000, False)],
)
def test_a_queue_is_healthy_below_both_numbers(driver, queue_name, failed, waiting, healthy):
    queue = Queue(queue_name, driver=driver)
    if waiting:
        queue.add_bulk([BulkJob("x")] * (waiting - 1))
        queue.add("x", priority=1)
    for number in range(failed):
        driver.execute(("ZADD", queue.keys.failed, number, f"f{number}"))
    found = check_queue_health(queue)
    assert found["healthy"] is healthy
    assert found["stats"]["failed"] == failed
    assert check_queue_health(queue, max_failed=failed, max_waiting=5000)["healthy"] is False
