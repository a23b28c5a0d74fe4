"""What a job scheduler cannot say the beat sends itself, and ten of them are as one."""

from __future__ import annotations

import threading

import pytest

from bullrush import signals
from bullrush.beat import BeatLazyFunc, PersistentScheduler
from bullrush.core.calls import run
from bullrush.core.errors import ConnectionFailed
from bullrush.schedules import crontab, schedule
from tests.support.beats import EveryTen, beat, entry, found, sent

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
