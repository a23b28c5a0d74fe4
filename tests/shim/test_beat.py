"""Beats: what they write into Redis, what they send themselves, and that ten of them are as one."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import pytest

from bullrush import signals
from bullrush.beat import (
    BeatLazyFunc,
    EmbeddedService,
    PersistentScheduler,
    ScheduleEntry,
    Scheduler,
    Service,
)
from bullrush.core import clock
from bullrush.core.calls import run
from bullrush.core.errors import ConnectionFailed
from bullrush.exceptions import ImproperlyConfigured
from bullrush.result import AsyncResult
from bullrush.schedules import BaseSchedule, crontab, schedstate, schedule
from tests.support.waiting import wait_until

NOON = datetime(2024, 5, 5, 12, tzinfo=timezone.utc)


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self):
        self.moment = NOON

    def __call__(self):
        return int(self.moment.timestamp() * 1000) * 1_000_000

    def advance(self, seconds):
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def fixed(monkeypatch):
    fixed = Clock()
    monkeypatch.setattr(clock, "source", fixed)
    return fixed


@pytest.fixture
def add(app):
    @app.task(name="add")
    def add(x, y):
        return x + y

    return add


class EveryTen(BaseSchedule):
    """A schedule of the user's own."""

    def remaining_estimate(self, last_run_at):
        return last_run_at + timedelta(seconds=10) - self.now()

    def is_due(self, last_run_at):
        rest = self.remaining_estimate(last_run_at).total_seconds()
        return schedstate(rest <= 0, max(rest, 0) or 10)


def entry(when, **others):
    return {"task": "add", "schedule": when, "args": (1, 2), **others}


def beat(app, **entries):
    """A scheduler with that schedule, as a beat that starts has it."""
    app.conf.beat_schedule = entries
    return PersistentScheduler(app)


def found(app, queue=None):
    """The job schedulers in Redis by name."""
    name = queue or app.conf.task_default_queue
    return {each.id: each for each in app.queue(name).get_job_schedulers()}


def ms(moment):
    return int(moment.timestamp() * 1000)


def sent(app):
    """How many jobs wait."""
    return app.queue(app.conf.task_default_queue).get_waiting_count()


# -- what becomes a job scheduler --


def test_entries_become_job_schedulers_of_their_names(app, add, fixed):
    beat(app, often=entry(30), nightly=entry(crontab(minute="*/15", hour=3)))
    schedulers = found(app)
    assert (schedulers["often"].every, schedulers["often"].name) == (30_000, "add")
    nightly = schedulers["nightly"]
    assert (nightly.pattern, nightly.tz) == ("*/15 3 * * *", "UTC")
    assert nightly.data["args"] == [1, 2]


def test_an_interval_runs_first_when_it_has_passed_once(app, add, fixed):
    beat(app, often=entry(30))
    assert found(app)["often"].next == ms(NOON) + 30_000


def test_a_relative_interval_runs_on_whole_units(app, add, fixed):
    fixed.advance(100)
    beat(app, hourly=entry(3600, relative=True))
    assert found(app)["hourly"].next == ms(NOON) + 3_600_000


def test_the_time_zone_of_the_settings_counts(app, add, fixed):
    app.conf.timezone = "Asia/Kathmandu"
    beat(app, daily=entry(crontab(0, 0)))
    assert found(app)["daily"].tz == "Asia/Kathmandu"
    assert found(app)["daily"].next == ms(datetime(2024, 5, 5, 18, 15, tzinfo=timezone.utc))


def test_a_worker_runs_a_periodic_task_with_celerys_header(app, start):
    seen = []

    @app.task(name="look", bind=True)
    def look(self):
        seen.append((self.request.id, self.request.headers))
        return "looked"

    beat(app, look={"task": "look", "schedule": 0.2})
    start(concurrency=1)
    wait_until(lambda: len(seen) >= 2)
    (first, headers), (second, _) = seen[:2]
    assert first != second
    assert headers["celery_beat_task"] is True
    assert AsyncResult(first, app=app).get(timeout=10) == "looked"


def test_options_of_an_entry_are_those_of_its_jobs(app, add, fixed, queue_name):
    beat(app, often=entry(30, options={"queue": f"{queue_name}-b", "priority": 3}))
    assert found(app) == {}
    assert found(app, f"{queue_name}-b")["often"].options["priority"] == 3


def test_routes_decide_about_the_queue(app, add, fixed, queue_name):
    app.conf.task_routes = {"add": {"queue": f"{queue_name}-c"}}
    beat(app, often=entry(30))
    assert "often" in found(app, f"{queue_name}-c")


def test_another_serializer_packs_the_arguments(app, start):
    seen = []
    app.conf.task_serializer, app.conf.accept_content = "msgpack", ["json", "msgpack"]
    app.task(name="look")(lambda text: seen.append(text))
    beat(app, look={"task": "look", "schedule": 0.2, "args": (b"raw",)})
    start(concurrency=1)
    assert wait_until(lambda: seen)[0] == b"raw"
    beat(app)
    assert found(app) == {}


def test_a_task_that_is_not_known_here_is_written_by_name(app, fixed):
    beat(app, often={"task": "elsewhere", "schedule": 5})
    assert found(app)["often"].name == "elsewhere"


@pytest.mark.parametrize("setting", ["expires", "beat_cron_starting_deadline"])
def test_a_run_that_starts_too_late_is_left_out(app, add, start, fixed, monkeypatch, setting):
    if setting == "expires":
        beat(app, often=entry(crontab(), options={"expires": 20}))
    else:
        app.conf.beat_cron_starting_deadline = 20
        beat(app, often=entry(crontab()))
    slot = found(app)["often"].next
    monkeypatch.undo()  # today, years later
    start(concurrency=1)
    result = AsyncResult(f"repeat:often:{slot}", app=app)
    assert wait_until(lambda: result.state in ("REVOKED", "FAILURE"))


# -- a beat that starts again --


def test_a_restart_changes_nothing(app, add, fixed):
    entries = {"often": entry(30), "hourly": entry(crontab(minute=0))}
    beat(app, **entries)
    before = found(app)
    fixed.advance(10)
    beat(app, **entries)
    assert found(app) == before


def test_what_was_missed_runs_once_after_a_restart(app, add, fixed):
    entries = {"often": entry(30), "hourly": entry(crontab(minute=0))}
    beat(app, **entries)
    fixed.advance(86_400)
    beat(app, **entries)
    queue = app.queue(app.conf.task_default_queue)
    taken = [job for _ in range(4) if (job := queue.get_next_job("token")) is not None]
    assert sorted(job.scheduler_id for job in taken) == ["hourly", "often"]


def test_entries_that_left_the_schedule_are_removed_and_others_stay(app, add, fixed, queue_name):
    beat(app, a=entry(30), b=entry(30, options={"queue": f"{queue_name}-b"}))
    app.queue(queue_name).upsert_job_scheduler("of-node", every=1000)
    beat(app, c=entry(30))
    assert set(found(app)) == {"c", "of-node"}
    assert found(app, f"{queue_name}-b") == {}


def test_beats_with_other_names_keep_their_entries(app, add, fixed):
    beat(app, a=entry(30))
    app.conf.beat_schedule_filename = "/run/other-schedule"
    beat(app, b=entry(30))
    assert set(found(app)) == {"a", "b"}


def test_a_scheduler_of_another_client_is_not_overwritten(app, add, fixed, queue_name):
    app.queue(queue_name).upsert_job_scheduler("mine", every=1000)
    scheduler = beat(app, mine=entry(30))
    assert found(app)["mine"].every == 1000
    assert scheduler.write_only() == ["mine"]  # this process sends it


def test_a_changed_interval_counts_from_the_last_run(app, add, fixed):
    beat(app, often=entry(30))
    fixed.advance(10)
    beat(app, often=entry(60))
    assert found(app)["often"].next == ms(NOON) + 60_000


def test_changed_arguments_keep_the_time_of_the_next_run(app, add, fixed):
    beat(app, often=entry(30), hourly=entry(crontab(minute=0)))
    before = {name: each.next for name, each in found(app).items()}
    fixed.advance(10)
    beat(app, often=entry(30, args=(3, 4)), hourly=entry(crontab(minute=0), args=(3, 4)))
    assert {name: each.next for name, each in found(app).items()} == before
    assert found(app)["often"].data["args"] == [3, 4]


# -- what the beat sends itself --

BOTH_DAYS = crontab(0, 0, day_of_week="mon-fri", day_of_month="1-7")


@pytest.mark.parametrize(
    "others",
    [
        {"schedule": EveryTen()},
        {"schedule": BOTH_DAYS},
        {"args": (BeatLazyFunc(lambda: 1), 2)},
        {"options": {"countdown": 5}},
        {"schedule": schedule(90 * 60, relative=True)},
    ],
)
def test_what_a_job_scheduler_cannot_say_is_left_to_the_beat(app, add, fixed, others):
    assert beat(app, special={**entry(30), **others}).write_only() == ["special"]
    assert found(app) == {}


def test_a_task_with_its_own_apply_async_is_left_to_the_beat(app, fixed):
    class Once(app.Task):
        def apply_async(self, *args, **options):
            return super().apply_async(*args, **options)

    app.task(name="once", base=Once)(lambda: None)
    assert beat(app, once={"task": "once", "schedule": 5}).write_only() == ["once"]


def test_who_listens_to_calls_hears_of_every_run(app, add, fixed):
    heard = []

    def listen(sender=None, **_):
        heard.append(sender)

    signals.before_task_publish.connect(listen)
    try:
        scheduler = beat(app, often=entry(10))
        fixed.advance(10)
        scheduler.tick()
    finally:
        signals.before_task_publish.disconnect(listen)
    assert heard == ["add"]


def test_a_beat_sends_an_entry_when_it_is_due_and_once(app, add, fixed):
    scheduler = beat(app, special=entry(EveryTen(), args=(BeatLazyFunc(lambda: 5), 2)))
    assert scheduler.tick() > 0
    fixed.advance(10)
    assert scheduler.tick() == 0
    assert 0 < scheduler.tick() <= 10
    (job,) = app.queue(app.conf.task_default_queue).get_waiting()
    assert job.data["args"] == [5, 2]
    assert job.data["celery"]["headers"]["celery_beat_task"] is True


def test_a_crontab_with_both_day_fields_fires_on_days_that_match_both(app, add, fixed):
    scheduler = beat(app, special=entry(BOTH_DAYS))
    days = []
    for _ in range(40):
        fixed.advance(86_400 / 2)
        if scheduler.tick() == 0:
            days.append(fixed.moment.date().isoformat())
    assert days == ["2024-05-06", "2024-05-07"]


def tick_twice(scheduler):
    scheduler.tick()
    scheduler.tick()


def test_ten_beats_send_once(app, add, fixed):
    beats = [beat(app, special=entry(EveryTen()), often=entry(30)) for _ in range(10)]
    for _ in range(3):
        fixed.advance(10)
        threads = [threading.Thread(target=tick_twice, args=(each,)) for each in beats]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sent(app) == 3
    assert len(app.queue(app.conf.task_default_queue).get_delayed()) == 1


def test_ten_beats_that_start_at_once_write_one_schedule(app, add, fixed):
    app.conf.beat_schedule = {
        "special": entry(EveryTen()),
        "often": entry(30),
        "c": entry(crontab()),
    }
    beats = []
    threads = [
        threading.Thread(target=lambda: beats.append(PersistentScheduler(app))) for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.schedule["special"].last_run_at for each in beats}) == 1
    assert set(found(app)) == {"often", "c"}
    assert len(app.queue(app.conf.task_default_queue).get_delayed()) == 2


def test_a_turn_whose_answer_was_lost_is_not_lost(app, add, fixed, monkeypatch):
    scheduler = beat(app, special=entry(EveryTen()))
    fixed.advance(10)

    def lose(driver, call):
        run(driver, call)
        raise ConnectionFailed("the answer was lost")

    with monkeypatch.context() as patched:
        patched.setattr("bullrush.beat.persistent.run", lose)
        with pytest.raises(ConnectionFailed):
            scheduler.tick()
    fixed.advance(1)
    scheduler.tick()
    assert (sent(app), scheduler.schedule["special"].total_run_count) == (1, 1)


def test_an_entry_that_cannot_be_written_does_not_stop_the_others(app, add, fixed, caplog):
    beat(app, bad=entry(30, options={"queue": "with:colon"}), good=entry(30))
    assert set(found(app)) == {"good"}
    assert "bad" in caplog.text


def test_the_last_run_outlives_the_beat(app, add, fixed):
    first = beat(app, special=entry(EveryTen()))
    fixed.advance(10)
    first.tick()
    fixed.advance(5)
    second = beat(app, special=entry(EveryTen()))
    assert second.schedule["special"].last_run_at == NOON + timedelta(seconds=10)
    assert second.schedule["special"].total_run_count == 1
    fixed.advance(3600)
    third = beat(app, special=entry(EveryTen()))
    assert [third.tick() == 0, third.tick() == 0] == [True, False]  # missed runs are one run


def test_an_entry_that_comes_back_counts_from_now(app, add, fixed):
    beat(app, special=entry(EveryTen()))
    beat(app)
    fixed.advance(60)
    again = beat(app, special=entry(EveryTen()))
    assert again.schedule["special"].last_run_at == fixed.moment


def test_an_entry_that_cannot_be_sent_does_not_stop_the_others(app, add, fixed, caplog):
    scheduler = beat(app, bad=entry(EveryTen(), args=(object(), 2)), good=entry(EveryTen()))
    fixed.advance(10)
    assert [scheduler.tick(), scheduler.tick()] == [0, 0]
    assert sent(app) == 1
    assert "Couldn't apply scheduled task bad" in caplog.text


def test_a_schedule_that_raises_is_asked_again_later(app, add, fixed, caplog):
    class Broken(EveryTen):
        def is_due(self, last_run_at):
            raise LookupError("no calendar")

    scheduler = beat(app, bad=entry(Broken()), good=entry(EveryTen()))
    fixed.advance(10)
    scheduler._heap = None
    assert scheduler.tick() == 0
    assert "no calendar" in caplog.text


def test_arguments_that_the_task_does_not_take_are_told(app, add, fixed, caplog):
    scheduler = beat(app, bad=entry(30, args=(1, 2, 3)))
    assert found(app) == {}
    assert scheduler.write_only() == ["bad"]
    assert "cannot be sent" in caplog.text


# -- schedulers of one's own --


class Memory(Scheduler):
    """Entries from elsewhere, as a scheduler with a database has them."""

    rows = {}

    def setup_schedule(self):
        self.install_default_entries(self.schedule)
        self.update_from_dict(self.rows)

    @property
    def schedule(self):
        return self.data


def test_a_scheduler_of_ones_own_sends_what_it_says(app, add, fixed):
    Memory.rows = {"often": entry(10)}
    scheduler = Memory(app)
    assert 9 < scheduler.tick() < 10
    fixed.advance(10)
    assert scheduler.tick() == 0
    assert sent(app) == 1
    assert scheduler.schedule["often"].total_run_count == 1
    scheduler.schedule["more"] = scheduler._maybe_entry("more", entry(1))
    fixed.advance(1)
    assert scheduler.tick() == 0


def test_a_scheduler_is_found_by_its_path(app):
    for path in (
        "celery.beat:PersistentScheduler",
        "bullrush.beat.Scheduler",
        f"{__name__}:Memory",
    ):
        assert isinstance(Service(app, scheduler_cls=path).get_scheduler(lazy=True), Scheduler)
    with pytest.raises(ImproperlyConfigured, match="nowhere"):
        Service(app, scheduler_cls="nowhere:Scheduler").get_scheduler()


def test_the_setting_names_the_scheduler(app):
    app.conf.beat_scheduler = f"{__name__}:Memory"
    assert type(Service(app).get_scheduler(lazy=True)) is Memory


def test_of_two_beats_with_a_scheduler_of_ones_own_one_sends(app, add, fixed):
    Memory.rows = {"often": entry(10)}
    services = [Service(app, scheduler_cls=Memory) for _ in range(2)]
    for service in services:
        service._turn()
    for _ in range(3):
        fixed.advance(10)
        for service in services:
            service._turn()
    assert sent(app) == 3
    services[0]._leave()
    services[1]._turn()
    fixed.advance(10)
    for service in services[1:]:
        service._turn()
    assert sent(app) == 4


def test_a_beat_that_died_is_followed_by_another(app, add, fixed):
    Memory.rows = {"often": entry(10)}
    first, second = (Service(app, scheduler_cls=Memory) for _ in range(2))
    first._turn()
    second._turn()
    assert "scheduler" not in vars(second)
    fixed.advance(31)
    second._turn()
    assert "scheduler" in vars(second)


# -- the service --


def test_the_signal_of_a_beat_gets_its_service(app, add):
    seen = []

    def look(sender=None, **_):
        seen.append(sender)
        sender.stop()

    signals.beat_init.connect(look, weak=False)
    try:
        service = app.Beat(quiet=True).Service(app)
        service.start()
    finally:
        signals.beat_init.disconnect(look)
    assert seen == [service]


def test_an_embedded_beat_sends_beside_the_worker(app, start):
    ran = threading.Event()
    app.task(name="ring")(lambda: ran.set())
    app.conf.beat_schedule = {"ring": {"task": "ring", "schedule": BothWays()}}
    start(concurrency=1)
    embedded = EmbeddedService(app)
    embedded.start()
    assert ran.wait(10)
    embedded.stop()
    assert not embedded._thread.is_alive()


class BothWays(EveryTen):
    """Due at once."""

    def is_due(self, last_run_at):
        return schedstate(True, 0.05)


# -- adding entries in code --


def test_a_periodic_task_may_be_added_before_there_are_settings(app, add):
    assert app.add_periodic_task(10, add, args=(1, 2), name="early", expires=5) == "early"
    assert app.add_periodic_task(10.0, add, args=(1,), kwargs={"y": 2}) == "add(1, y=2)"
    early = app.conf.beat_schedule["early"]
    assert early["options"] == {"expires": 5}
    assert (early["task"], early["schedule"], early["args"]) == ("add", 10, (1, 2))


def test_a_signature_gives_its_arguments_and_options(app, add, fixed):
    name = app.add_periodic_task(30, add.s(2).set(priority=3), args=(1,), expires=60)
    assert name == "add(1, 2)"
    PersistentScheduler(app)
    written = found(app)[name]
    assert written.data["args"] == [1, 2]
    assert written.options["priority"] == 3
    assert written.data["celery"]["expires_after"] == 60


def test_an_immutable_signature_keeps_its_arguments(app, add):
    assert app.add_periodic_task(30, add.si(2, 3), args=(1,)) == "add(2, 3)"


def test_periodic_tasks_are_added_when_the_application_is_configured(app, add, fixed):
    @app.on_after_configure.connect
    def set_up(sender, **_):
        sender.add_periodic_task(crontab(minute=0), add, args=(1, 2), name="hourly")

    PersistentScheduler(app)
    assert found(app)["hourly"].pattern == "0 * * * *"


def test_entries_compare_by_what_they_say(app, fixed):
    one = ScheduleEntry("a", "add", schedule=30, app=app)
    after = one.next()
    assert (one == after, after.total_run_count) == (True, 1)
    assert one != ScheduleEntry("a", "add", schedule=31, app=app)
    assert repr(one) == "<ScheduleEntry: a add() <freq: 30.00 seconds>>"
