"""Parents and children after they were added: protocol part 2, sections 1.5 to 1.12."""

from __future__ import annotations

import json

import pytest

from bullrush.core import Completed, Failed, Page, Parent, Queue, Retried
from bullrush.core.clock import now_ms
from bullrush.core.errors import (
    FailedChildren,
    InvalidOption,
    JobLocked,
    JobNotFound,
    LockMismatch,
    LockMissing,
    ParentNotFound,
    ServerError,
    WrongState,
)
from tests.support.kin import everything, kin, returned, with_id
from tests.support.stored import Stored

POLICIES = {
    "fpof": "fail_parent_on_failure",
    "cpof": "continue_parent_on_failure",
    "idof": "ignore_dependency_on_failure",
    "rdof": "remove_dependency_on_failure",
}


@pytest.fixture
def other(driver, queue_name) -> Stored:
    """What is in Redis for a second queue."""
    return Stored(driver, f"{queue_name}-other")


@pytest.fixture
def workers(make_hands, stored, other):
    """A worker by hand for each of the two queues."""
    return make_hands(stored.keys.queue), make_hands(other.keys.queue)


def queue_of(place: Stored) -> Queue:
    """The queue whose keys those are; it shares the connection."""
    return Queue(place.keys.queue, driver=place.driver)


@pytest.fixture
def end(workers):
    """End the next jobs of the second queue with these outcomes."""

    def act(*outcomes, **options):
        for outcome in outcomes:
            (taken,) = workers[1].take()
            assert workers[1].commit(taken, outcome, **options) == 0

    return act


# -- how a parent is released --------------------------------------------------------------------


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


# -- what a failure means ------------------------------------------------------------------------


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


# -- run again -----------------------------------------------------------------------------------


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


# -- looking -------------------------------------------------------------------------------------


@pytest.fixture
def family(flows, stored, other, end):
    """A parent with a child of each kind, and three that fail it."""
    fatal = [with_id(f"x{n}", other, fail_parent_on_failure=True) for n in range(3)]
    flows.add(
        with_id(
            "p",
            stored,
            with_id("ok", other),
            with_id("i", other, ignore_dependency_on_failure=True),
            *fatal,
            with_id("pending", other),
        )
    )
    end(Completed({"v": 1}), Failed("ignored"), *(Failed(str(n)) for n in range(3)))
    return {each: other.keys.job(each) for each in ("ok", "i", "x0", "x1", "x2", "pending")}


def test_values_and_failures_are_read_by_the_keys_of_the_children(queue, family):
    assert queue.get_children_values("p") == {family["ok"]: {"v": 1}}
    assert queue.get_ignored_children_failures("p") == {family["i"]: "ignored"}
    assert queue.get_children_values("nobody") == {}


def test_dependencies_are_sorted_by_what_became_of_them(queue, family):
    found = queue.get_job_dependencies("p")
    assert found.processed == {family["ok"]: {"v": 1}}
    assert found.unprocessed == [family["pending"]]
    assert found.ignored == {family["i"]: "ignored"}
    assert sorted(found.failed) == [family[each] for each in ("x0", "x1", "x2")]
    assert found.cursors == {}


def test_dependencies_are_read_in_pages(queue, family):
    first = queue.get_job_dependencies("p", failed=Page(count=2), processed=Page())
    assert (len(first.failed), first.cursors) == (2, {"failed": 2, "processed": 0})
    assert (first.processed, first.ignored) == ({family["ok"]: {"v": 1}}, {})
    rest = queue.get_job_dependencies("p", failed=Page(first.cursors["failed"], 2))
    assert {*first.failed, *rest.failed} == {family[each] for each in ("x0", "x1", "x2")}
    assert rest.cursors == {"failed": 0}
    assert queue.get_job_dependencies("p", failed=Page(count=3)).cursors == {"failed": 0}


def test_pages_of_many_children_give_each_once(queue, flows, stored, other):
    flows.add(with_id("p", stored, *(with_id(f"c{n}", other) for n in range(700))))
    seen, page = [], Page(count=100)
    while True:
        found = queue.get_job_dependencies("p", unprocessed=page)
        seen += found.unprocessed
        if not found.cursors["unprocessed"]:
            break
        page = Page(found.cursors["unprocessed"], 100)
    assert set(seen) == {other.keys.job(f"c{n}") for n in range(700)}


def test_dependencies_are_counted(queue, family):
    everything_counted = {"processed": 1, "unprocessed": 1, "ignored": 1, "failed": 3}
    assert queue.get_dependencies_count("p") == everything_counted
    assert queue.get_dependencies_count("p", "failed") == {"failed": 3}
    with pytest.raises(InvalidOption, match="did you mean 'processed'"):
        queue.get_dependencies_count("p", "procesed")


def test_children_are_listed_with_their_jobs(queue, family, other):
    page = queue.get_dependencies("p", "processed")
    assert [(each.key, each.value, each.job.id) for each in page.items] == [
        (family["ok"], {"v": 1}, "ok")
    ]
    assert page.items[0].job.queue_name == other.keys.queue
    assert [each.value for each in queue.get_dependencies("p", "ignored").items] == ["ignored"]
    assert [each.key for each in queue.get_dependencies("p", "pending").items] == [
        family["pending"]
    ]
    page = queue.get_dependencies("p", "failed", 1, 1)
    assert (len(page.items), page.total) == (1, 3)
    assert queue.get_dependencies("nobody", "pending").items == []


def test_children_are_listed_by_position(queue, flows, stored, other):
    flows.add(with_id("p", stored, *(with_id(f"c{n}", other) for n in range(300))))
    pages = [queue.get_dependencies("p", "pending", n, n + 99) for n in (0, 100, 200)]
    assert [len(page.items) for page in pages] == [100, 100, 100]
    assert {page.total for page in pages} == {300}
    assert len({each.key for page in pages for each in page.items}) == 300


def test_children_that_are_gone_are_listed_without_a_job(queue, family, other):
    other.run("DEL", family["ok"])
    assert [each.job for each in queue.get_dependencies("p", "processed").items] == [None]


@pytest.mark.parametrize(("kind", "start"), [("finished", 0), ("pending", -1)])
def test_bad_pages_are_refused(queue, kind, start):
    with pytest.raises(InvalidOption, match=r"kind of children|start"):
        queue.get_dependencies("p", kind, start)


def test_a_value_that_is_no_json_is_named_and_harms_no_other(queue, family, stored, other):
    stored.run("HSET", stored.keys.job_part("p", "processed"), "bull:x:bad", "{not json")
    assert queue.get_children_values("p") == {family["ok"]: {"v": 1}, "bull:x:bad": None}
    errors = {each.key: each.error for each in queue.get_dependencies("p", "processed").items}
    assert errors[family["ok"]] is None
    assert "Expecting property name" in errors["bull:x:bad"]


# -- waiting for children during a run -----------------------------------------------------------


@pytest.fixture
def running(queue, workers, stored):
    """A parent in a worker's hands."""
    queue.add("p", job_id="p")
    return workers[0].take()[0]


def test_a_running_job_waits_for_children_that_it_added(queue, running, stored, other, workers):
    workers[1].queue.add("c", job_id="c", parent=Parent("p", queue.name))
    assert queue.move_to_waiting_children("p", running.token) is True
    assert (stored.ids("active"), stored.ids("waiting_children")) == ([], ["p"])
    assert not stored.exists(stored.keys.job_part("p", "lock"))
    assert stored.events()[-1] == {"event": "waiting-children", "jobId": "p", "prev": "active"}
    workers[1].commit(workers[1].take()[0], Completed(1))
    (again,) = workers[0].take()
    assert (again.job.id, again.job.attempts_made, again.job.attempts_started) == ("p", 0, 2)
    assert workers[0].commit(again, Completed("done")) == 0


def test_nothing_to_wait_for_changes_nothing(queue, running, stored):
    before = everything(stored)
    assert queue.move_to_waiting_children("p", running.token) is False
    assert queue.move_to_waiting_children("p", "not the token") is False
    assert everything(stored) == before


def test_a_job_may_wait_for_one_child(queue, running, stored, other):
    queue_of(other).add("c", job_id="c", parent=Parent("p", queue.name))
    wait = queue.move_to_waiting_children
    assert wait("p", running.token, child=other.keys.job("x")) is False
    assert wait("p", running.token, child={"id": "x", "queue": other.keys.qualified}) is False
    assert wait("p", running.token, child={"id": "c", "queue": other.keys.qualified}) is True
    with pytest.raises(InvalidOption, match="child"):
        wait("p", running.token, child=7)


def test_only_the_holder_of_the_lock_may_let_it_wait(queue, running, stored, other):
    queue.add("c", parent=Parent("p", queue.name))
    with pytest.raises(LockMismatch):
        queue.move_to_waiting_children("p", "somebody else")
    with pytest.raises(JobNotFound):
        queue.move_to_waiting_children("nobody", running.token)
    stored.run("LREM", stored.keys.active, 0, "p")
    with pytest.raises(WrongState):
        queue.move_to_waiting_children("p", running.token)
    assert stored.exists(stored.keys.job_part("p", "lock"))
    stored.run("DEL", stored.keys.job_part("p", "lock"))
    with pytest.raises(LockMissing):
        queue.move_to_waiting_children("p", running.token)


def test_a_job_that_a_child_has_failed_cannot_wait(queue, running, stored, workers):
    workers[1].queue.add("c", parent=Parent("p", queue.name), fail_parent_on_failure=True)
    workers[1].commit(workers[1].take()[0], Failed("broken"))
    with pytest.raises(FailedChildren):
        queue.move_to_waiting_children("p", running.token)
    assert stored.ids("active") == ["p"]


def test_a_slot_that_a_waiting_parent_frees_wakes_a_worker(queue, running, stored):
    stored.run("HSET", stored.keys.meta, "concurrency", 1)
    queue.add("c", parent=Parent("p", queue.name))
    stored.run("DEL", stored.keys.marker)
    assert queue.move_to_waiting_children("p", running.token) is True
    assert stored.marker() == {"0": 0}


# -- letting go ----------------------------------------------------------------------------------


def test_a_child_that_is_made_independent_releases_its_parent(flows, stored, other):
    flows.add(with_id("p", stored, with_id("c", other), priority=3, delay=1000))
    assert queue_of(other).remove_child_dependency("c") is True
    assert stored.ids("wait") == ["p"]
    assert stored.events()[-1] == {"event": "waiting", "jobId": "p", "prev": "waiting-children"}
    assert not {"parent", "parentKey"} & set(other.hash("c"))
    with pytest.raises(ParentNotFound):
        queue_of(other).remove_child_dependency("c")


def test_a_finished_child_cannot_be_made_independent(flows, stored, other, end):
    flows.add(with_id("p", stored, with_id("c", other)))
    end(Completed(1))
    assert queue_of(other).remove_child_dependency("c") is False
    assert "parent" in other.hash("c")


def test_independence_needs_a_child_and_a_parent(queue, flows, stored, other):
    with pytest.raises(JobNotFound):
        queue.remove_child_dependency("nobody")
    flows.add(with_id("p", stored, with_id("c", other)))
    queue.remove("p", remove_children=False)
    with pytest.raises(ParentNotFound):
        queue_of(other).remove_child_dependency("c")


def test_pending_children_are_removed_and_the_parent_runs(queue, flows, stored, other, end):
    flows.add(
        with_id(
            "p",
            stored,
            with_id("done", other),
            with_id("c", other, with_id("deep", stored, delay=9)),
            with_id("d", stored),
            priority=3,
        )
    )
    end(Completed(1))
    assert queue.remove_unprocessed_children("p") == 3
    assert (stored.ids("wait"), stored.ids("waiting_children")) == (["p"], [])
    assert returned(stored, "p") == {other.keys.job("done"): "1"}
    assert other.ids("completed") == ["done"]
    assert not stored.hash("deep") | stored.hash("d") | other.hash("c")
    removed = {
        (each["jobId"], each["prev"])
        for each in stored.events() + other.events()
        if each["event"] == "removed"
    }
    assert removed == {("c", "waiting-children"), ("deep", "delayed"), ("d", "wait")}


def test_pending_children_that_run_or_have_failed_stay(queue, flows, stored, other, workers, end):
    flows.add(
        with_id(
            "p", stored, with_id("broken", other), with_id("running", other), with_id("x", other)
        )
    )
    end(Failed("broken"))
    workers[1].take()
    assert queue.remove_unprocessed_children("p") == 1
    assert kin(stored, "p") == {other.keys.job("broken"), other.keys.job("running")}
    assert stored.ids("waiting_children") == ["p"]


def test_phantoms_among_the_pending_children_are_dropped(queue, flows, stored, other):
    flows.add(with_id("p", stored, with_id("c", other)))
    other.run("DEL", other.keys.job("c"), other.keys.wait)
    assert queue.remove_unprocessed_children("p") == 0
    assert stored.ids("wait") == ["p"]
    with pytest.raises(JobNotFound):
        queue.remove_unprocessed_children("nobody")


# -- removing ------------------------------------------------------------------------------------


def test_a_removed_job_takes_everything_below_along(queue, flows, stored, other, end):
    flows.add(
        with_id(
            "p",
            stored,
            with_id("ok", other),
            with_id("i", other, ignore_dependency_on_failure=True),
            with_id("x", other, fail_parent_on_failure=True),
            with_id("m", other, with_id("deep", stored, with_id("deeper", other))),
        )
    )
    queue.add("bystander", job_id="bystander")
    end(Completed(1), Failed("i"), Failed("x"))
    assert queue.remove("p") is True
    assert stored.all_keys() == {"id", "meta", "events", "marker", "wait", "bystander"}
    assert other.all_keys() == {"id", "meta", "events", "marker"}
    gone = {
        each["jobId"]: each["prev"]
        for each in stored.events() + other.events()
        if each["event"] == "removed"
    }
    assert gone == {
        "p": "wait",
        "deep": "waiting-children",
        "m": "waiting-children",
        "ok": "completed",
        "i": "failed",
        "x": "failed",
        "deeper": "wait",
    }


def test_a_removed_child_releases_its_parent(flows, queue, stored, other):
    flows.add(with_id("p", stored, with_id("c", other), priority=3))
    queue_of(other).remove("c")
    assert (stored.ids("wait"), stored.marker()) == (["p"], {"0": 0})


def test_nothing_is_removed_while_one_below_is_running(queue, flows, stored, other, workers):
    flows.add(with_id("p", stored, with_id("m", stored, with_id("c", other)), with_id("d", stored)))
    workers[1].take()
    before = everything(stored, other)
    with pytest.raises(JobLocked, match="a child of it"):
        queue.remove("p")
    assert everything(stored, other) == before


def test_children_may_be_left_behind(queue, flows, stored, other, end):
    flows.add(with_id("p", stored, with_id("c", other, fail_parent_on_failure=True)))
    queue.remove("p", remove_children=False)
    assert stored.all_keys() == {"id", "meta", "events"}
    end(Failed("nobody cares"))
    assert other.ids("failed") == ["c"]
    assert stored.all_keys() == {"id", "meta", "events"}


def test_a_job_that_took_the_id_of_a_former_child_stays(queue, flows, stored, other, end):
    flows.add(with_id("p", stored, with_id("c", other)))
    end(Completed(1))
    queue_of(other).remove("c")
    queue_of(other).add("new", job_id="c")
    queue.remove("p")
    assert (other.ids("wait"), other.hash("c")["name"]) == (["c"], "new")


@pytest.mark.parametrize("number", [10, 500])
def test_many_children_are_removed_in_one_step(queue, flows, stored, other, number):
    for place in (stored, other):
        queue_of(place).add("bystander", job_id="bystander")
    children = [with_id(f"c{n}", (stored, other)[n % 2]) for n in range(number)]
    flows.add(
        with_id(
            "p",
            stored,
            *children,
            with_id("late", other, delay=99),
            with_id("first", other, priority=1),
        )
    )
    queue_of(other).add("last", job_id="last")
    assert queue.remove("p") is True
    assert stored.ids("wait") == ["bystander"]
    assert other.ids("wait") == ["last", "bystander"]
    assert stored.all_keys() == {"id", "meta", "events", "marker", "wait", "bystander"}


def test_a_chain_of_a_thousand_is_removed_in_one_step(queue, flows, stored):
    flow = with_id("n0", stored)
    for number in range(1, 1000):
        flow = with_id(f"n{number}", stored, flow)
    flows.add(flow)
    assert queue.remove("n999") is True
    assert stored.all_keys() == {"id", "meta", "events", "marker"}


def test_a_damaged_circle_is_removed_once(queue, flows, stored):
    flows.add(with_id("a", stored, with_id("b", stored)))
    stored.run("SADD", stored.keys.job_part("b", "dependencies"), stored.keys.job("a"))
    stored.run("HSET", stored.keys.job("a"), "parentKey", stored.keys.job("b"))
    assert queue.remove("b") is True
    assert not stored.hash("a") | stored.hash("b")
    assert stored.event_names().count("removed") == 2


def test_a_child_whose_id_has_colons_harms_no_other_key(queue, flows, stored, other):
    flows.add(with_id("p", stored, with_id("plain", other)))
    child = other.keys.job("x:y:z")
    other.run("HSET", child, "name", "n", "parentKey", stored.keys.job("p"))
    other.run("LPUSH", other.keys.wait, "x:y:z")
    stored.run("SADD", stored.keys.job_part("p", "dependencies"), child)
    assert queue.remove("p") is True
    assert other.all_keys() == {"id", "meta", "events", "marker"}
    assert {"event": "removed", "jobId": "x:y:z", "prev": "wait"} in other.events()


def test_removing_the_last_child_releases_a_parent_whose_id_has_colons(queue, stored):
    stored.run("HSET", stored.keys.job("repeat:s:1"), "name", "n")
    stored.run("ZADD", stored.keys.waiting_children, 1, "repeat:s:1")
    queue.add("c", job_id="c", parent=Parent("repeat:s:1", queue.name))
    assert queue.remove("c") is True
    assert stored.ids("wait") == ["repeat:s:1"]


# -- rubbish that other clients put there --------------------------------------------------------

RUBBISH = ["{not json", "[]", "null", '{"id":{},"queueKey":7}', "", "[" * 200_000]


@pytest.mark.parametrize("rubbish", RUBBISH, ids=lambda text: text[:10])
def test_a_child_with_rubbish_for_its_parent_field_still_ends(flows, stored, other, end, rubbish):
    flows.add(with_id("p", stored, with_id("c", other)))
    other.run("HSET", other.keys.job("c"), "parent", rubbish)
    end(Completed(1))
    assert other.ids("completed") == ["c"]
    assert (stored.ids("wait"), returned(stored, "p")) == (["p"], {other.keys.job("c"): "1"})


@pytest.mark.parametrize("rubbish", ["", "nonsense", ":", "a:b", "bull:x:"])
def test_a_child_with_rubbish_for_its_parent_key_still_ends(flows, stored, other, end, rubbish):
    flows.add(with_id("p", stored, with_id("c", other)))
    other.run("HSET", other.keys.job("c"), "parent", "{", "parentKey", rubbish)
    end(Failed("x"))
    assert other.ids("failed") == ["c"]
    assert kin(stored, "p") == {other.keys.job("c")}


@pytest.mark.parametrize("part", ["dependencies", "processed", "failed", "unsuccessful"])
def test_a_child_of_a_damaged_parent_still_ends_and_its_neighbours_too(
    flows, stored, other, workers, part
):
    flows.add(with_id("p", stored, with_id("c", other)))
    flows.add(with_id("q", stored, with_id("d", other)))
    stored.run("DEL", stored.keys.job_part("p", part))
    stored.run("SET", stored.keys.job_part("p", part), "rubbish")
    taken = workers[1].take(2)
    assert workers[1].trip([(each, Completed(1)) for each in taken]).codes == [0, 0]
    assert sorted(other.ids("completed")) == ["c", "d"]
    assert (stored.ids("wait"), stored.ids("waiting_children")) == (["q"], ["p"])


@pytest.mark.parametrize("place", ["wait", "delayed", "events", "meta", "waiting_children"])
def test_a_child_of_a_damaged_queue_still_ends(flows, stored, other, end, place):
    flows.add(with_id("p", stored, with_id("c", other)))
    stored.run("SET", getattr(stored.keys, place), "rubbish")
    end(Completed(1))
    assert other.ids("completed") == ["c"]
    assert kin(stored, "p") == {other.keys.job("c")}


@pytest.mark.parametrize("part", ["dependencies", "failed", "unsuccessful"])
def test_a_child_of_a_damaged_parent_still_runs_again(flows, stored, other, end, part):
    flows.add(with_id("p", stored, with_id("c", other, ignore_dependency_on_failure=True)))
    end(Failed("x"))
    stored.run("DEL", stored.keys.job_part("p", part))
    stored.run("SET", stored.keys.job_part("p", part), "rubbish")
    queue_of(other).retry_job("c")
    assert (other.ids("wait"), other.ids("failed")) == (["c"], [])


def test_a_damaged_deduplication_key_does_not_stop_a_removal(queue, stored):
    queue.add("x", job_id="x", deduplication="d")
    key = stored.keys.deduplication + "d"
    stored.run("DEL", key)
    stored.run("LPUSH", key, "rubbish")
    assert queue.remove("x") is True
    assert stored.all_keys() == {"id", "meta", "events", "marker", "de:d"}


@pytest.mark.parametrize("place", ["wait", "events", "completed", "waiting_children"])
@pytest.mark.parametrize("act", ["add", "wait", "remove", "remove_unprocessed"])
def test_a_damaged_queue_refuses_before_anything_is_written(
    queue, flows, stored, workers, act, place
):
    queue.add("p", job_id="p")
    (running,) = workers[0].take()
    queue.add("c", job_id="c", parent=Parent("p", queue.name))
    acts = {
        "add": lambda: flows.add(with_id("new", stored, with_id("d", stored))),
        "wait": lambda: queue.move_to_waiting_children("p", running.token),
        "remove": lambda: queue.remove("c"),
        "remove_unprocessed": lambda: queue.remove_unprocessed_children("p"),
    }
    stored.run("DEL", getattr(stored.keys, place))
    stored.run("SET", getattr(stored.keys, place), "rubbish")
    before = everything(stored)
    with pytest.raises(ServerError, match=r"WRONGTYPE|other types"):
        acts[act]()
    assert everything(stored) == before


def test_removing_a_parent_with_damaged_keys_removes_nothing(queue, flows, stored, other):
    flows.add(with_id("p", stored, with_id("m", other, with_id("c", other))))
    other.run("SET", other.keys.job_part("m", "processed"), "rubbish")
    before = everything(stored, other)
    for act in (queue.remove, queue.remove_unprocessed_children):
        with pytest.raises(ServerError, match=f"a key of the job {other.keys.job('m')}"):
            act("p")
    assert everything(stored, other) == before


def test_rubbish_among_the_dependencies_is_left_where_it_is(queue, flows, stored, other):
    flows.add(with_id("p", stored, with_id("c", other)))
    for rubbish in ("", "nonsense", stored.keys.wait, other.keys.events, "bull:a:b"):
        stored.run("SADD", stored.keys.job_part("p", "dependencies"), rubbish)
    assert queue.remove("p") is True
    assert other.all_keys() == {"id", "meta", "events", "marker"}


def test_rubbish_for_options_does_not_stop_a_child(flows, stored, other, end):
    flows.add(with_id("p", stored, with_id("c", other)))
    other.run("HSET", other.keys.job("c"), "opts", "{not json")
    end(Completed(1))
    assert stored.ids("wait") == ["p"]
    assert json.loads(stored.hash("p")["opts"]) == {"attempts": 0, "jobId": "p"}
