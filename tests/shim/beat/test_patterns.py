"""Crontabs as patterns of cron, which BullMQ reads by its own rules."""

from __future__ import annotations

import random
import zoneinfo
from datetime import datetime, timedelta, timezone

import pytest

from bullrush import Celery
from bullrush.beat.timing import pattern_of
from bullrush.core.cron import next_time
from bullrush.schedules import crontab
from tests.shim.test_schedules import ZONES, random_crontab

UTC = timezone.utc


@pytest.fixture
def app():
    with Celery("proj", broker="memory://patterns", set_as_current=False) as app:
        yield app


def cron_after(pattern, moment, zone):
    found = next_time(pattern, int(moment.timestamp() * 1000), zone)
    return datetime.fromtimestamp(found / 1000, UTC)


@pytest.mark.parametrize(
    ("fields", "pattern"),
    [
        ({}, "* * * * *"),
        ({"minute": "*/15", "hour": "8-10"}, "*/15 8,9,10 * * *"),
        ({"minute": 0, "hour": "22-4/2"}, "0 0,2,4,22 * * *"),
        ({"minute": 0, "hour": 0, "day_of_week": "fri-mon"}, "0 0 * * 0,1,5,6"),
        ({"minute": 0, "hour": 0, "day_of_month": "*/10"}, "0 0 */10 * *"),
        ({"minute": 0, "hour": 0, "day_of_week": 1, "day_of_month": "1-7"}, "0 0 * * 1#1"),
        ({"minute": 0, "hour": 0, "day_of_week": 5, "day_of_month": "29-31"}, "0 0 * * 5#5"),
        ({"minute": 0, "hour": 0, "day_of_week": 1, "day_of_month": 13}, None),
        ({"minute": 0, "hour": 0, "day_of_week": "mon,tue", "day_of_month": "1-7"}, None),
    ],
)
def test_a_crontab_has_this_pattern(fields, pattern):
    assert pattern_of(crontab(**fields).fields) == pattern


@pytest.mark.parametrize("zone", ZONES)
def test_a_pattern_fires_when_its_crontab_is_due(zone, app):
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    chance, place = random.Random(seed), zoneinfo.ZoneInfo(zone)
    app.conf.timezone = zone
    for _ in range(100):
        when = crontab(**random_crontab(chance), app=app)
        pattern = pattern_of(when.fields)
        if pattern is None:
            continue
        moment = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(3_000_000))
        for _ in range(5):
            local = moment.astimezone(place)
            if len(when.hour) == 24 and repeats(local, place):
                break
            assert cron_after(pattern, moment, zone) == when.next_after(moment), (pattern, moment)
            moment = when.next_after(moment)


def repeats(local, place):
    """Whether the clock is put back within the hours around a time."""
    hours = (local + timedelta(hours=each) for each in range(-3, 4))
    return any(each.replace(fold=1, tzinfo=place).utcoffset() != each.utcoffset() for each in hours)


@pytest.mark.parametrize(
    ("when", "start", "runs"),
    [
        # The clock skips 2:00 to 3:00.
        ({"minute": 30, "hour": 2}, "2024-03-30T12:00", ["31 03:30 +02", "01 02:30 +02"]),
        ({"minute": 0}, "2024-03-31T00:30", ["31 01:00 +01", "31 03:00 +02", "31 04:00 +02"]),
        # It shows 2:00 to 3:00 twice.
        ({"minute": 30, "hour": 2}, "2024-10-26T12:00", ["27 02:30 +02", "28 02:30 +01"]),
    ],
)
def test_days_on_which_clocks_change_have_one_run_of_each_time(when, start, runs, app):
    app.conf.timezone = zone = "Europe/Berlin"
    place = zoneinfo.ZoneInfo(zone)
    mine = crontab(**when, app=app)
    pattern, first = pattern_of(mine.fields), datetime.fromisoformat(start).replace(tzinfo=place)
    for step in (mine.next_after, lambda moment: cron_after(pattern, moment, zone)):
        moment = first
        for run in runs:
            moment = step(moment)
            assert moment.astimezone(place).strftime("%d %H:%M %z")[:-2] == run


def test_in_an_hour_that_comes_twice_job_schedulers_go_on_where_celery_pauses(app):
    app.conf.timezone = zone = "Europe/Berlin"
    hourly = crontab(minute=0, app=app)
    first = datetime(2024, 10, 27, 0, 0, tzinfo=UTC)  # 2:00, for the first time
    assert hourly.next_after(first) == first + timedelta(hours=2)
    assert cron_after("0 * * * *", first, zone) == first + timedelta(hours=1)
