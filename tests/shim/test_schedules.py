"""Schedules by Celery's rules; Celery itself is asked what they are."""

from __future__ import annotations

import pickle
import random
import zoneinfo
from datetime import datetime, timedelta, timezone

import celery
import celery.schedules as theirs
import pytest

from bullrush import Celery, schedules
from bullrush.exceptions import ImproperlyConfigured
from bullrush.schedules import ParseException, crontab, maybe_schedule, schedule, solar

UTC = timezone.utc
NOON = datetime(2024, 5, 5, 12, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]


@pytest.fixture
def app():
    return Celery("proj", broker="memory://schedules", set_as_current=False)


@pytest.fixture
def oracle():
    app = celery.Celery("proj", set_as_current=False)
    yield app
    app.close()


def at(moment):
    return lambda: moment


def random_field(chance, least, most, names=()):
    """A field of a crontab in one of its many forms."""

    def number():
        return chance.randint(least, most)

    form = chance.randrange(7)
    if form == 0:
        return number()
    if form == 1:
        return sorted({number() for _ in range(chance.randint(1, 4))})
    if form == 2:
        return f"*/{chance.randint(1, most)}"
    if form == 3:
        return f"{number()}-{number()}/{chance.randint(1, 5)}"
    if form == 4:
        return ",".join(str(number()) for _ in range(chance.randint(1, 3)))
    if form == 5 and names:
        return chance.choice(names)
    return "*"


def random_crontab(chance):
    """The arguments of a crontab that both sides take."""
    while True:
        seldom = chance.sample(("day_of_week", "day_of_month", "month_of_year"), 2)
        fields = {
            "minute": random_field(chance, 0, 59),
            "hour": random_field(chance, 0, 23),
            "day_of_week": random_field(chance, 0, 6, ["mon-fri", "Sun"]),
            "day_of_month": random_field(chance, 1, 31),
            "month_of_year": random_field(chance, 1, 12, ["jan-mar"]),
        }
        fields.update(dict.fromkeys(seldom[: chance.randrange(3)], "*"))
        try:
            theirs.crontab(**fields)
        except ValueError:
            with pytest.raises(ValueError, match="never comes"):
                crontab(**fields)
        else:
            return fields


@pytest.mark.parametrize("zone", ZONES)
def test_random_crontabs_are_due_when_celery_says(zone, app, oracle):
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    chance = random.Random(seed)
    app.conf.timezone = oracle.conf.timezone = zone
    place = zoneinfo.ZoneInfo(zone)
    for _ in range(150):
        fields = random_crontab(chance)
        last = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(6 * 525_600))
        mine, other = crontab(**fields, app=app), theirs.crontab(**fields, app=oracle)
        for _ in range(6):
            mine.nowfun = other.nowfun = at(last)
            if last.astimezone(place).fold:  # There Celery's next run lies in the past.
                break
            rest = other.remaining_estimate(last)
            assert mine.remaining_estimate(last) == rest, (fields, last)
            last += rest
        late = at(last + timedelta(seconds=chance.randrange(200_000)))
        mine.nowfun = other.nowfun = late
        if not late().astimezone(place).fold:
            assert mine.is_due(last) == other.is_due(last), (fields, last, late())


def test_a_run_in_the_second_of_two_equal_hours_is_followed_by_a_later_one(app):
    app.conf.timezone = "Europe/Berlin"
    last = datetime(2024, 10, 27, 1, 20, tzinfo=UTC)  # 2:20 for the second time
    quarterly = crontab(minute="*/15", app=app)
    assert quarterly.next_after(last) == last + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("field", "value", "numbers"),
    [
        ("minute", "*/7", [0, 7, 14, 21, 28, 35, 42, 49, 56]),
        ("minute", "*/100", [0]),
        ("minute", {3, 1}, [1, 3]),
        ("minute", range(0, 60, 20), [0, 20, 40]),
        ("minute", "1, 2", [1, 2]),
        ("minute", None, list(range(60))),
        ("hour", "22-4/2", [0, 2, 4, 22]),
        ("day_of_week", "fri-mon", [0, 1, 5, 6]),
        ("day_of_week", "*/2", [0, 2, 4, 6]),
        ("day_of_week", "Sunday", [0]),
        ("day_of_month", "*/10", [1, 11, 21, 31]),
        ("month_of_year", "jan-mar,DEC", [1, 2, 3, 12]),
    ],
)
def test_a_field_names_these_numbers(field, value, numbers):
    assert sorted(getattr(crontab(**{field: value}), field)) == numbers


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"minute": 1.5}, TypeError),
        ({"minute": timedelta(1)}, TypeError),
        ({"minute": ["1"]}, TypeError),
        ({"minute": ""}, ParseException),
        ({"minute": "1,"}, ParseException),
        ({"minute": "-5"}, ParseException),
        ({"minute": "*/-1"}, ParseException),
        ({"minute": "5/10"}, ValueError),
        ({"minute": "*/0"}, ValueError),
        ({"minute": "1-2-3"}, ValueError),
        ({"minute": "@daily"}, ValueError),
        ({"minute": "L"}, ValueError),
        ({"minute": 60}, ValueError),
        ({"minute": ()}, ValueError),
        ({"hour": 24}, ValueError),
        ({"day_of_week": 7}, ValueError),
        ({"day_of_week": "7"}, ValueError),
        ({"day_of_month": 0}, ValueError),
        ({"day_of_month": 31, "month_of_year": 2}, ValueError),
    ],
)
def test_what_is_no_crontab_is_refused(fields, error):
    with pytest.raises(error):
        crontab(**fields)


def test_day_of_week_is_the_third_argument_but_the_fifth_of_a_line():
    assert crontab(0, 8, "mon") == crontab.from_string("0 8 * * mon")
    assert repr(crontab(0, 8, "mon")) == "<crontab: 0 8 * * mon (m/h/dM/MY/d)>"


@pytest.mark.parametrize("line", ["* * *", "* * * * * *", "*  * * *"])
def test_a_line_needs_five_fields_and_single_blanks(line):
    with pytest.raises((ValueError, ParseException)):
        crontab.from_string(line)


def test_both_day_fields_must_match():
    first_monday = crontab(0, 0, day_of_week="mon", day_of_month="1-7")
    assert first_monday.next_after(NOON + timedelta(days=2)) == datetime(2024, 6, 3, tzinfo=UTC)


def test_crontabs_are_equal_when_they_mean_the_same_and_survive_pickling():
    quarter = crontab(minute="*/15", hour="1,2")
    assert quarter == crontab(minute=[0, 15, 30, 45], hour=[1, 2]) != crontab()
    assert pickle.loads(pickle.dumps(quarter)) == quarter


@pytest.mark.parametrize("late", [0, 119, 120, 121, 300, 599, 600, 700, 721, 3000])
def test_the_deadline_leaves_out_what_celery_leaves_out(late, app, oracle):
    app.conf["beat_cron_starting_deadline"] = oracle.conf.beat_cron_starting_deadline = 120
    now = at(NOON + timedelta(seconds=late))
    last = NOON - timedelta(minutes=10)
    answers = [
        kind(minute="*/10", nowfun=now, app=its).is_due(last)
        for kind, its in ((crontab, app), (theirs.crontab, oracle))
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("relative", [False, True])
def test_intervals_are_due_when_celery_says(relative, app, oracle):
    for seconds in (0.5, 10, 60, 90, 3600, 5400, 86400, 200_000):
        for ago in (0, 1, 10.5, 59, 61, 3599, 86_400):
            answers = [
                kind(seconds, relative, nowfun=at(NOON), app=its).is_due(
                    NOON - timedelta(seconds=ago)
                )
                for kind, its in ((schedule, app), (theirs.schedule, oracle))
            ]
            assert answers[0] == answers[1], (seconds, ago)


@pytest.mark.parametrize("seconds", [0, 0.5, 1, 30, 90, 5400, 3 * 86400])
def test_an_interval_says_itself_as_celery_does(seconds):
    assert repr(schedule(seconds)) == repr(theirs.schedule(seconds))


def test_an_interval_equals_another_of_the_same_length():
    assert schedule(30) == schedule(timedelta(seconds=30)) != schedule(31)
    assert pickle.loads(pickle.dumps(schedule(30))) == schedule(30)
    with pytest.raises(TypeError):
        schedule("often")


def test_maybe_schedule_takes_seconds_timedeltas_and_schedules(app):
    assert maybe_schedule(30) == maybe_schedule(timedelta(seconds=30)) == schedule(30)
    assert maybe_schedule(None) is None
    mine = crontab()
    assert maybe_schedule(mine, app=app) is mine
    assert mine.app is app


def test_a_time_without_a_zone_is_utc(app):
    app.conf.timezone = "Asia/Kathmandu"
    daily = crontab(0, 0, app=app)
    assert daily.next_after(NOON.replace(tzinfo=None)) == daily.next_after(NOON)


@pytest.mark.parametrize(
    "event", ["sunrise", "sunset", "solar_noon", "dawn_civil", "dusk_nautical", "dawn_astronomical"]
)
def test_the_sun_rises_when_celery_says(event, app, oracle):
    for latitude, longitude in ((52.5, 13.4), (-33.9, 151.2), (69.6, 18.9)):
        rests = [
            kind(event, latitude, longitude, nowfun=at(NOON), app=its).remaining_estimate(NOON)
            for kind, its in ((solar, app), (theirs.solar, oracle))
        ]
        assert abs(rests[0] - rests[1]) < timedelta(seconds=1)


def test_a_place_that_is_not_on_earth_has_no_sun():
    for event, latitude, longitude in (("x", 0, 0), ("sunset", 91, 0), ("sunset", 0, -181)):
        with pytest.raises(ValueError, match=r"event|lat|lon"):
            solar(event, latitude, longitude)


def test_the_sun_needs_ephem(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ephem", None)
    with pytest.raises(ImproperlyConfigured, match="bullrush\\[solar\\]"):
        schedules.solar("sunset", 0, 0)
