"""``app.backend``, and results of ids that are no job."""

from __future__ import annotations

import json
import threading
import uuid

import pytest

from bullrush import states
from bullrush.backends import base
from bullrush.core.keys import celery_result_key
from bullrush.exceptions import TaskRevokedError


@pytest.fixture
def name() -> str:
    return f"by-hand-{uuid.uuid4()}"


def test_a_result_that_is_stored_by_hand_is_one(app, name):
    assert app.backend.store_result(name, {"a": 1}, "SUCCESS") == {"a": 1}
    result = app.AsyncResult(name)
    assert (result.get(timeout=10), result.state, result.exists()) == ({"a": 1}, "SUCCESS", True)
    assert result.date_done is not None
    result.forget()
    assert (result.state, result.exists()) == ("PENDING", False)


def test_it_stands_where_celery_has_it_and_as_celery_has_it(app, name):
    app.backend.store_result(name, KeyError("k"), "FAILURE", traceback="tb")
    key = app.backend.get_key_for_task(name)
    assert key == celery_result_key(name).encode()
    record = json.loads(app.driver.execute(("GET", key)))
    assert record.pop("date_done")
    assert record == {
        "status": "FAILURE",
        "result": {"exc_type": "KeyError", "exc_module": "builtins", "exc_message": ["k"]},
        "traceback": "tb",
        "children": [],
        "task_id": name,
    }
    assert 0 < app.driver.execute(("TTL", key)) <= 24 * 60 * 60
    app.conf.result_expires = None
    app.backend.store_result(name, 1, "PROGRESS")
    assert app.driver.execute(("TTL", key)) == -1


def test_a_result_of_a_celery_worker_is_read(app, name):
    text = (
        '{"status": "FAILURE", "result": {"exc_type": "ValueError", "exc_message": ["boom", 3], '
        '"exc_module": "builtins"}, "traceback": "TB text", "children": [[["c", null], null]], '
        '"date_done": "2026-11-24T16:05:53.193685+00:00", "name": "proj.add", "args": [1], '
        f'"kwargs": {{}}, "worker": "w1", "retries": 2, "queue": "q", "task_id": "{name}"}}'
    )
    app.driver.execute(("SET", celery_result_key(name), text))
    result = app.AsyncResult(name)
    with pytest.raises(ValueError, match=r"\('boom', 3\)"):
        result.get(timeout=10)
    assert (result.traceback, result.children, result.name, result.args) == (
        "TB text",
        ["c"],
        "proj.add",
        [1],
    )
    assert (result.worker, result.retries, result.queue) == ("w1", 2, "q")
    assert result.date_done.isoformat() == "2026-11-24T16:05:53.193685+00:00"


def test_a_success_is_never_overwritten(app, name):
    app.backend.store_result(name, 1, "SUCCESS")
    app.backend.mark_as_failure(name, ValueError("late"))
    assert app.AsyncResult(name).get(timeout=10) == 1


def test_a_job_that_has_ended_keeps_its_end(app, start, echo):
    start()
    result = echo.delay(1)
    assert result.get(timeout=10) == 1
    app.backend.store_result(result.id, ValueError("late"), "FAILURE")
    assert app.AsyncResult(result.id).get(timeout=10) == 1


def test_a_job_that_has_not_ended_shows_what_was_stored(app, start, echo):
    result = echo.delay(1)
    app.backend.store_result(result.id, {"done": 1}, "PROGRESS")
    assert (result.state, result.info) == ("PROGRESS", {"done": 1})
    start()
    assert (result.get(timeout=10), result.state) == (1, "SUCCESS")


def test_who_waits_for_an_id_gets_what_is_stored_for_it(app, name):
    stored = threading.Timer(0.1, app.backend.mark_as_done, (name, "there"))
    stored.start()
    assert app.AsyncResult(name).get(timeout=10) == "there"


def test_the_parts_of_a_result_are_told_by_id(app, start, echo, name):
    start()
    result = echo.delay(5)
    result.get(timeout=10)
    backend = app.backend
    assert (backend.get_state(result.id), backend.get_status(result.id)) == ("SUCCESS", "SUCCESS")
    assert (backend.get_result(result.id), backend.get_traceback(result.id)) == (5, None)
    assert backend.get_children(result.id) == []
    meta = backend.get_task_meta(result.id)
    assert (meta["status"], meta["result"], meta["task_id"], meta["name"], meta["queue"]) == (
        "SUCCESS",
        5,
        result.id,
        "echo",
        app.conf.task_default_queue,
    )
    assert backend.get_task_meta(name)["status"] == "PENDING"
    assert backend.wait_for(result.id, timeout=10)["result"] == 5
    assert dict(backend.get_many([result.id], timeout=10)).keys() == {result.id}


def test_marks_are_states(app, name):
    backend = app.backend
    backend.mark_as_started(name, pid=1, hostname="h")
    assert (backend.get_state(name), backend.get_result(name)) == (
        "STARTED",
        {"pid": 1, "hostname": "h"},
    )
    backend.mark_as_retry(name, KeyError("again"), traceback="tb")
    result = app.AsyncResult(name)
    assert (result.state, result.ready(), result.traceback) == ("RETRY", False, "tb")
    assert isinstance(result.result, KeyError)
    backend.mark_as_revoked(name, "terminated")
    with pytest.raises(TaskRevokedError, match="terminated"):
        result.get(timeout=10)


def test_an_id_must_not_be_empty(app):
    with pytest.raises(ValueError, match=r"^task_id must not be empty\. Got None instead\.$"):
        app.backend.store_result(None, 1, "SUCCESS")


def test_states_compare_by_how_advanced_they_are():
    order = ["PENDING", "RETRY", "REJECTED", "RECEIVED", "STARTED", "REVOKED", "MINE", "FAILURE"]
    order = [states.state(each) for each in (*order, "SUCCESS")]
    shuffled = order[4:] + order[:4]
    assert sorted(shuffled) == order
    assert states.state("MINE") >= states.state("YOURS") >= states.state("MINE")
    assert states.precedence("SUCCESS") == 0
    assert states.IGNORED not in states.ALL_STATES


def test_results_have_the_prefix_of_the_settings_as_in_celery(app, name):
    app.conf.result_backend_transport_options = {"global_keyprefix": "shop"}
    app.backend.store_result(name, 1, "SUCCESS")
    key = f"shop_celery-task-meta-{name}"
    assert app.driver.execute(("EXISTS", key)) == 1
    assert app.backend.get_key_for_task(name) == key.encode()
    assert app.AsyncResult(name).get(timeout=10) == 1
    app.conf.result_backend_transport_options = {"global_keyprefix": "shop:"}
    assert app.backend.task_keyprefix == "shop:celery-task-meta-"
    assert app.AsyncResult(name).state == "PENDING"


def test_a_compressed_result_is_as_celery_stores_it(app, name):
    app.conf.result_compression = "gzip"
    app.backend.store_result(name, "x" * 1000, "SUCCESS")
    raw = app.driver.execute(("GET", app.backend.get_key_for_task(name)))
    assert raw.startswith(b"\x00celery-compressed\x00application/x-gzip\x00")
    assert len(raw) < 400
    assert app.AsyncResult(name).get(timeout=10) == "x" * 1000


def test_a_damaged_record_is_none(app, name):
    for kind in (b"application/x-gzip", b"no-such-kind"):
        raw = b"\x00celery-compressed\x00" + kind + b"\x00rubbish"
        app.driver.execute(("SET", app.backend.get_key_for_task(name), raw))
        assert app.AsyncResult(name).state == "PENDING"


def test_a_client_of_redis_is_there_for_locks_of_ones_own(app, name):
    client = app.backend.client
    assert client is app.backend.client
    with client.lock(name, timeout=10):
        assert app.driver.execute(("EXISTS", name)) == 1
    assert client.exists(name) == 0
    client.close()


def test_data_without_a_state_leaves_it_pending(app, name):
    app.backend.store_result(name, {"a": 1}, None)
    assert (app.AsyncResult(name).state, app.AsyncResult(name).info) == ("PENDING", {"a": 1})


def test_a_backend_of_ones_own_may_be_derived_from_celerys_names(app, name):
    class Kept(base.KeyValueStoreBackend):
        """A backend as a package of Celery's has it."""

    assert issubclass(Kept, base.BaseBackend)
    assert Kept(app).get_state(name) == "PENDING"
