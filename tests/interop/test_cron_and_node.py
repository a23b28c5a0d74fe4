"""Cron times of Python and of real Node, by the parser that BullMQ has installed (protocol part 2,
section 2.10).
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bullrush.core import cron
from bullrush.core.errors import InvalidOption
from tests.support.cron_cases import GOLDEN, node_times
from tests.support.node_peer import NodePeer

#: BullMQ 5.81 has version 4 of the parser. It knows less, takes some patterns that 6.7 refuses, and
#: takes a field that lists every day for one that says nothing about days.
OTHERWISE_IN_5_81 = {
    *("? ? ? ? ?", "?/5 * * * *", "@annually", "@minutely", "@secondly", "@weekdays", "@weekends"),
    *("0 0 */1 * 1", "0 0 1-31 * 1", "0 0 15 * */1", "0 0 15 * 1#2"),
    *("0 0 30 2 1", "0 0 30 2 1#1", "0 0 30 2 1L"),
    *("0 0 L/2 * *", "*,3 * * * *", "1-5,3 * * * *", "0 0 * * 0,7", "0 0 * * mon,1", "0 0 L,L * *"),
}
ROWS = json.loads(GOLDEN.read_text())


@pytest.fixture(scope="module")
def parser() -> Iterator[NodePeer]:
    """A Node process with the cron-parser of BullMQ 6.7."""
    with NodePeer("bullmq", "0", "cron.js") as node:
        yield node


def python_times(pattern, zone, after, count):
    """What Python computes; None when it refuses the pattern."""
    found = []
    try:
        for _ in range(count):
            after = cron.next_time(pattern, after, zone)
            found.append(after)
    except InvalidOption:
        return None
    return found


def test_the_golden_file_is_what_node_computes(parser):
    assert node_times(parser, [row[:4] for row in ROWS]) == [row[4] for row in ROWS]


def test_5_81_computes_the_same_but_for_known_patterns():
    # It is slow: a part of the table, and two times of each.
    rows = [row for row in ROWS if row[1] == "UTC"]
    rows += [row for row in ROWS if row[1] == "Europe/Madrid"][::3]
    with NodePeer("bullmq5", "0", "cron.js") as node:
        found = node_times(node, [[*row[:3], 2] for row in rows])
    different = {
        row[0] for row, times in zip(rows, found, strict=True) if times != (row[4] and row[4][:2])
    }
    assert different == OTHERWISE_IN_5_81


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_without_a_zone_both_use_that_of_the_process(monkeypatch, zone):
    patterns = ["0 9 * * *", "*/20 * * * *", "30 2 * * *"]
    start = int(datetime(2026, 3, 7, 12, tzinfo=ZoneInfo(zone)).timestamp() * 1000)
    asked = [(pattern, None, start, 30) for pattern in patterns]
    monkeypatch.setenv("TZ", zone)
    with NodePeer("bullmq", "0", "cron.js") as node:
        expected = node_times(node, asked)
    time.tzset()
    try:
        assert [python_times(*each) for each in asked] == expected
    finally:
        monkeypatch.undo()
        time.tzset()


# -- patterns by chance --------------------------------------------------------------------------

#: Zones whose clocks change by an hour and not at midnight; where they differ from that, Node loses
#: runs, see docs/protocol.md.
ZONES = ("UTC", "Europe/Madrid", "America/New_York", "Australia/Sydney", "Asia/Kolkata")


def field(least, most, *more):
    """A field of a pattern, right or slightly wrong."""
    number = st.integers(least, most + 1).map(str)
    spread = st.tuples(number, number).map("-".join)
    single = st.one_of(st.just("*"), number, spread)
    stepped = st.tuples(single, st.integers(1, 40).map(str)).map("/".join)
    part = st.one_of(single, stepped, *map(st.just, more))
    lists = st.lists(st.one_of(number, spread, *map(st.just, more)), min_size=2, max_size=4)
    return st.one_of(st.just("*"), part, lists.map(",".join))


PATTERNS = st.tuples(
    st.one_of(st.just(()), st.tuples(field(0, 59))),
    st.tuples(
        field(0, 59),
        field(0, 23, "1-3", "2", "*/2"),
        field(1, 31, "L", "?", "29", "25"),
        field(1, 12, "MAR", "oct", "JAN-JUN"),
        field(0, 7, "SUN", "5L", "1#2", "MON-FRI", "7#1", "?"),
    ),
).map(lambda parts: " ".join((*parts[0], *parts[1])))


@st.composite
def moments(draw):
    """A zone and a moment, often close to a change of its clock. Whole seconds: within the last one
    before a change Node loses runs.
    """
    zone = draw(st.sampled_from(ZONES))
    day = draw(
        st.sampled_from(
            [
                (2026, 3, 29),
                (2026, 10, 25),
                (2026, 3, 8),
                (2026, 11, 1),
                (2026, 4, 5),
                (2026, 10, 4),
            ]
        )
    )
    base = int(datetime(*day, 1, tzinfo=timezone.utc).timestamp())
    return zone, (
        base + draw(st.one_of(st.integers(-90_000, 90_000), st.integers(-(10**8), 10**8)))
    ) * 1000


def test_patterns_by_chance_have_the_same_times(parser):
    seed = int(os.environ.get("BULLRUSH_TEST_SEED") or random.randrange(2**32))
    print(f"BULLRUSH_TEST_SEED={seed}")

    # A batch for each example: a round trip to Node costs more than a pattern.
    @settings(
        max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(st.tuples(PATTERNS, moments()), min_size=1, max_size=60))
    def compare(batch):
        asked = [(pattern, zone, start, 4) for pattern, (zone, start) in batch]
        expected = node_times(parser, asked)
        for each, times in zip(asked, expected, strict=True):
            assert python_times(*each) == times, each

    hypothesis.seed(seed)(compare)()
