"""What a failure does to the rest of a workflow."""

from __future__ import annotations

import threading

import pytest

from bullrush import states
from bullrush.canvas import chain, chord, group
from bullrush.exceptions import ChordError

from .conftest import PATIENCE


def ended(result):
    """The exception or value of a result, as soon as it is there, without asking its parents."""
    return result.get(timeout=PATIENCE, propagate=False, follow_parents=False)


def test_a_failed_step_fails_every_later_step_with_its_exception(tasks, start):
    start()
    last = chain(tasks.add.s(1, 1), tasks.boom.s(), tasks.note.s(), tasks.note.s()).delay()
    with pytest.raises(ValueError, match="boom"):
        last.get(timeout=PATIENCE)
    for result in (last, last.parent, last.parent.parent):
        assert repr(ended(result)) == "ValueError('boom')"
        assert result.state == states.FAILURE
        assert "raise ValueError" in result.traceback
    assert last.parent.parent.parent.get(timeout=PATIENCE) == 2
    assert tasks.seen == []


def test_who_was_told_of_the_failure_of_a_step_sees_no_later_one_wait(tasks, start):
    start()
    # Nobody serves that queue: the jobs of the later steps wait.
    later = tasks.add.s(1).set(queue="nobody-here")
    result = chain(tasks.boom.s(), later, later).delay()
    with pytest.raises(ValueError, match="boom"):
        result.get(timeout=PATIENCE)
    assert (result.state, result.failed(), result.parent.state) == ("FAILURE", True, "FAILURE")
    assert repr(result.result) == "ValueError('boom')"
    assert "raise ValueError" in result.traceback


def test_steps_that_were_not_sent_yet_fail_too(tasks, start):
    start()
    last = chain(tasks.boom.s(), group(tasks.note.s(), tasks.note.s()), tasks.note.s()).delay()
    with pytest.raises(ValueError, match="boom"):
        last.get(timeout=PATIENCE)
    members = last.parent
    assert [repr(ended(each)) for each in (last, *members.results)] == ["ValueError('boom')"] * 3
    assert tasks.seen == []


def test_a_failed_header_fails_the_body_with_a_chord_error_when_the_others_have_ended(
    tasks, app, start
):
    may_end = threading.Event()

    @app.task
    def late():
        may_end.wait(PATIENCE)
        return 1

    start()
    result = chord([tasks.boom.s(), late.s()], tasks.note.s()).delay()
    failed, other = result.parent.results
    assert isinstance(ended(failed), ValueError)
    assert result.state == states.PENDING
    may_end.set()
    error = ended(result)
    assert isinstance(error, ChordError)
    assert str(error) == f"Dependency {failed.id} raised ValueError('boom')"
    assert other.get(timeout=PATIENCE) == 1
    assert tasks.seen == []
    with pytest.raises(ValueError, match="boom"):
        result.get(timeout=PATIENCE)


def test_a_group_raises_the_chord_error_of_its_chord_and_joined_one_by_one_the_tasks_own(
    tasks, app, start
):
    start()
    result = group(chord([tasks.boom.s(), tasks.double.s(1)], tasks.note.s()), tasks.double.s(2))()
    with pytest.raises(ChordError):
        result.get(timeout=PATIENCE)
    with pytest.raises(ValueError, match="boom"):
        result.join(timeout=PATIENCE)
    assert isinstance(result.join(timeout=PATIENCE, propagate=False)[0], ChordError)


def test_an_old_errback_is_sent_as_a_task_with_the_id_of_the_failed_one(tasks, app, start):
    called, got = threading.Event(), []

    @app.task
    def errback(task_id):
        got.append(task_id)
        called.set()

    start()
    result = tasks.boom.apply_async(link_error=errback.s())
    assert called.wait(PATIENCE)
    assert got == [result.id]


def test_a_new_errback_is_called_in_the_worker_with_request_exception_and_traceback(
    tasks, app, start
):
    called, got = threading.Event(), []

    @app.task
    def errback(request, exc, traceback):
        got.append((request.id, repr(exc), "raise ValueError" in traceback))
        called.set()

    start()
    result = chain(tasks.add.s(1, 1), tasks.boom.s(), tasks.add.s(1)).on_error(errback.s()).delay()
    assert called.wait(PATIENCE)
    assert isinstance(ended(result), ValueError)
    assert got == [(result.parent.id, "ValueError('boom')", True)]


def test_an_errback_gets_no_exception_that_has_no_place_for_it(tasks, app, start):
    got, all_sent = [], threading.Barrier(4)

    def note(*found):
        got.append(found)
        all_sent.wait(PATIENCE)

    @app.task
    def two_places(first, second=None):
        note(first, second)

    @app.task
    def any_number(*found):
        note(*found)

    start(concurrency=3)
    errbacks = [two_places.s("own"), two_places.s(second="named"), any_number.si("alone")]
    result = tasks.boom.apply_async(link_error=errbacks)
    all_sent.wait(PATIENCE)
    assert set(got) == {(result.id, "own"), (result.id, "named"), ("alone",)}


def test_errbacks_wait_until_the_retries_are_used_up(app, start):
    called, got = threading.Event(), []

    @app.task
    def errback(request, exc, traceback):
        got.append(request.retries)
        called.set()

    @app.task(bind=True, max_retries=2, default_retry_delay=0)
    def again(self):
        raise self.retry(exc=ValueError("boom"))

    start()
    again.apply_async(link_error=errback.s())
    assert called.wait(PATIENCE)
    assert got == [2]


def test_the_errback_of_a_body_is_called_once_with_its_id(tasks, app, start):
    called, got = threading.Event(), []

    @app.task
    def errback(request, exc, traceback):
        got.append((request.id, type(exc).__name__))
        called.set()

    start()
    body = tasks.note.s()
    body.link_error(errback.s())
    result = chord([tasks.boom.s(), tasks.boom.s()], body).delay()
    assert called.wait(PATIENCE)
    ended(result)
    assert got == [(result.id, "ChordError")]


@pytest.mark.parametrize("written", ["chord", "chain"])
def test_the_errbacks_of_a_body_that_is_a_chain_are_told_of_its_end(written, tasks, app, start):
    called, got = threading.Event(), []

    @app.task
    def errback(request, exc, traceback, whose):
        got.append((request.id, type(exc).__name__, whose))
        called.set()

    start()
    header = [tasks.boom.s(), tasks.double.s(1)]
    body = tasks.note.s().on_error(errback.s("first")) | tasks.note.s().on_error(errback.s("last"))
    found = chord(header, body) if written == "chord" else chain(group(header), body)
    result = found.apply_async(link_error=errback.s("all"))
    assert called.wait(PATIENCE)
    assert repr(ended(result)).startswith("ChordError")
    assert got == [(result.id, "ChordError", "all")]
    body.apply_async().get(timeout=PATIENCE)  # alone, it is as any other chain


def test_an_errback_that_raises_changes_nothing(tasks, app, start):
    @app.task
    def errback(request, exc, traceback):
        raise RuntimeError("no good")

    start()
    result = tasks.boom.apply_async(link_error=errback.s())
    assert repr(ended(result)) == "ValueError('boom')"


def test_a_retried_step_keeps_its_values_and_what_follows(app, tasks, start):
    @app.task(bind=True, max_retries=3, default_retry_delay=0)
    def second_time(self, value, more):
        if self.request.retries == 0:
            raise self.retry(kwargs={"more": more + 1})
        return value + more

    start()
    found = chain(tasks.add.s(1, 1), second_time.s(more=10), group(tasks.add.s(1), tasks.add.s(2)))
    assert found.delay().get(timeout=PATIENCE) == [14, 15]


def test_a_group_that_is_a_body_fails_with_what_has_failed_and_calls_its_errbacks(
    tasks, app, start
):
    told = []

    @app.task
    def on_error(request, exc, traceback):
        told.append((request.id, repr(exc)))

    start()
    body = group(tasks.note.s().on_error(on_error.s()), tasks.note.s().on_error(on_error.s()))
    result = chord([tasks.boom.s(), tasks.same.s(1)], body).delay()
    assert [repr(ended(each)) for each in result.results] == ["ValueError('boom')"] * 2
    assert sorted(told) == sorted((each.id, "ValueError('boom')") for each in result.results)
    assert tasks.seen == []


def test_the_errback_of_a_chord_is_put_on_its_header_when_the_settings_say_so(tasks, app, start):
    told = []

    @app.task
    def on_error(request, exc, traceback):
        told.append(type(exc).__name__)

    app.conf.task_allow_error_cb_on_chord_header = True
    start()
    result = chord([tasks.boom.s(), tasks.same.s(1)], tasks.note.s())
    result.link_error(on_error.s())
    assert isinstance(ended(result.delay()), ChordError)
    assert sorted(told) == ["ChordError", "ValueError"]
