"""Actions on many jobs can be tried, done and undone."""

from __future__ import annotations

import pytest

from bullrush.core import Failed
from bullrush.flask_ext.admin import undo
from tests.support.dump import dump
from tests.support.trips import Hands


@pytest.fixture
def queue(binding):
    """Two jobs in most states."""
    queue = binding.queue("emails")
    for number in range(2):
        fail(queue, f"boom {number}")
    for number in range(2):
        queue.add("send-now", number, job_id=f"now-{number}")
        queue.add("send-later", number, delay=60_000 + number)
        queue.add("urgent", number, priority=2)
    return queue


def fail(queue, reason):
    """Add a job and fail it."""
    job = queue.add("fail", lifo=True)
    queue.add_log(job.id, "a row")
    hands = Hands(queue)
    (delivery,) = hands.take()
    hands.commit(delivery, Failed(reason))


def stored(queue):
    """All of the queue but what passes."""
    found = dump(queue.driver, f"{queue.keys.base}*")
    passing = {queue.keys.events.encode(), queue.keys.marker.encode(), queue.keys.meta.encode()}
    return {key: value for key, value in found.items() if key not in passing}


BULK = [
    ("retry", {}, 2),
    ("promote", {}, 2),
    ("remove", {"state": "failed"}, 2),
    ("drain", {"delayed": True}, 6),
    ("clean", {"state": "failed"}, 2),
    ("obliterate", {}, 8),
]


@pytest.mark.parametrize(("action", "body", "matched"), BULK)
def test_a_dry_run_counts_and_changes_nothing(post, get, queue, action, body, matched):
    before = dump(queue.driver, f"{queue.keys.base}*")
    shown = post(f"/queues/emails/{action}", {**body, "dryRun": True})
    assert (shown["dryRun"], shown["matched"], shown["changed"]) == (True, matched, 0)
    assert 0 < len(shown["sample"]) <= 10
    assert dump(queue.driver, f"{queue.keys.base}*") == before
    assert get("/undo")["undos"] == []
    assert get("/audit")["entries"][0]["outcome"] == "dry run"


@pytest.mark.parametrize(("action", "body", "matched"), BULK[2:])
def test_what_was_taken_away_comes_back_byte_for_byte(post, get, queue, action, body, matched):
    queue.upsert_job_scheduler("yearly", pattern="0 0 1 1 *", data={"n": 1})
    before = stored(queue)
    if action == "obliterate":
        body, matched = {"confirm": 9}, 9
    done = post(f"/queues/emails/{action}", body)
    assert (done["changed"], done["complete"]) == (matched, True)
    assert stored(queue) != before
    (kept,) = get("/undo")["undos"]
    assert (kept["id"], kept["jobs"], kept["queue"]) == (done["undo"], matched, "emails")
    assert 0 < kept["until"] - kept["at"] <= 24 * 3_600_000
    assert post(f"/undo/{kept['id']}") == {"restored": matched, "skipped": 0, "skippedIds": []}
    assert stored(queue) == before
    assert not queue.is_paused()
    assert get("/undo")["undos"] == []


def test_an_undo_can_be_done_once(post, refused, queue):
    done = post("/queues/emails/drain")
    post(f"/undo/{done['undo']}")
    assert refused("POST", f"/undo/{done['undo']}")[0] == 404


def test_a_new_job_of_the_same_id_is_not_touched_by_an_undo(post, queue):
    done = post("/queues/emails/remove", {"state": "waiting"})
    queue.add("other", job_id="now-0")
    assert post(f"/undo/{done['undo']}") == {"restored": 1, "skipped": 1, "skippedIds": ["now-0"]}
    assert queue.get_job("now-0").name == "other"


def test_what_is_too_large_to_be_kept_is_refused_plainly(refused, queue, monkeypatch):
    monkeypatch.setattr("bullrush.flask_ext.admin.bulk.ROOM", 100)
    before = queue.get_job_counts()
    status, error = refused("POST", "/queues/emails/clean", {"state": "failed"})
    assert (status, "'undo': false" in error) == (413, True)
    assert queue.get_job_counts() == before


@pytest.mark.parametrize("action", ["clean", "drain", "remove", "obliterate"])
def test_without_undo_nothing_is_kept(post, get, queue, action):
    body = {
        "clean": {"state": "failed"},
        "remove": {"state": "failed"},
        "obliterate": {"confirm": 8},
    }
    done = post(f"/queues/emails/{action}", {**body.get(action, {}), "undo": False})
    assert (done["changed"] > 0, done["undo"]) == (True, None)
    assert get("/undo")["undos"] == []
    assert dump(queue.driver, f"{queue.keys.shelf('')}*") == {}


def test_a_filter_says_which_jobs_run_again(post, queue):
    done = post("/queues/emails/retry", {"search": "boom 1"})
    assert (done["matched"], done["changed"]) == (1, 1)
    assert queue.get_job_counts()["failed"] == 1
    ids = queue.get_ranges("failed")
    assert post("/queues/emails/retry", {"ids": ids})["changed"] == 1
    assert queue.get_job_counts()["failed"] == 0


def test_clean_leaves_young_jobs(post, queue):
    assert post("/queues/emails/clean", {"state": "failed", "grace": 60_000})["changed"] == 0
    assert post("/queues/emails/clean", {"state": "failed", "limit": 1})["changed"] == 1


def test_a_queue_goes_only_by_the_number_of_its_jobs(refused, send, queue):
    for body in ({}, {"confirm": 7}):
        status, error = refused("POST", "/queues/emails/obliterate", body)
        assert (status, "8 jobs" in error) == (409, True)
    assert not queue.is_paused()
    Hands(queue).take()
    assert refused("POST", "/queues/emails/obliterate", {"confirm": 8})[0] == 409
    body = {"confirm": 8, "force": True}
    assert send("POST", "/queues/emails/obliterate", body).status_code == 200


def test_removing_is_for_admins(refused, queue):
    for action in ("drain", "clean", "remove", "obliterate"):
        assert refused("POST", f"/queues/emails/{action}", {}, who="operator")[0] == 403


def test_the_bounds_of_what_is_kept_are_a_day_and_32_mib():
    assert (undo.LIFE, undo.ROOM) == (86_400_000, 32 * 2**20)
