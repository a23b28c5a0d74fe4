"""Tasks with `rate_limit`."""

from __future__ import annotations

import pytest

from bullrush.core.errors import InvalidOption
from tests.support.waiting import wait_until


def counts(app):
    """How many jobs are in each state of the default queue."""
    return app.queue(app.conf.task_default_queue).get_job_counts()


def test_a_task_starts_no_more_often_than_its_limit_and_others_are_not_held_up(app, start):
    @app.task(rate_limit="1/h")
    def rare():
        return "rare"

    @app.task
    def common():
        return "common"

    results = [rare.delay() for _ in range(4)]
    start()
    assert [common.delay().get(timeout=30) for _ in range(3)] == ["common"] * 3
    assert results[0].get(timeout=30) == "rare"
    wait_until(lambda: counts(app)["delayed"] == 3)


def test_tasks_that_had_to_wait_run_once_each(app, start):
    @app.task(rate_limit=50, bind=True)
    def number(self, n):
        return [n, self.request.retries]

    results = [number.delay(n) for n in range(20)]
    start()
    assert [result.get(timeout=30) for result in results] == [[n, 0] for n in range(20)]


def test_the_default_of_all_tasks_may_be_overridden_and_switched_off(app, start):
    app.conf.task_default_rate_limit = "1/h"

    @app.task
    def rare():
        return "rare"

    @app.task(rate_limit=0)
    def free():
        return "free"

    start()
    rare.delay().get(timeout=30)
    late = rare.delay()
    assert [free.delay().get(timeout=30) for _ in range(3)] == ["free"] * 3
    wait_until(lambda: counts(app)["delayed"] == 1)
    assert not late.ready()


def test_no_rate_counts_where_a_worker_disables_them(app, start):
    app.conf.worker_disable_rate_limits = True

    @app.task(rate_limit="1/h")
    def rare():
        return "rare"

    start()
    assert [rare.delay().get(timeout=30) for _ in range(3)] == ["rare"] * 3


def test_a_limit_that_is_no_rate_is_refused_where_it_is_written(app, start):
    with pytest.raises(InvalidOption, match="'10/s'"):

        @app.task(rate_limit="10/day")
        def wrong():
            pass

    app.conf.task_default_rate_limit = "often"

    @app.task
    def right():
        pass

    with pytest.raises(InvalidOption, match="'10/s'"):
        start()


def test_a_limit_that_is_changed_while_the_worker_runs_holds_from_then_on(app, start):
    @app.task(rate_limit="1/h")
    def rare():
        return "rare"

    start()
    rare.delay().get(timeout=30)
    rare.rate_limit = 0
    assert [rare.delay().get(timeout=30) for _ in range(3)] == ["rare"] * 3
    rare.rate_limit = "1/h"
    rare.delay().get(timeout=30)
    rare.delay()
    wait_until(lambda: counts(app)["delayed"] == 1)
