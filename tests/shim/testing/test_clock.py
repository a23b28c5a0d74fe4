"""The fixtures with a clock that the test moves."""

from __future__ import annotations

import datetime
import threading
from itertools import pairwise

import pytest

from bullrush.core import Queue
from bullrush.core.errors import InvalidOption
from bullrush.schedules import crontab
from bullrush.testing import VirtualClock, seconds_of


@pytest.fixture(params=["redis", "memory"])
def bullrush_redis(request, redis_url):
    """Both drivers, whatever the command line says."""
    return redis_url if request.param == "redis" else f"memory://{request.node.name}"


@pytest.fixture
def ran(bullrush_app, bullrush_clock, bullrush_worker):
    """Tasks `note` and `fail`, and the moments at which they ran, in s since the start."""
    began, ran = bullrush_clock.now, []

    @bullrush_app.task(name="note")
    def note(what="note"):
        ran.append((what, (bullrush_clock.now - began).total_seconds()))

    return ran


def test_a_delay_passes_when_the_test_says_so(bullrush_app, bullrush_clock, ran):
    bullrush_app.tasks["note"].apply_async(("later",), countdown=7200)
    bullrush_clock.advance("1h 59m")
    assert ran == []
    bullrush_clock.advance("1m")
    assert ran == [("later", 7200.0)]


def test_what_falls_due_on_the_way_happens_in_its_order(bullrush_app, bullrush_clock, ran):
    note = bullrush_app.tasks["note"]
    for seconds in (30, 10, 20):
        note.apply_async((seconds,), countdown=seconds)
    note.delay(0)
    bullrush_clock.advance(60)
    assert ran == [(0, 0.0), (10, 10.0), (20, 20.0), (30, 30.0)]


def ladder(app, clock, delay, attempts):
    """When the attempts of a job ran that fails each time, in s since the start."""
    began, ran = clock.now, []

    backoff = {"type": "exponential", "delay": delay}

    @app.task(name="send", job_options={"attempts": attempts, "backoff": backoff})
    def send():
        ran.append((clock.now - began).total_seconds())
        raise ValueError("no")

    result = send.delay()
    clock.advance("1d")
    assert result.state == "FAILURE"
    return [after - before for before, after in pairwise(ran)]


@pytest.mark.row(33)
def test_an_email_is_tried_after_one_and_two_minutes(bullrush_app, bullrush_clock, bullrush_worker):
    assert ladder(bullrush_app, bullrush_clock, 60_000, 3) == [60.0, 120.0]


@pytest.mark.row(38)
def test_an_orchestration_is_tried_after_30_and_60_s(bullrush_app, bullrush_clock, bullrush_worker):
    assert ladder(bullrush_app, bullrush_clock, 30_000, 3) == [30.0, 60.0]


@pytest.mark.row(119)
def test_the_ladder_of_retries_is_1_2_and_4_s(bullrush_app, bullrush_clock, bullrush_worker):
    assert ladder(bullrush_app, bullrush_clock, 1_000, 4) == [1.0, 2.0, 4.0]


@pytest.mark.row(34)
def test_completed_emails_are_kept_a_day_and_failed_ones_a_week(
    bullrush_app, bullrush_clock, bullrush_worker
):
    day, week = {"age": 86_400}, {"age": 604_800}

    @bullrush_app.task(job_options={"remove_on_complete": day, "remove_on_fail": week})
    def send(fails=False):
        if fails:
            raise ValueError("no")

    queue = bullrush_app.queue(bullrush_app.conf.task_default_queue)

    def kept():
        send.delay()
        send.delay(fails=True)
        bullrush_clock.run_until_idle()
        return queue.get_completed_count(), queue.get_failed_count()

    assert kept() == (1, 1)
    bullrush_clock.advance("23h")
    assert kept() == (2, 2)
    bullrush_clock.advance("2h")
    assert kept() == (2, 3)
    bullrush_clock.advance("6d")
    assert kept() == (1, 3)


@pytest.mark.row(220)
def test_a_test_of_a_worker_needs_no_sleep(bullrush_app, run_until_idle):
    stored = {}

    @bullrush_app.task
    def embed(person):
        stored[person] = "embedding"
        return [embed.delay(f"{person}!").id] if len(person) < 4 else []

    embed.delay("a")
    run_until_idle()
    assert stored == dict.fromkeys(["a", "a!", "a!!", "a!!!"], "embedding")


def test_a_retry_waits_for_its_countdown(bullrush_app, bullrush_clock, bullrush_worker):
    began, ran = bullrush_clock.now, []

    @bullrush_app.task(bind=True, max_retries=3)
    def fetch(self):
        ran.append((bullrush_clock.now - began).total_seconds())
        if len(ran) < 4:
            raise self.retry(countdown=600 * len(ran))
        return "got it"

    result = fetch.delay()
    bullrush_clock.advance("2h")
    assert ran == [0.0, 600.0, 1800.0, 3600.0]
    assert result.get(timeout=10) == "got it"


def test_expired_tasks_do_not_run(bullrush_app, bullrush_clock, ran):
    result = bullrush_app.tasks["note"].apply_async(countdown=100, expires=50)
    bullrush_clock.advance("5m")
    assert (ran, result.state) == ([], "REVOKED")


def test_job_schedulers_run_at_each_of_their_moments(bullrush_app, bullrush_clock, ran):
    queue = bullrush_app.queue(bullrush_app.conf.task_default_queue)
    bullrush_clock.advance_to(bullrush_clock.now.replace(microsecond=0) + datetime.timedelta(1))
    ran.clear()
    queue.upsert_job_scheduler("often", every=600_000, name="note")
    bullrush_clock.advance("1h")
    moments = [moment for _, moment in ran]
    assert 6 <= len(moments) <= 7
    assert {after - before for before, after in pairwise(moments[1:])} == {600.0}


@pytest.mark.bullrush(now=datetime.datetime(2026, 3, 1, 9, 0))
def test_the_schedule_of_beat_is_kept(bullrush_app, bullrush_clock, bullrush_worker):
    ran = []

    @bullrush_app.task(name="note")
    def note(what):
        ran.append((what, bullrush_clock.now.strftime("%d %H:%M")))

    bullrush_app.conf.beat_schedule = {
        "noon": {"task": "note", "schedule": crontab(hour=12, minute=0), "args": ("noon",)},
        # Cron has no day that matches both fields, so the beat itself sends it.
        "both": {
            "task": "note",
            "schedule": crontab(hour=13, minute=0, day_of_month="2,3", day_of_week="mon"),
            "args": ("both",),
        },
    }
    bullrush_clock.advance("2d")
    assert ran == [("noon", "01 12:00"), ("noon", "02 12:00"), ("both", "02 13:00")]


def test_a_job_of_a_lost_worker_is_taken_back(bullrush_app, bullrush_clock, ran):
    bullrush_clock.run_until_idle()
    with Queue("lost", driver=bullrush_app.driver, prefix=bullrush_app.prefix) as queue:
        queue.add("note", {"args": ["again"], "kwargs": {}})
        assert queue.get_next_job(token="nobody") is not None
        bullrush_clock.run_until_idle()
        assert ran == []
        bullrush_clock.advance("3m")
    assert [what for what, _ in ran] == ["again"]


def test_a_rate_limit_of_a_task_is_kept(bullrush_app, bullrush_clock, bullrush_worker):
    began, ran = bullrush_clock.now, []

    @bullrush_app.task(rate_limit="6/m")
    def call():
        ran.append((bullrush_clock.now - began).total_seconds())

    for _ in range(4):
        call.delay()
    bullrush_clock.advance("1m")
    assert ran == [0.0, 10.0, 20.0, 30.0]


def test_the_rate_limit_of_a_queue_is_kept(bullrush_app, bullrush_clock, ran):
    queue = bullrush_app.queue("limited")
    queue.set_global_rate_limit(max=2, duration=60_000)
    for number in range(5):
        bullrush_app.tasks["note"].apply_async((number,), queue="limited")
    bullrush_clock.run_until_idle()
    assert [moment for _, moment in ran] == [0.0, 0.0]
    bullrush_clock.advance("3m")
    assert len(ran) == 5
    assert all(moment > 50 for _, moment in ran[2:])
    assert ran[4][1] > 100


def test_deduplication_ends_in_its_time(bullrush_app, bullrush_clock, ran):
    queue = bullrush_app.queue("q")
    once = {"deduplication": {"id": "once", "ttl": 60_000}}
    for span in ("59s", "2s", "0s"):
        queue.add("note", {"args": [], "kwargs": {}}, **once)
        bullrush_clock.advance(span)
    queue.add("note", {"args": [], "kwargs": {}}, **once)
    bullrush_clock.run_until_idle()
    assert len(ran) == 2


def test_queues_that_nobody_may_serve_stay_as_they_are(bullrush_app, bullrush_clock, ran):
    bullrush_app.queue("held").pause()
    bullrush_app.tasks["note"].apply_async(queue="held")
    bullrush_clock.advance("1h")
    assert ran == []
    bullrush_app.queue("held").resume()
    bullrush_clock.run_until_idle()
    assert len(ran) == 1


def test_a_task_that_does_not_end_is_named(bullrush_app, bullrush_clock, bullrush_worker):
    release = threading.Event()

    @bullrush_app.task
    def hang():
        release.wait(30)

    hang.delay()
    bullrush_clock.patience = 0.2
    with pytest.raises(AssertionError, match=r"not at rest after 0\.2 s: celery: 0 .*, 1 run"):
        bullrush_clock.run_until_idle()
    release.set()


def test_there_is_one_clock_in_a_process(bullrush_app, bullrush_clock):
    with pytest.raises(InvalidOption, match="another clock is in place already"):
        VirtualClock(bullrush_app).start()


@pytest.mark.parametrize(
    ("span", "seconds"),
    [("2h", 7200), ("1h 30m", 5400), ("250ms", 0.25), ("1d", 86400), (90, 90.0), ("1.5s", 1.5)],
)
def test_spans_are_written_as_people_do(span, seconds):
    assert seconds_of(span) == seconds


@pytest.mark.parametrize("span", ["2 hours", "", "h", -1, True, None, float("inf")])
def test_anything_else_is_refused(span):
    with pytest.raises(InvalidOption, match="no span of time"):
        seconds_of(span)
