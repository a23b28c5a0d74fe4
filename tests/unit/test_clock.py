"""One place tells the time, so that a test can own it."""

from __future__ import annotations

import time

from bullrush.core import clock, options
from bullrush.core.operations import adding


def test_the_clock_counts_milliseconds_of_this_machine():
    before = time.time_ns() // 1_000_000
    assert before <= clock.now_ms() <= time.time_ns() // 1_000_000


def test_another_source_reaches_the_operations(monkeypatch):
    monkeypatch.setattr(clock, "source", lambda: 1_800_000_000_123_456_789)

    class Prepared(adding.AddingOperations):
        default_job_options: options.JobOptions = {}

    assert Prepared().prepare("send", None, {}).timestamp == 1_800_000_000_123
