"""Words, pictures and reasons of the dashboard, without a server."""

from __future__ import annotations

import re

import pytest

from bullrush.core import BulkJob, Job, Queue
from bullrush.core.clock import now_ms
from bullrush.core.deploys import Deploy
from bullrush.core.drivers import connect
from bullrush.core.history import grown
from bullrush.core.operations.schedulers import JobScheduler
from bullrush.core.planting import JobNode
from bullrush.core.snapshot import QueueSnapshot, take
from bullrush.core.thresholds import Thresholds, judge
from bullrush.core.worker import Worker
from bullrush.flask_ext.dashboard.charts import sparkline, state_bar, throughput
from bullrush.flask_ext.dashboard.collector import Reading
from bullrush.flask_ext.dashboard.flow_tree import drawn
from bullrush.flask_ext.dashboard.history import WINDOWS, Gauges, commands_for, read_series
from bullrush.flask_ext.dashboard.overview import ONE_BY_ONE, banners, level_of, rows
from bullrush.flask_ext.dashboard.rendering import marks
from bullrush.flask_ext.dashboard.schedule_words import in_words
from bullrush.flask_ext.server import ServerState, read_server
from bullrush.flask_ext.upcoming import next_runs
from bullrush.flask_ext.words import age, instant, line, plain, pretty, short, span
from tests.support.waiting import wait_until

MINUTE = 60_000
ZEROS = dict.fromkeys(
    ("waiting", "active", "completed", "failed", "delayed", "prioritized", "waiting-children"), 0
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "\N{EN DASH}"),
        (0, "0 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (3_725, "1 h 2 min"),
        (36_000, "10 h"),
        (90_000, "1 d 1 h"),
        (-5, "0 s"),
    ],
)
def test_ages_have_two_parts_at_most(seconds, words):
    assert age(seconds) == words


def test_numbers_are_short():
    assert [short(n) for n in (0, 9_999, 12_345, 4_100_000, 2_000_000_000)] == [
        "0",
        "9,999",
        "12.3k",
        "4.1M",
        "2G",
    ]
    assert [span(ms) for ms in (12, 1_000, 1_250, 150_000)] == ["12 ms", "1 s", "1.2 s", "2 min"]


@pytest.mark.parametrize(
    "value", [{"a": float("nan")}, "\udcff", {"x": ["y"] * 5000}, None, 10**50]
)
def test_whatever_a_job_carries_has_a_line_and_a_pretty_form(value):
    assert len(line(value)) <= 90
    plain(pretty(value)).encode()


def test_times_that_no_calendar_has_are_no_times():
    assert instant(10**18) == ""
    assert instant(1_700_000_000_000) == "2023-11-14T22:13:20.000Z"


def test_a_chart_draws_what_it_is_given():
    assert "polyline" in sparkline([])
    assert "at most 9" in sparkline([1, 9, 3])
    bar = state_bar({**ZEROS, "waiting": 9_999, "failed": 1, "completed": 10**6})
    widths = [float(each) for each in re.findall(r'width="([\d.]+)" height="8"', bar)]
    assert len(widths) == 2
    assert min(widths) >= 2  # a single failed job is to be seen
    chart = throughput([(3, 1, "10:00"), (0, 0, "10:01"), (5, 2, "10:02")])
    assert chart.count("<g>") == 3
    assert "10:02: 5 completed, 2 failed" in chart


@pytest.mark.parametrize(
    ("scheduler", "count", "words"),
    [
        (JobScheduler("a", "a", 1000, every=500), 5, "every 500 ms"),
        (JobScheduler("a", "a", 1000, 4, every=500, limit=5), 2, "every 500 ms"),
        (JobScheduler("a", "a", 1000, every=500, end_date=1500), 2, "every 500 ms"),
        (JobScheduler("a", "a", 1000, every=0), 1, ""),
        (JobScheduler("a", "a", 1000, pattern="no pattern"), 1, ""),
        (JobScheduler("a", "a", 1000, pattern="@daily", tz="Mars/Base"), 1, ""),
        (JobScheduler("a", "a", 0), 0, ""),
    ],
)
def test_next_runs_end_where_the_schedule_ends(scheduler, count, words):
    runs = next_runs(scheduler, 0)
    assert len(runs) == count
    assert runs == sorted(set(runs))
    assert in_words(scheduler).lower() in (words, "at 00:00")


def test_history_of_unmetered_queues_counts_jobs_by_their_end(redis_url, queue_name):
    with Queue(queue_name, url=redis_url) as queue:
        now = now_ms()
        for ago in (0, 1, 59, 61):
            moment = now - ago * MINUTE
            queue.driver.execute(("ZADD", queue.keys.completed, moment, str(ago)))
        queue.driver.execute(("ZADD", queue.keys.completed, now - MINUTE, "another"))
        queue.driver.execute(("HSET", queue.keys.meta, "version", "1"))
        series = history(queue, now)
        assert (series.completed[-1], series.completed[-2], series.completed[0]) == (1, 2, 1)
        assert sum(series.completed) == 4


def test_history_of_metered_queues_is_what_workers_counted(redis_url, queue_name):
    with Queue(queue_name, url=redis_url) as queue:
        worker = Worker(queue_name, lambda d: None, url=redis_url, metrics=60).start()
        queue.add_bulk([])
        for _ in range(3):
            queue.add("run", remove_on_complete=True)
        while queue.get_metrics("completed").meta.count < 3:
            pass
        worker.stop()
        assert sum(history(queue, now_ms()).completed) == 3


def test_a_worker_that_counts_hides_nothing_of_one_that_does_not(redis_url, queue_name):
    """As when Node's workers have the option and ours have not."""
    with Queue(queue_name, url=redis_url) as queue:
        for metrics in (60, None):
            before = queue.get_completed_count()
            worker = Worker(queue_name, lambda d: None, url=redis_url, metrics=metrics).start()
            queue.add_bulk([BulkJob("run")] * (1 if metrics else 5))
            goal = before + (1 if metrics else 5)
            wait_until(lambda goal=goal: queue.get_completed_count() == goal)
            worker.stop()
        assert queue.get_metrics("completed").meta.count == 1
        assert sum(history(queue, now_ms()).completed) == 6


@pytest.mark.parametrize("span", ["24h", "7d", "90d"])
def test_jobs_that_are_gone_are_known_for_long(redis_url, queue_name, span):
    window, now = WINDOWS[span], now_ms()
    with Queue(queue_name, url=redis_url) as queue:
        queue.add("run", delay=60_000)
        first = window.starts(now)[0]
        for name, number in (*grown({"completed": 7}, first).items(), ("completed:20:1", 99)):
            queue.driver.execute(("HSET", queue.keys.history, name, number))
        for number in range(3):  # the newest are still there, and nobody has counted them
            queue.driver.execute(("ZADD", queue.keys.failed, now, str(number)))
        series = history(queue, now, span)
        assert (series.completed[0], sum(series.completed)) == (7, 7)
        assert (series.failed[-1], sum(series.failed)) == (3, 3)


def test_deploys_are_marked_where_they_were():
    now = 1_800_000_000_000
    found = marks([Deploy(now - 30 * MINUTE, "v2"), Deploy(now - 90 * MINUTE, "v1")], now, "1h")
    ((place, text),) = found
    assert 0.45 < place < 0.52
    assert text.startswith("v2, 2027-01-15")
    chart = throughput([(1, 0, "10:00")] * 60, [(place, "<b>")])
    assert "&lt;b&gt;" in chart
    assert len(marks([Deploy(now - 90 * MINUTE, "v1")], now, "24h")) == 1


def history(queue, now, span="1h"):
    """A stretch of time of a queue."""
    (shot,) = take(queue.driver, queue.keys.prefix, [queue.name])
    window = WINDOWS[span]
    commands = commands_for(shot, queue.keys.prefix, window, now)
    return read_series(shot, iter(queue.driver.execute_many(commands)), window, now)


def test_gauges_keep_the_highest_of_each_minute_for_an_hour():
    gauges = Gauges(3)
    gauges.note(0, {"waiting": 5})
    gauges.note(10, {"waiting": 9})
    gauges.note(MINUTE, {"waiting": 1})
    assert gauges.series("waiting", MINUTE) == [0, 9, 1]
    gauges.note(3 * MINUTE, {"waiting": 2})
    assert gauges.series("waiting", 3 * MINUTE) == [1, 1, 2]


def snapshot(**values):
    """A queue that stands like that."""
    counts = {**ZEROS, **values.pop("counts", {})}
    return QueueSnapshot(values.pop("name", "emails"), counts, **{"connected": 0, **values})


def test_banners_say_what_is_wrong_and_nothing_else():
    fine = ServerState(eviction="noeviction", append_only=True)
    assert banners(Reading(complete=True, server=fine)) == []
    lonely = snapshot(counts={"waiting": 3}, oldest_waiting=60.0)
    wrong = ServerState(eviction="allkeys-lru", append_only=False)
    found = banners(Reading(complete=False, server=wrong, queues=(lonely,)))
    assert [each.level for each in found] == ["critical", "critical", "warn", "warn"]
    assert "no workers, and 3 jobs" in found[0].text
    assert "allkeys-lru" in found[1].text
    memory = ServerState(volatile=True)
    assert "memory of this process" in banners(Reading(complete=True, server=memory))[0].text


def test_many_queues_in_trouble_hide_nothing_that_is_wrong_with_redis():
    queues = tuple(
        snapshot(name=f"q{n}", counts={"waiting": 1}, oldest_waiting=10.0 + n) for n in range(50)
    )
    wrong = ServerState(eviction="allkeys-lru", append_only=False)
    found = banners(Reading(complete=True, server=wrong, queues=queues))
    assert [each.queue for each in found[:ONE_BY_ONE]] == ["q49", "q48", "q47", "q46"]
    assert found[ONE_BY_ONE].text.startswith("46 more queues have no workers")
    assert "allkeys-lru" in found[-2].text
    assert "append-only" in found[-1].text
    assert len(banners(Reading(complete=True, queues=queues[: ONE_BY_ONE + 1]))) == ONE_BY_ONE + 1


def test_queues_are_in_the_order_of_their_trouble_and_then_of_their_oldest_job():
    ages = {"a": 40.0, "b": 50.0, "c": None, "d": 900.0}
    queues = [snapshot(name=name, oldest_waiting=age, connected=1) for name, age in ages.items()]
    queues += [snapshot(name="e", oldest_waiting=10.0), snapshot(name="f", oldest_waiting=30.0)]
    found = rows(Reading(complete=True, queues=tuple(queues)))
    assert [each.queue.name for each in found] == ["f", "e", "d", "b", "a", "c"]


def test_a_queue_that_nobody_serves_is_in_trouble_only_when_jobs_wait():
    assert level_of(snapshot()) == "ok"
    assert level_of(snapshot(oldest_waiting=60.0)) == "critical"
    assert level_of(snapshot(oldest_waiting=60.0, connected=1)) == "ok"
    assert level_of(snapshot(oldest_waiting=60.0, connected=None)) == "ok"  # CLIENT LIST forbidden
    assert level_of(snapshot(broken="WRONGTYPE")) == "critical"


def test_a_queue_above_its_limits_is_marked():
    queue = snapshot(connected=1, counts={"waiting": 6})
    limits = {"emails": Thresholds(waiting=(5, 50))}
    assert level_of(queue, judge([queue], limits)) == "warn"
    assert level_of(queue, judge([queue], {"emails": Thresholds(waiting=(1, 5))})) == "critical"
    assert level_of(queue, judge([queue], {"emails": None})) == "ok"


def test_a_flow_that_is_deep_or_names_a_job_twice_can_be_drawn():
    base = "bull:q:"
    node = JobNode(f"{base}0", Job(base, "0", {}))
    for number in range(1, 3000):
        node = JobNode(f"{base}{number}", Job(base, str(number), {}), (node, node))
    picture = drawn(node, {})
    assert len(picture.boxes) == 3000
    assert len({(box.x, box.y) for box in picture.boxes}) == 3000


def test_the_server_is_read_on_memory_too(queue_name):
    assert read_server(connect(f"memory://{queue_name}")).volatile
