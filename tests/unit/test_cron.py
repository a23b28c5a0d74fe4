"""Cron times, without Node: protocol part 2, section 2.10."""

from __future__ import annotations

import itertools
import json
import time
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from bullrush.core import cron
from bullrush.core.errors import InvalidOption
from tests.support.cron_cases import GOLDEN, cases

ROWS = json.loads(GOLDEN.read_text())


def ms(*parts, zone="UTC", fold=0):
    """Unix ms of a local time."""
    moment = datetime(*parts, tzinfo=ZoneInfo(zone), fold=fold)
    return int(moment.timestamp() * 1000)


def times(pattern, after, count, zone="UTC"):
    """That many times, one after the other."""
    found = []
    for _ in range(count):
        after = cron.next_time(pattern, after, zone)
        found.append(after)
    return found


def test_the_golden_file_holds_every_case():
    assert [tuple(row[:4]) for row in ROWS] == cases()


def test_times_are_those_that_node_computed():
    accepted = [row for row in ROWS if row[4] is not None]
    assert len(accepted) > 300
    for pattern, zone, start, count, expected in accepted:
        assert times(pattern, start, count, zone) == expected, (pattern, zone, start)


@pytest.mark.parametrize("pattern", [row[0] for row in ROWS if row[4] is None])
def test_what_node_refuses_is_refused(pattern):
    with pytest.raises(InvalidOption, match="cron pattern"):
        cron.check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "  ",
        "* * * *",
        "1-5-7 * * * *",
        "0 0 1L * *",
        "0 0 * * 1-5L",
        "H * * * *",
        "0 0 * * 8L",
        "٣ * * * *",
        None,
        5,
    ],
)
def test_what_node_only_guesses_at_is_refused(pattern):
    with pytest.raises(InvalidOption, match="cron pattern"):
        cron.check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("0 0 15W * *", "MON-FRI"),
        ("0 0 * * L", "5L"),
        ("H * * * *", "write the time"),
        ("0 22-4 * * *", "two ranges"),
        ("* * * * * * *", "7 fields"),
        ("0 0 30 2 *", "never fires"),
    ],
)
def test_a_refusal_says_what_to_do(pattern, remedy):
    with pytest.raises(InvalidOption, match=remedy):
        cron.check_pattern(pattern)


def test_the_next_time_is_later_than_the_moment_itself():
    noon = ms(2026, 1, 15, 12)
    assert times("0 12 * * *", noon - 1, 1) == [noon]
    assert times("0 12 * * *", noon, 1) == [ms(2026, 1, 16, 12)]
    assert times("0 12 * * *", noon + 999, 1) == [ms(2026, 1, 16, 12)]


def test_every_hour_follows_the_time_that_passes():
    start = ms(2026, 3, 29, 0, 30, zone="Europe/Madrid")
    steps = times("0 * * * *", start, 4, "Europe/Madrid")
    assert [b - a for a, b in itertools.pairwise(steps)] == [3_600_000] * 3


def test_a_day_that_begins_an_hour_late_is_not_left_out():
    # Node skips it: see docs/protocol.md.
    start = ms(2026, 3, 28, 12, zone="Asia/Beirut")
    assert times("0 0 * * *", start, 1, "Asia/Beirut") == [ms(2026, 3, 29, 1, zone="Asia/Beirut")]


def test_a_month_is_not_left_out_when_asked_within_a_repeated_hour():
    # Node skips October: see docs/protocol.md.
    start = ms(2023, 10, 29, 2, 59, 59, zone="Europe/Madrid") + 435
    assert times("0 2 L * *", start, 1, "Europe/Madrid") == [
        ms(2023, 10, 31, 2, zone="Europe/Madrid")
    ]


def test_a_zone_that_changes_by_half_an_hour_keeps_its_minutes():
    before = ms(2024, 10, 6, 1, 31, zone="Australia/Lord_Howe")
    first, second = times("31 * * * *", before, 2, "Australia/Lord_Howe")
    assert (first, second) == tuple(
        ms(2024, 10, 6, hour, 31, zone="Australia/Lord_Howe") for hour in (2, 3)
    )


@pytest.mark.parametrize("zone", ["UTC", "utc", "europe/madrid", "US/Eastern"])
def test_zones_are_found_in_any_case(zone):
    cron.check_zone(zone)


@pytest.mark.parametrize(
    "zone", ["", "Mars/Base", "Europe", "../UTC", "localtime", "UTC+3", 5, "x" * 500]
)
def test_other_zones_are_refused(zone):
    with pytest.raises(InvalidOption, match="time zone"):
        cron.check_zone(zone)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_without_a_zone_it_is_that_of_the_process(monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        start = ms(2026, 10, 31, 12, zone=zone)
        for pattern in ("0 9 * * *", "30 1 * * *", "*/20 * * * *"):
            assert times(pattern, start, 60, None) == times(pattern, start, 60, zone), pattern
    finally:
        monkeypatch.undo()
        time.tzset()


def test_times_that_no_calendar_holds_are_refused():
    with pytest.raises(InvalidOption, match="no time after"):
        cron.next_time("0 0 1 1 *", ms(9999, 12, 31), "UTC")
    with pytest.raises(InvalidOption, match="no time after"):
        cron.next_time("0 0 1 1 *", 10**18, "UTC")


def test_a_leap_day_is_found_over_a_century_without_one():
    assert times("0 0 29 2 *", ms(2096, 3, 1), 1) == [ms(2104, 2, 29)]


def test_a_pattern_is_read_fast_even_when_it_is_long():
    started = time.monotonic()
    minutes = ",".join(str(minute) for minute in range(60))
    cron.check_pattern(f"{minutes} {','.join(str(hour) for hour in range(24))} * * *")
    with pytest.raises(InvalidOption):
        cron.check_pattern("1-" * 100_000 + " * * * *")
    assert time.monotonic() - started < 10


def test_a_fold_is_told_by_the_moment_and_not_by_the_machine():
    repeated = ms(2026, 10, 25, 2, 30, zone="Europe/Madrid", fold=1)
    assert datetime.fromtimestamp(repeated / 1000, timezone.utc).hour == 1
    assert times("0 4 * * *", repeated, 1, "Europe/Madrid") == [
        ms(2026, 10, 25, 4, zone="Europe/Madrid")
    ]
