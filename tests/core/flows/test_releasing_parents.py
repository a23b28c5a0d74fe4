"""What the end of a child means to its parent (protocol part 2, sections 1.5 and 1.6)."""

from __future__ import annotations

import pytest

from bullrush.core import Completed, Failed, Parent, Retried
from bullrush.core.clock import now_ms
from tests.support.kin import everything, kin, queue_of, returned, with_id

POLICIES = {
    "fpof": "fail_parent_on_failure",
    "cpof": "continue_parent_on_failure",
    "idof": "ignore_dependency_on_failure",
    "rdof": "remove_dependency_on_failure",
}


def test_the_last_child_releases_its_parent(flows, stored, other, end):
    flows.add(with_id("p", stored, with_id("c", other), with_id("d", other)))
    stored.run("RPUSH", stored.keys.wait, "later")
    end(Completed({"a": 1}))
    assert stored.ids("waiting_children") == ["p"]
    end(Completed(None))
    assert stored.ids("wait") == ["later", "p"]
    assert returned(stored, "p") == {other.keys.job("c"): '{"a":1}', other.keys.job("d"): "null"}
    assert stored.events()[-1] == {"event": "waiting", "jobId": "p", "prev": "waiting-children"}
    assert stored.marker() == {"0": 0}


def test_a_released_parent_obeys_its_delay_from_then_on(flows, stored, other, workers):
    flows.add(with_id("p", stored, with_id("c", other), delay=60_000, priority=4, timestamp=1))
    hands = workers[1]
    now = now_ms() + 1_000_000
    taken = hands.delivery(hands.trip(most=1, now=now).jobs[0])
    hands.commit(taken, Completed(1), now=now)
    assert stored.score("delayed", "p") == (now + 60_000) * 4096
    assert stored.marker() == {"1": now + 60_000}
    assert stored.events()[-1] == {"event": "delayed", "jobId": "p", "delay": str(now + 60_000)}


def test_a_paused_queue_gets_its_parent_without_a_marker(flows, queue, stored, other, end):
    flows.add(with_id("p", stored, with_id("c", other)))
    queue.pause()
    end(Completed(1))
    assert (stored.ids("wait"), stored.marker()) == (["p"], {})


def test_a_retry_does_not_touch_the_parent(flows, stored, other, end):
    flows.add(with_id("p", stored, with_id("c", other, fail_parent_on_failure=True, attempts=3)))
    end(Retried(0, "not yet"))
    assert kin(stored, "p") == {other.keys.job("c")}
    assert "defa" not in stored.hash("p")


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "removed"])
@pytest.mark.parametrize("policy", ["none", *POLICIES])
def test_a_failure_leaves_what_its_policy_says(flows, stored, other, end, policy, keep):
    options = {} if policy == "none" else {POLICIES[policy]: True}
    failing = with_id("c", other, remove_on_fail=not keep, **options)
    flows.add(with_id("p", stored, failing, with_id("sibling", other)))
    end(Failed("broken"))
    child, sibling = other.keys.job("c"), other.keys.job("sibling")
    pending = {child, sibling} if policy == "none" and keep else {sibling}
    assert kin(stored, "p") == pending
    assert kin(stored, "p", "unsuccessful") == ({child} if policy == "fpof" else set())
    ignored = {child: "broken"} if policy in ("cpof", "idof") else {}
    assert returned(stored, "p", "failed") == ignored
    assert stored.hash("p").get("defa") == (f"child {child} failed" if policy == "fpof" else None)
    at_once = policy in ("fpof", "cpof")
    assert stored.ids("wait") == (["p"] if at_once else [])
    assert bool(other.hash("c")) is keep
    end(Completed(1))
    waits = policy == "none" and keep
    assert (stored.ids("wait"), stored.ids("waiting_children")) == (
        ([], ["p"]) if waits else (["p"], [])
    )


@pytest.mark.parametrize("policy", ["idof", "rdof"])
def test_the_last_child_may_fail_and_still_release_its_parent(flows, stored, other, end, policy):
    failing = with_id("c", other, **{POLICIES[policy]: True})
    flows.add(with_id("p", stored, with_id("first", other), failing))
    end(Completed(1), Failed("broken"))
    assert (stored.ids("wait"), stored.ids("waiting_children")) == (["p"], [])


def test_a_parent_with_a_failed_child_fails_without_a_run_and_so_on_upwards(
    flows, stored, other, start_worker, queue, make_events, make_hands
):
    upwards = {"fail_parent_on_failure": True}
    flows.add(
        with_id("top", stored, with_id("mid", stored, with_id("c", other, **upwards), **upwards))
    )
    ran: list[str] = []
    events = make_events()

    def run(delivery):
        ran.append(delivery.job.id)
        raise ValueError("the cause")

    start_worker(run, queues=[stored.keys.queue, other.keys.queue])
    with pytest.raises(Exception, match=f"child {stored.keys.job('mid')} failed"):
        events.wait_until_finished("top", timeout=20)
    assert ran == ["c"]
    mid = queue.get_job("mid")
    assert mid.failed_reason == f"child {other.keys.job('c')} failed"
    assert mid.deferred_failure is None
    assert queue.get_state("top") == "failed"


def test_a_failure_pulls_a_delayed_parent_into_line(flows, stored, other, end):
    fatal = {"fail_parent_on_failure": True}
    flows.add(
        with_id("p", stored, with_id("c", other, **fatal), with_id("d", other, **fatal), delay=9000)
    )
    end(Failed("one"))
    assert stored.ids("delayed") == ["p"]
    end(Failed("two"))
    assert (stored.ids("delayed"), stored.ids("wait")) == ([], ["p"])
    written = stored.hash("p")
    assert (written["delay"], written["defa"]) == ("0", f"child {other.keys.job('d')} failed")


def test_a_failure_while_the_parent_runs_only_marks_it(queue, stored, workers, other):
    queue.add("p", job_id="p")
    mine, others = workers
    (parent,) = mine.take()
    others.queue.add("c", parent=Parent("p", queue.name), fail_parent_on_failure=True)
    others.commit(others.take()[0], Failed("broken"))
    assert stored.ids("active") == ["p"]
    assert stored.hash("p")["defa"] == f"child {other.keys.job('1')} failed"
    before = everything(stored)
    assert mine.commit(parent, Completed(1)) == -9
    assert everything(stored) == before
    assert mine.commit(parent, Failed("-9 is for good")) == 0
    assert stored.hash("p")["failedReason"] == "-9 is for good"
    assert "defa" not in stored.hash("p")


def test_a_failure_does_not_wake_a_parent_that_has_failed(flows, stored, other, workers, end):
    fatal = {"fail_parent_on_failure": True}
    flows.add(with_id("p", stored, with_id("c", other, **fatal), with_id("d", other, **fatal)))
    end(Failed("one"))
    workers[0].commit(workers[0].take()[0], Failed("child failed"))
    end(Failed("two"))
    assert (stored.ids("failed"), stored.ids("wait")) == (["p"], [])
    assert "defa" not in stored.hash("p")


def test_completing_with_pending_children_changes_nothing(queue, stored, workers):
    queue.add("p", job_id="p")
    (parent,) = workers[0].take()
    queue.add("c", job_id="c", parent=Parent("p", queue.name))
    before = everything(stored)
    assert workers[0].commit(parent, Completed(1)) == -4
    assert everything(stored) == before


def test_a_worker_fails_a_job_that_completes_with_pending_children(
    queue, start_worker, make_events, stored, other, workers
):
    events = make_events()
    reference = {"id": "p", "queue": stored.keys.qualified}

    def run(delivery):
        workers[1].queue.add("c", job_id="c", parent=reference)

    queue.add("p", job_id="p")
    start_worker(run)
    with pytest.raises(Exception, match="has pending dependencies"):
        events.wait_until_finished("p", timeout=20)


@pytest.mark.parametrize("policy", ["fpof", "cpof", "idof"])
def test_a_failed_child_that_runs_again_is_waited_for_again(flows, stored, other, end, policy):
    flows.add(
        with_id("p", stored, with_id("c", other, **{POLICIES[policy]: True}), with_id("d", other))
    )
    end(Failed("broken"))
    assert returned(stored, "p", "failed") or kin(stored, "p", "unsuccessful")
    queue_of(other).retry_job("c")
    assert kin(stored, "p") == {other.keys.job("c"), other.keys.job("d")}
    assert not returned(stored, "p", "failed") | returned(stored, "p")
    assert not kin(stored, "p", "unsuccessful")


def test_completed_children_that_run_again_are_waited_for_again(flows, stored, other, end):
    flows.add(with_id("p", stored, with_id("c", other), with_id("d", other)))
    end(Completed(1), Completed(2))
    assert queue_of(other).retry_jobs("completed") == 2
    assert kin(stored, "p") == {other.keys.job("c"), other.keys.job("d")}
    assert not stored.exists(stored.keys.job_part("p", "processed"))
