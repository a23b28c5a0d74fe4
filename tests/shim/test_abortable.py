"""Tasks that can be told to stop."""

from __future__ import annotations

import threading

from bullrush.contrib.abortable import AbortableAsyncResult, AbortableTask
from tests.support.waiting import wait_until


def test_a_task_sees_that_it_is_to_stop(app, start):
    begun = threading.Event()

    @app.task(bind=True, base=AbortableTask)
    def walk(self):
        assert not self.is_aborted()
        begun.set()
        wait_until(self.is_aborted)
        return "stopped"

    start()
    result = walk.delay()
    assert isinstance(result, AbortableAsyncResult)
    assert begun.wait(10)
    assert not result.is_aborted()
    result.abort()
    assert result.get(timeout=10) == "stopped"
    assert (result.state, walk.AsyncResult(result.id).is_aborted()) == ("SUCCESS", False)


def test_a_task_that_waits_can_be_told_before_it_starts(app, start):
    @app.task(bind=True, base=AbortableTask)
    def walk(self):
        return self.is_aborted()

    result = walk.delay()
    result.abort()
    assert result.is_aborted()
    start()
    assert result.get(timeout=10) is True
