"""Jobs finished in each minute, and Prometheus' text: protocol part 1, section 11."""

from __future__ import annotations

import random

import pytest

from bullrush.core import Completed, Failed, Metrics, MetricsMeta, MetricsTime, Retried
from bullrush.core.errors import InvalidOption
from tests.support.waiting import wait_until

MINUTE = 60_000
#: The start of some minute.
NOON = 29_000_000 * MINUTE


@pytest.fixture
def work(hands):
    """Finishes one job, or several at once, at a time of the test's choice."""

    def finish(now, *outcomes, size=5):
        outcomes = outcomes or (Completed(1),)
        for _ in outcomes:
            hands.queue.add("x", attempts=2)
        taken = hands.take(len(outcomes))
        reply = hands.trip(list(zip(taken, outcomes, strict=True)), now=now, metrics=size)
        assert not any(reply.codes)

    return finish


def seed(stored, kind="completed", data=(), **meta):
    """What an earlier worker left."""
    for name, value in meta.items():
        stored.run("HSET", getattr(stored.keys, f"metrics_{kind}"), name, value)
    for number in data:
        stored.run("RPUSH", getattr(stored.keys, f"metrics_{kind}_data"), number)


def test_the_example_of_the_protocol(queue, stored, work):
    seed(stored, data=[7, 8], count=10, prevCount=4, prevTS=NOON - 3 * MINUTE)
    work(NOON)
    assert queue.get_metrics("completed") == Metrics(MetricsMeta(11, NOON, 10), [0, 0, 6, 7, 8], 5)


def test_the_first_job_only_starts_the_clock(queue, work):
    work(NOON + 7)
    assert queue.get_metrics("completed") == Metrics(MetricsMeta(1, NOON + 7, 0), [], 0)


def test_jobs_of_one_minute_are_counted_by_the_next(queue, work):
    for now in (NOON, NOON + 1, NOON + MINUTE - 1):
        work(now)
    assert queue.get_metrics("completed").data == []
    work(NOON + MINUTE)
    assert queue.get_metrics("completed") == Metrics(MetricsMeta(4, NOON + MINUTE, 3), [3], 1)


def test_silent_minutes_are_zeros_left_of_the_last_count(queue, work):
    work(NOON)
    work(NOON + 4 * MINUTE)
    assert queue.get_metrics("completed").data == [0, 0, 0, 1]


def test_only_as_many_minutes_are_kept_as_asked_for(queue, work):
    for minute in range(9):
        work(NOON + minute * MINUTE, size=3)
    assert queue.get_metrics("completed").data == [1, 1, 1]
    work(NOON + 10_000 * MINUTE, size=3)
    assert queue.get_metrics("completed").data == [0, 0, 1]


def test_a_long_silence_fits_into_one_step(queue, work):
    size = MetricsTime.ONE_MONTH
    work(NOON, size=size)
    work(NOON + 2 * size * MINUTE, size=size)
    metrics = queue.get_metrics("completed")
    assert (metrics.count, sum(metrics.data), metrics.data[-1]) == (size, 1, 1)


def test_a_batch_counts_as_its_jobs_one_by_one(queue, make_queue, hands, stored, work):
    rng = random.Random(seed_of := random.randrange(10**6))
    expected, now = Meter(4), NOON
    for _ in range(12):
        now += rng.choice([0, 1, 30_000, MINUTE, 3 * MINUTE, 9 * MINUTE])
        batch = rng.randrange(1, 6)
        work(now, *[Completed(1)] * batch, size=4)
        for _ in range(batch):
            expected.count_one(now)
    assert queue.get_metrics("completed") == expected.metrics(), f"seed {seed_of}"


class Meter:
    """Section 11, step by step, one job at a time."""

    def __init__(self, size):
        self.size, self.count, self.prev_ts, self.prev_count, self.data = size, 0, None, 0, []

    def count_one(self, now):
        self.count += 1
        prior = self.count - 1
        if self.prev_ts is None:
            self.prev_ts = now
            return
        minutes = min(now // MINUTE - self.prev_ts // MINUTE, self.size)
        if minutes <= 0:
            return
        self.data.insert(0, prior - self.prev_count)
        self.data[:0] = [0] * (minutes - 1)
        del self.data[self.size :]
        self.prev_count, self.prev_ts = prior, now

    def metrics(self):
        meta = MetricsMeta(self.count, self.prev_ts, self.prev_count)
        return Metrics(meta, self.data, len(self.data))


def test_only_ends_count_each_in_its_own_place(queue, work):
    work(NOON, Completed(1), Failed("x"), Retried(0, "x"), Failed("y"))
    assert queue.get_metrics("completed").meta.count == 1
    assert queue.get_metrics("failed").meta.count == 2


def test_nothing_is_counted_unless_asked_for(queue, stored, work):
    work(NOON, size=None)
    assert not any(key.startswith("metrics") for key in stored.all_keys())
    assert queue.get_metrics("failed") == Metrics(MetricsMeta(0, 0, 0), [], 0)


def test_a_part_of_the_minutes_can_be_read(queue, stored):
    seed(stored, data=[5, 4, 3, 2, 1], count=20)
    assert queue.get_metrics("completed", 1, 2) == Metrics(MetricsMeta(20, 0, 0), [4, 3], 5)
    assert queue.get_metrics("completed", -2).data == [2, 1]


@pytest.mark.parametrize(
    "arguments", [("waiting",), ("completed", "0"), ("completed", 0, 1.5)], ids=str
)
def test_wrong_questions_are_refused(queue, arguments):
    with pytest.raises(InvalidOption):
        queue.get_metrics(*arguments)


@pytest.mark.parametrize("damage", ["hash", "list", "count", "prevTS"])
def test_damaged_counts_do_not_keep_jobs_from_finishing(queue, stored, work, damage):
    seed(stored, data=[1], count=3, prevCount=1, prevTS=NOON - MINUTE)
    if damage == "hash":
        stored.run("SET", stored.keys.metrics_completed, "x")
    elif damage == "list":
        stored.run("SET", stored.keys.metrics_completed_data, "x")
    else:
        seed(stored, **{damage: "rubbish"})
    work(NOON)
    assert queue.get_state("1") == "completed"


def test_a_worker_counts_when_it_is_told_to(queue, start_worker, url):
    start_worker(lambda delivery: None, metrics=MetricsTime.ONE_HOUR)
    for _ in range(3):
        queue.add("x")
    wait_until(lambda: queue.get_metrics("completed").meta.count == 3)


class TestPrometheus:
    """export_prometheus_metrics."""

    def test_the_text_has_every_state_and_both_totals(self, queue, queue_name, work):
        work(NOON, Completed(1), Completed(2), Failed("x"))
        queue.add("x", delay=60_000)
        lines = queue.export_prometheus_metrics().split("\n")
        assert lines[:2] == [
            "# HELP bullmq_job_count Number of jobs in the queue by state",
            "# TYPE bullmq_job_count gauge",
        ]
        states = ("active", "completed", "delayed", "failed", "prioritized", "waiting")
        assert lines[2:9] == [
            f'bullmq_job_count{{queue="{queue_name}", state="{state}"}} {count}'
            for state, count in zip(
                (*states, "waiting-children"), (0, 2, 1, 1, 0, 0, 0), strict=True
            )
        ]
        assert lines[9:] == [
            "# HELP bullmq_job_completed_total Total number of completed jobs",
            "# TYPE bullmq_job_completed_total counter",
            f'bullmq_job_completed_total{{queue="{queue_name}"}} 2',
            "# HELP bullmq_job_failed_total Total number of failed jobs",
            "# TYPE bullmq_job_failed_total counter",
            f'bullmq_job_failed_total{{queue="{queue_name}"}} 1',
        ]

    def test_labels_are_added_and_escaped(self, queue):
        text = queue.export_prometheus_metrics({"env": 'a"b\\c\nd', "host": "ü"})
        assert ', env="a\\"b\\\\c\\nd", host="ü"} 0' in text

    @pytest.mark.parametrize("label", ["", "a-b", "1a", "queue", "state", "a b"])
    def test_labels_that_prometheus_does_not_allow_are_refused(self, queue, label):
        with pytest.raises(InvalidOption, match="cannot be a further label"):
            queue.export_prometheus_metrics({label: "x"})
