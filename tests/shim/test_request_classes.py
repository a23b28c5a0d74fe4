"""``Task.Request``: a request class of the user's."""

from __future__ import annotations

import pytest

from bullrush.core.delivery import Delivery
from bullrush.exceptions import Retry, TimeLimitExceeded
from bullrush.worker.request import Request

TOLD = []


class Noting(Request):
    """Notes what it is told."""

    def on_success(self, failed__retval__runtime, **kwargs):
        failed, value, runtime = failed__retval__runtime
        assert runtime >= 0
        TOLD.append(("success", self.task.name, bool(failed), None if failed else value))
        return super().on_success(failed__retval__runtime, **kwargs)

    def on_failure(self, exc_info, send_failed_event=True, return_ok=False):
        TOLD.append(("failure", self.id, exc_info.type))
        super().on_failure(exc_info, send_failed_event, return_ok)

    def on_timeout(self, soft, timeout):
        TOLD.append(("timeout", soft, timeout))
        raise RuntimeError("of a request")


@pytest.fixture(autouse=True)
def told():
    """Begins anew."""
    TOLD.clear()
    return TOLD


@pytest.mark.parametrize("kind", [Noting, f"{__name__}:Noting"])
def test_it_is_told_how_a_run_went(app, start, told, kind):
    @app.task(Request=kind, bind=True, max_retries=1, name="act")
    def act(self, how):
        if how == "retry" and not self.request.retries:
            raise self.retry(countdown=0)
        if how == "fail":
            raise ValueError("v")
        return how

    start()
    assert act.delay("ok").get(timeout=10) == "ok"
    assert told == [("success", "act", False, "ok")]
    told.clear()
    failed = act.delay("fail")
    failed.get(timeout=10, propagate=False)
    assert told == [("success", "act", True, None), ("failure", failed.id, ValueError)]
    told.clear()
    again = act.delay("retry")
    again.get(timeout=10)
    assert told == [
        ("success", "act", True, None),
        ("failure", again.id, Retry),
        ("success", "act", False, "retry"),
    ]


def test_it_is_told_of_a_time_limit_and_may_raise(app, told):
    @app.task(Request=Noting, time_limit=5, name="act")
    def act():
        pass

    act.delay()
    queue = app.queue(app.conf.task_default_queue)
    job = queue.get_next_job("token", block=5)
    outcome = app.tracer("celery@here").failure(Delivery(job, queue, "token"), TimeLimitExceeded(5))
    assert type(outcome).__name__ == "Failed"
    assert told == [("timeout", False, 5)]
