"""Cron patterns, zones and moments whose next times were computed by Node's cron-parser. `python -m
tests.support.cron_cases` asks Node again and writes `tests/golden/cron.json`.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from tests.support.node_peer import NodePeer

#: Pattern, zone, start in Unix ms, how many times.
Case: TypeAlias = tuple[str, str, int, int]

GOLDEN = Path(__file__).parent.parent / "golden" / "cron.json"

_CALENDAR = """
* * * * *|*/5 * * * *|*/5 * * * * *|5/15 * * * *|1-10/3 * * * *|*/7 * * * *|*/70 * * * *
1,2,3-5 * * * *|? ? ? ? ?|?/5 * * * *|0 0 ?/2 * *|0 9 ? * MON-FRI|0 9 * * mon-fri
0 9 * * MON,WED-FRI|0 0 9 * * 1-5|0 9 * * 0|0 9 * * 7|0 9 * * 5-7|0 9 * * 0-7|0 9 * * SUN-TUE
0 9 * * SAT-7|0 0 * * */2|0 0 * * */7|0 0 * * 1/2|0 9 * JAN,JUN *|0 9 * jan-mar/2 *
0 0 1 JAN-3 *|0 0 1 jan/3 *|0 9 1 1/3 *|0 0 * */4 *|30 0 9 1 1 *|0 0 L * *|0 0 L,15 * *
0 0 L,31 * *|0 0 L 2 *|0 0 31 * *|0 0 29 2 *|0 0 01,015 * *|0 0 */10 * *|0 0 1-10/2,20 * *
0 0 * * 5L|0 0 * * 0L|0 0 * * 7L|0 0 * * FRIL|0 0 * * 1L,3L|0 0 * * 1,3L|0 0 * * 1#1
0 0 * * MON#1|0 0 * * fri#2|0 0 * * 1#5|0 0 * * 7#2|0 0 13 * 5|0 0 13 * FRI|0 0 */2 * 1
0 0 */1 * 1|0 0 1-31 * 1|0 0 13 * 0-6|0 0 15 * */1|0 0 15 * 1L|0 0 15 * 1#2|0 0 L * 5L
0 0 30 2 1|0 0 30 2 1#1|0 0 30 2 1L|0 0 15 * ?|0 0 ? * 1| 0  9  * * *|@yearly|@annually|@monthly
@weekly|@daily|@hourly|@minutely|@secondly|@weekdays|@weekends
"""
_REFUSED = """
0 0 30 2 *|0 0 31 4 *|0 0 31 2,4 *|0 0 LW * *|0 0 15W * *|0 0 L-3 * *|0 0 L/2 * *|0 0 * * L
0 0 * * 1,L|0 0 l * *|0 0 * * 5l|0 0 * * 1#6|0 0 * * 1#0|0 0 * * 1#|0 0 * * #2|0 0 * * 1#1,3#2
0 0 * * 1-5#2|0 0 * * */2#1|0 0 * * 5#2L|60 * * * *|-1 * * * *|10-5 * * * *|0 22-4 * * *
0 9 * * FRI-SUN|0 9 * 11-2 *|1,,2 * * * *|, * * * *|1.5 * * * *|5/15/3 * * * *|0/0 * * * *
a * * * *|+5 * * * *|*,3 * * * *|1-5,3 * * * *|0 0 * * 0,7|0 0 * * mon,1|0 0 L,L * *|0 24 * * *
0 0 0 * *|0 0 * 0 *|0 0 * 13 *|0 0 * * 8|0 0 32 * *|0 9 * * MONDAY|0 0 1 JANUARY *|* * * * * * *
0 0 1 1 * 2030|@reboot|@every 5m|@DAILY|@midnight
"""
_CLOCKS = """
0 * * * *|*/20 * * * *|0 30 * * * *|20 */1 * * *|20 0-23 * * *|* * * * *|*/30 * * * * *
0 */2 * * *|20 */2 * * *|30 2 * * *|*/30 2 * * *|* 2 * * *|5 10 2 * * *|10,50 30 2 * * *
0 0 2 * * 0|30 2 29 3 *|30 2 25 10 *|30 1,2,3 * * *|15,45 1-3 * * *|*/25 2-4 * * *|20 2,4 * * *
0 1 * * *|0 3 * * *|0 12 * * *|0 9 L * *|0 2 * * 0L|@daily
"""
#: Zones and the local moments around which their clocks change.
_CHANGES = {
    "Europe/Madrid": [
        "2026-03-28 23:50:00",
        "2026-03-29 01:59:59",
        "2026-03-29 03:10:00",
        "2026-10-24 23:50:00",
        "2026-10-25 02:30:00",
    ],
    "America/New_York": ["2026-03-08 00:30:00", "2026-11-01 00:30:00"],
    "Australia/Sydney": ["2026-04-05 01:30:00", "2026-10-04 01:30:00"],
}
_ZONES = ("UTC", "America/New_York")


def _patterns(text: str) -> list[str]:
    return [pattern for line in text.strip().splitlines() for pattern in line.split("|")]


def _ms(local: str, zone: str) -> int:
    return int(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def cases() -> list[Case]:
    """All of them; also those that Node refuses."""
    calendar = [
        (pattern, zone, _ms("2026-01-15 10:07:33", zone), 4)
        for pattern in _patterns(_CALENDAR)
        for zone in _ZONES
    ]
    refused = [
        (pattern, "UTC", _ms("2026-01-15 10:07:33", "UTC"), 1) for pattern in _patterns(_REFUSED)
    ]
    clocks = [
        (pattern, zone, _ms(moment, zone), 6)
        for pattern in _patterns(_CLOCKS)
        for zone, moments in _CHANGES.items()
        for moment in moments
    ]
    return [*calendar, *refused, *clocks]


def node_times(node: NodePeer, asked: list[Any]) -> list[list[int] | None]:
    """What Node computes for each; None where it raises an error."""
    replies = node.request("times", cases=asked, timeout=60)
    return [None if isinstance(reply, dict) else reply for reply in replies]


if __name__ == "__main__":
    with NodePeer("bullmq", "0", "cron.js") as node:
        rows = [
            [*case, times] for case, times in zip(cases(), node_times(node, cases()), strict=True)
        ]
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    GOLDEN.write_text(f"[\n{lines}\n]\n")
