"""``bullrush timers``, turn by turn."""

from __future__ import annotations

import click
import pytest

from bullrush.cli.timers import Dispatcher, check_age
from bullrush.core import clock
from tests.support.waiting import wait_until

HOUR = 3_600_000


@pytest.fixture
def pass_time(monkeypatch):
    """Let so many ms pass at once."""
    began, passed = clock.source, [0]
    monkeypatch.setattr(clock, "source", lambda: began() + passed[0] * 1_000_000)
    return lambda ms: passed.__setitem__(0, passed[0] + ms)


@pytest.mark.row(200, 201)
def test_jobs_that_ended_long_ago_go_once_an_hour(app, start, echo, fail, queue_name, pass_time):
    start()
    results = [echo.delay(1), echo.delay(2), fail.delay()]
    wait_until(lambda: all(each.ready() for each in results))
    queue = app.queue(queue_name)
    dispatcher = Dispatcher(app, None, check_age(None, None, "24h"))
    counts = lambda: queue.get_job_counts("completed", "failed")  # noqa: E731
    dispatcher.turn()
    pass_time(23 * HOUR)
    dispatcher.turn()
    assert counts() == {"completed": 2, "failed": 1}
    pass_time(2 * HOUR)
    dispatcher.turn()
    assert counts() == {"completed": 0, "failed": 0}


@pytest.mark.row(14)
def test_a_queue_that_is_broken_does_not_hold_up_the_others(app, queue_name, caplog):
    names = [f"{queue_name}-broken", f"{queue_name}-sound"]
    for name in names:
        app.queue(name).add("x", {}, delay=1)
    app.driver.execute(("DEL", app.queue(names[0]).keys.delayed))
    app.driver.execute(("SET", app.queue(names[0]).keys.delayed, "text"))
    dispatcher = Dispatcher(app, names)
    sound = app.queue(names[1])
    wait_until(lambda: dispatcher.turn() or sound.get_job_counts("waiting")["waiting"] == 1)
    assert f"timers: {names[0]}: WRONGTYPE" in caplog.text


def test_ages_have_units():
    assert check_age(None, None, "7d") == 7 * 24 * HOUR
    assert check_age(None, None, "30m") == HOUR // 2
    with pytest.raises(click.BadParameter, match="no age"):
        check_age(None, None, "soon")
