"""A beat that starts again goes on where the one before it was."""

from __future__ import annotations

from datetime import timedelta

from bullrush.schedules import crontab
from tests.support.beats import NOON, EveryTen, beat, entry, found, ms


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
