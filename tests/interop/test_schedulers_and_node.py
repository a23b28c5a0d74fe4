"""Job schedulers that Python and Node share: protocol part 2, section 2."""

from __future__ import annotations

import json
import threading

import pytest

from bullrush.core.clock import now_ms
from bullrush.core.errors import InvalidOption
from tests.support.node_peer import NodeError
from tests.support.sides import SIDES
from tests.support.waiting import wait_until

HOUR, DAY = 3_600_000, 86_400_000
OTHER = {"python": "node", "node": "python"}
#: What the two sides say of times, which are not the same to the ms.
TIMES = ("timestamp", "delay", "jobId", "prevMillis")

SCHEDULES = [
    {"every": HOUR},
    {"every": HOUR, "offset": 1234, "limit": 5},
    {"every": HOUR, "start_date": 1_999_999_999_000, "end_date": 2_000_999_999_000},
    {"pattern": "0 9 * * MON-FRI", "tz": "Europe/Madrid"},
    {"pattern": "*/7 3 * L * *", "limit": 4, "tz": "UTC", "end_date": 2_000_999_999_000},
    {"pattern": "@daily", "immediately": True},
    {"every": HOUR, "name": "tick", "data": {"x": [], "n": None, "big": 2**53 - 1}},
    {
        "every": HOUR,
        "data": "text",
        "options": {"priority": 3, "attempts": 4, "backoff": {"type": "fixed", "delay": 9}},
    },
    {
        "every": HOUR,
        "options": {
            "lifo": True,
            "keep_logs": 3,
            "remove_on_complete": {"count": 5},
            "deduplication": {"id": "d"},
            "stack_trace_limit": 2,
        },
    },
]


@pytest.mark.parametrize("options", SCHEDULES)
def test_both_sides_store_the_same(schedules, stored, options):
    found = {}
    for side in SIDES:
        job_id = schedules.upsert(side, side, **{"name": "n", **options})
        hash_, definition = stored.hash(job_id), schedules.definition(side)
        opts = schedules.options(job_id)
        assert hash_.pop("rjk") == opts.pop("repeatJobKey") == side
        slot = int(job_id.rpartition(":")[2])
        assert slot == schedules.slot(side)
        assert (opts["jobId"], opts.get("prevMillis", slot)) == (job_id, slot)
        assert int(hash_["timestamp"]) + int(hash_["delay"]) == max(slot, int(hash_["timestamp"]))
        rest = {name: value for name, value in opts.items() if name not in TIMES}
        for name in ("timestamp", "delay", "opts"):
            hash_.pop(name)
        if "opts" in definition:
            definition["opts"] = json.loads(definition["opts"])
        if "offset" not in options:
            definition.pop("offset")
        has_previous = "prevMillis" in opts
        found[side] = (hash_, rest, definition, has_previous, len(stored.ids("delayed")))
        stored.run("DEL", stored.keys.delayed)
    assert found["python"] == found["node"]


@pytest.mark.parametrize("options", SCHEDULES)
def test_either_side_reads_what_the_other_made(schedules, queue, node, options):
    for side in SIDES:
        schedules.upsert(side, side, **options)
    ours = {each.id: each for each in queue.get_job_schedulers()}
    theirs = {
        each["key"]: each
        for each in node.request("call", queue=queue.name, method="getJobSchedulers")
    }
    for side in SIDES:
        our, their = ours[side], theirs[side]
        assert our.name == their["name"] == options.get("name", side)
        assert (our.next, our.iteration_count) == (their["next"], their["iterationCount"])
        for name, node_name in (("start_date", "startDate"), ("end_date", "endDate")):
            assert getattr(our, name) == their.get(node_name) == options.get(name)
        for name in ("every", "pattern", "tz", "limit"):
            assert getattr(our, name) == their.get(name) == options.get(name)
        assert our.offset == their["offset"]
        template = their.get("template", {})
        assert our.data == template.get("data") == options.get("data")
        assert our.options == options.get("options", {})
        one = node.request("call", queue=queue.name, method="getJobScheduler", args=[side])
        assert (one, queue.get_job_scheduler(side)) == (their, our)
    assert node.request("call", queue=queue.name, method="getJobSchedulersCount") == 2
    assert queue.get_job_schedulers_count() == 2


@pytest.mark.parametrize("made_by", SIDES)
@pytest.mark.parametrize(
    "when", [{"every": HOUR}, {"pattern": "0 */3 * * *", "tz": "America/New_York"}]
)
def test_runs_alternate_between_the_languages(schedules, made_by, when):
    options = {"attempts": 2, "keep_logs": 3, "priority": 7}
    schedules.upsert(made_by, data={"x": [], "ü": [1.5]}, name="tick", options=options, **when)
    first = schedules.options(schedules.armed())
    for number in range(1, 7):
        taker = SIDES[number % 2]
        job = schedules.run_ahead(taker)
        assert (job.name, job.data) == ("tick", {"x": [], "ü": [1.5]})
        options = schedules.options(job.id)
        assert options["repeat"] == {**first["repeat"], "count": number}
        own = (*TIMES, "repeat")
        assert {name: value for name, value in options.items() if name not in own} == {
            name: value for name, value in first.items() if name not in own
        }
        assert schedules.pending() == [schedules.armed()]
    assert schedules.definition()["ic"] == "7"


def test_workers_of_both_languages_share_a_schedule(sides, schedules, stored, queue):
    for side in SIDES:
        sides.work(side)
    schedules.upsert("python", every=100, limit=12)
    wait_until(lambda: len(stored.ids("completed")) == 12, 30)
    jobs = [queue.get_job(each) for each in stored.ids("completed")]
    assert sorted(job.opts["repeat"]["count"] for job in jobs) == list(range(1, 13))
    slots = sorted(int(job.id.rpartition(":")[2]) for job in jobs)
    assert {(slot - slots[0]) % 100 for slot in slots} == {0}
    assert (schedules.pending(), queue.get_job_scheduler("s").iteration_count) == ([], 12)


def test_a_node_worker_that_sleeps_is_woken_for_the_first_run(sides, schedules, node):
    sides.work("node")
    schedules.upsert("python", every=DAY)
    node.wait_for("worker.completed")
    schedules.upsert("python", "t", every=DAY, start_date=now_ms() + 300)
    node.wait_for("worker.completed")


@pytest.mark.parametrize("side", SIDES)
def test_an_upsert_of_the_other_side_takes_over(schedules, side):
    schedules.upsert(side, every=HOUR, data=1, options={"priority": 4})
    again = schedules.upsert(OTHER[side], every=HOUR, data=2)
    assert schedules.pending() == [again] == [schedules.armed()]
    later = schedules.upsert(OTHER[side], pattern="@yearly", tz="UTC")
    assert schedules.pending() == [later] == [schedules.armed()]
    assert schedules.definition().keys() == {"name", "pattern", "tz", "offset", "ic"}


@pytest.mark.parametrize("side", SIDES)
def test_either_side_removes_what_the_other_made(schedules, stored, side):
    schedules.upsert(side, pattern="@yearly", tz="UTC")
    assert schedules.remove(OTHER[side])
    assert not schedules.remove(OTHER[side])
    assert stored.ids("repeat") == schedules.pending() == []
    assert not [name for name in stored.all_keys() if name.startswith("repeat")]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"every": HOUR, "pattern": "* * * * *"},
        {"pattern": "0 0 30 2 *"},
        {"pattern": "0 0 32 * *"},
        {"pattern": "nonsense"},
        {"pattern": "* * * * *", "tz": "Mars/Base"},
        {"every": HOUR, "end_date": 5},
        {"pattern": "* * * * *", "immediately": True, "start_date": 1_999_999_999_000},
    ],
)
def test_what_node_refuses_python_refuses(schedules, stored, options):
    with pytest.raises(NodeError):
        schedules.upsert("node", **dict(options))
    with pytest.raises(InvalidOption):
        schedules.upsert("python", **options)
    assert stored.ids("repeat") == []


def test_a_pattern_that_only_5_81_knows_is_said_and_its_job_run(
    schedules, queue, node_version, caplog
):
    # 5.81 has another parser than 6.7, see test_cron_and_node.
    if node_version != "bullmq-5.81":
        with pytest.raises(NodeError):
            schedules.upsert("node", pattern="0 0 * * 0,7", tz="UTC")
        return
    schedules.upsert("node", pattern="0 0 * * 0,7", tz="UTC")
    job = schedules.run_ahead("python")
    assert queue.get_state(job.id) == "completed"
    assert "says the same twice" in caplog.text


def test_repeatable_jobs_of_5_81_go_on_as_schedulers_and_keep_their_data(
    schedules, stored, queue, node, node_version, caplog
):
    if node_version == "bullmq-5.81":
        options = {"repeat": {"every": HOUR}}
        node.request("add", queue=queue.name, name="old", data={"precious": [1]}, opts=options)
    else:  # 6.7 has no such jobs any more: as 5.81 leaves them
        schedules.upsert("node", every=HOUR, name="old", data={"precious": [1]})
        stored.run("HDEL", stored.keys.job("repeat:s"), "ic", "data")
    [scheduler_id] = stored.ids("repeat")
    assert queue.get_job_scheduler(scheduler_id).iteration_count is None
    for number in range(1, 5):
        job = schedules.run_ahead(SIDES[(number + 1) % 2], scheduler_id)
        assert (job.name, job.data) == ("old", {"precious": [1]})
        assert schedules.definition(scheduler_id)["ic"] == str(number)
    assert caplog.text.count("continues as a job scheduler") == 1


def test_many_schedules_are_made_by_one_fetch_of_python(schedules, stored, queue, start_worker):
    for number in range(20):
        schedules.upsert(SIDES[number % 2], f"s{number}", every=HOUR)
    gate = threading.Event()
    start_worker(lambda delivery: gate.wait(20), concurrency=20)
    wait_until(lambda: len(stored.ids("active")) == len(stored.ids("delayed")) == 20)
    gate.set()
    wait_until(lambda: len(stored.ids("completed")) == 20)
    assert {schedules.armed(f"s{number}") for number in range(20)} == set(schedules.pending())
