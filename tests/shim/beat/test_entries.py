"""Entries that are added in code."""

from __future__ import annotations

from bullrush.beat import PersistentScheduler, ScheduleEntry
from bullrush.schedules import crontab
from tests.support.beats import found


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
