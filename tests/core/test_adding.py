"""Adding jobs: protocol part 1, section 3, and the invariants 1 to 8 of section 13."""

from __future__ import annotations

import json

import pytest

from bullrush.core import (
    Backoff,
    BulkJob,
    Completed,
    Deduplication,
    Failed,
    Keep,
    Retried,
    Telemetry,
)
from bullrush.core.errors import (
    InvalidJobId,
    InvalidOption,
    InvalidQueueName,
    JobTooLarge,
    ServerError,
    UnserializableData,
)
from bullrush.core.keys import RESERVED_IDS


def test_a_standard_add_writes_hash_id_marker_and_events(queue, stored):
    job = queue.add("send", {"to": "ann"})
    assert job.id == "1"
    written = stored.hash("1")
    assert written["name"] == "send"
    assert json.loads(written["data"]) == {"to": "ann"}
    assert json.loads(written["opts"]) == {"attempts": 0}
    assert (written["delay"], written["priority"]) == ("0", "0")
    assert stored.ids("wait") == ["1"]
    assert stored.marker() == {"0": 0}
    assert stored.events() == [
        {"event": "added", "jobId": "1", "name": "send"},
        {"event": "waiting", "jobId": "1"},
    ]


def test_the_added_job_equals_the_stored_one(queue):
    job = queue.add("send", {"to": "ann"}, priority=3)
    assert queue.get_job(job.id) == job


def test_a_lifo_job_is_next_in_line(queue, stored, hands):
    for name in ("old", "older"):
        queue.add(name)
    queue.add("newest", lifo=True)
    assert hands.take()[0].job.name == "newest"


def test_prioritized_jobs_run_by_number_then_by_age_and_after_all_others(queue, hands):
    for name, priority in (("c", 5), ("a", 1), ("d", 5), ("b", 1)):
        queue.add(name, priority=priority)
    queue.add("plain")
    assert [each.job.name for each in hands.take(5)] == ["plain", "a", "b", "c", "d"]


def test_a_priority_score_is_the_priority_and_a_counter(queue, stored):
    queue.add("one", priority=2)
    queue.add("two", priority=2)
    assert stored.score("prioritized", "1") == 2 * 2**32 + 1
    assert stored.score("prioritized", "2") == 2 * 2**32 + 2


def test_delayed_jobs_of_one_millisecond_keep_their_order(queue, stored):
    first = queue.add("a", delay=5000, timestamp=1_000_000)
    second = queue.add("b", delay=5000, timestamp=1_000_000)
    assert stored.score("delayed", first.id) == 1_005_000 * 4096
    assert stored.score("delayed", second.id) == 1_005_000 * 4096 + 1
    assert stored.marker() == {"1": 1_005_000}
    assert stored.events()[1] == {"event": "delayed", "jobId": first.id, "delay": "1005000"}


def test_options_are_stored_under_the_names_that_node_reads(queue, stored):
    job = queue.add(
        "x",
        attempts=4,
        backoff=Backoff("exponential", 100, jitter=0.5),
        remove_on_complete=Keep(count=5, age=60),
        remove_on_fail=True,
        keep_logs=7,
        stack_trace_limit=2,
        size_limit=1000,
        deduplication=Deduplication("d", ttl=50),
    )
    assert json.loads(stored.hash(job.id)["opts"]) == {
        "attempts": 4,
        "backoff": {"type": "exponential", "delay": 100, "jitter": 0.5},
        "removeOnComplete": {"count": 5, "age": 60},
        "removeOnFail": True,
        "kl": 7,
        "stackTraceLimit": 2,
        "sizeLimit": 1000,
        "de": {"id": "d", "ttl": 50},
    }


def test_a_number_as_backoff_means_a_fixed_delay(queue, stored):
    job = queue.add("x", backoff=250)
    assert json.loads(stored.hash(job.id)["opts"])["backoff"] == {"type": "fixed", "delay": 250}


def test_options_are_read_back_under_their_long_names(queue):
    job = queue.add("x", keep_logs=7, deduplication="d")
    assert queue.get_job(job.id).opts == {
        "attempts": 0,
        "keepLogs": 7,
        "deduplication": {"id": "d"},
    }


def test_default_options_stand_under_the_jobs_own(make_queue):
    queue = make_queue(default_job_options={"attempts": 3, "priority": 9})
    job = queue.add("x", priority=1)
    assert (queue.get_job(job.id).attempts, job.priority) == (3, 1)


def test_many_jobs_are_added_in_order(queue, hands):
    jobs = queue.add_bulk([BulkJob("n", {"i": i}) for i in range(250)])
    assert [job.id for job in jobs] == [str(i) for i in range(1, 251)]
    assert [each.job.data["i"] for each in hands.take(250)] == list(range(250))


def test_jobs_of_every_kind_are_added_in_one_go(queue, stored):
    kinds = [{}, {"lifo": True}, {"priority": 2}, {"delay": 60_000}, {"job_id": "mine"}]
    jobs = queue.add_bulk([BulkJob("n", None, kinds[i % 5]) for i in range(220)])
    assert [job.id for job in jobs if job.id != "mine"] == [str(i) for i in range(1, 221) if i % 5]
    assert len(stored.ids("wait")) == 44 + 44 + 1
    assert len(stored.ids("prioritized")) == len(stored.ids("delayed")) == 44
    assert set(stored.marker()) == {"0", "1"}


def test_a_chunk_that_redis_refuses_is_raised_and_the_others_are_added(queue, stored):
    stored.run("RPUSH", stored.keys.job("taken"), "no job")
    jobs = [BulkJob("n", None, {"job_id": "taken"} if i == 150 else {}) for i in range(300)]
    with pytest.raises(ServerError, match="taken"):
        queue.add_bulk(jobs)
    assert len(stored.ids("wait")) == 200


def test_no_jobs_are_no_trip(queue, stored):
    assert queue.add_bulk([]) == []
    assert stored.all_keys() == set()


def test_one_bad_job_of_many_keeps_all_from_being_written(queue, stored):
    with pytest.raises(InvalidOption, match="priority"):
        queue.add_bulk([BulkJob("ok"), BulkJob("bad", None, {"priority": -1})])
    assert stored.all_keys() == set()


def test_adding_an_id_again_changes_nothing_but_the_counter(queue, stored):
    queue.add("first", {"n": 1}, job_id="mine")
    before = stored.hash("mine")
    assert queue.add("second", {"n": 2}, job_id="mine").id == "mine"
    assert stored.hash("mine") == before
    assert stored.ids("wait") == ["mine"]
    assert stored.run("GET", stored.keys.id) == b"2"
    assert stored.events()[-1] == {"event": "duplicated", "jobId": "mine"}


def test_adding_the_id_of_a_half_made_job_finishes_making_it(queue, stored):
    queue.add("x", job_id="mine")
    stored.run("LREM", stored.keys.wait, 1, "mine")
    queue.add("x", job_id="mine")
    assert stored.ids("wait") == ["mine"]


def test_finished_jobs_count_as_known_ids(queue, stored, hands):
    queue.add("x", job_id="mine")
    hands.commit(hands.take()[0], Completed(1))
    queue.add("x", job_id="mine")
    assert stored.ids("wait") == []


@pytest.mark.parametrize("bad", [*sorted(RESERVED_IDS), "12", "-5", "0", "a:b", "a\nb", "x" * 300])
def test_ids_that_would_damage_a_queue_are_refused(queue, stored, bad):
    with pytest.raises(InvalidJobId):
        queue.add("x", job_id=bad)
    assert stored.all_keys() == set()


@pytest.mark.parametrize("good", ["007", "1.5", "12a", "ünï", "a b", "a/b"])
def test_other_ids_are_taken(queue, good):
    assert queue.add("x", job_id=good).id == good
    assert queue.get_job(good).name == "x"


@pytest.mark.parametrize("bad", ["", "a:b", "a\nb", "a\0b"])
def test_queue_names_that_cannot_be_part_of_a_key_are_refused(make_queue, bad):
    with pytest.raises(InvalidQueueName):
        make_queue(bad)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"priority": -1}, "priority"),
        ({"priority": 2**21}, "priority"),
        ({"priority": 1.5}, "priority"),
        ({"priority": True}, "priority"),
        ({"delay": -1}, "delay"),
        ({"delay": 0.5}, "delay"),
        ({"attempts": "3"}, "attempts"),
        ({"backoff": {"type": "fixed", "delay": 1, "jitter": 2}}, "jitter"),
        ({"backoff": "fixed"}, "backoff"),
        ({"lifo": 1}, "lifo"),
        ({"removeOnComplete": True}, "did you mean 'remove_on_complete'"),
        ({"prioritty": 1}, "did you mean 'priority'"),
        ({"remove_on_fail": {"counts": 1}}, "did you mean 'count'"),
        ({"deduplication": {}}, "deduplication.id"),
    ],
)
def test_wrong_options_are_refused_by_name(queue, stored, options, words):
    with pytest.raises(InvalidOption, match=words):
        queue.add("x", **options)
    assert stored.all_keys() == set()


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"when": object()}, r"data\.when is object"),
        ({"a": [1, {"b": {1, 2}}]}, r"data\.a\[1\]\.b is set"),
        ({"n": float("nan")}, r"data\.n is float"),
        ({("a", "b"): 1}, "key of type tuple"),
        ("\ud800", "data"),
    ],
)
def test_data_without_json_form_is_refused_with_its_place(queue, stored, data, where):
    with pytest.raises(UnserializableData, match=where):
        queue.add("x", data)
    assert stored.all_keys() == set()


def test_data_that_contains_itself_is_refused(queue):
    data: list = []
    data.append(data)
    with pytest.raises(UnserializableData):
        queue.add("x", data)


def test_the_size_limit_counts_bytes(queue):
    queue.add("x", "äää", size_limit=8)  # two bytes each, and the quotes
    with pytest.raises(JobTooLarge, match="10 bytes"):
        queue.add("x", "ääää", size_limit=9)


def test_any_json_value_is_data(queue):
    for value in ("text", 1, 1.5, True, [], {}, [1, {"a": None}], "ünï/☃"):
        assert queue.get_job(queue.add("x", value).id).data == value


@pytest.mark.parametrize("options", [{}, {"lifo": True}, {"deduplication": "d"}])
@pytest.mark.parametrize("place", ["wait", "events", "marker", "meta"])
def test_a_key_of_another_type_is_noticed_before_anything_is_written(queue, stored, place, options):
    stored.run("SET", getattr(stored.keys, place), "something else")
    with pytest.raises(ServerError, match="WRONGTYPE"):
        queue.add("x", **options)
    assert stored.all_keys() == {place}


@pytest.mark.parametrize("key", ["de:d", "dn:d"])
def test_a_deduplication_key_of_another_type_is_noticed_as_well(queue, stored, key):
    stored.run("RPUSH", stored.keys.base + key, "no text and no hash")
    with pytest.raises(ServerError, match="WRONGTYPE"):
        queue.add_bulk([BulkJob("x"), BulkJob("x", None, {"deduplication": "d"})])
    assert stored.all_keys() == {key}


def test_a_foreign_key_under_a_coming_id_spoils_no_other_job(queue, stored):
    stored.run("SET", stored.keys.job("2"), "something else")
    with pytest.raises(ServerError, match="WRONGTYPE"):
        queue.add_bulk([BulkJob("x") for _ in range(3)])
    assert stored.all_keys() == {"2", "id"}


@pytest.mark.parametrize("options", [{}, {"job_id": "mine"}])
def test_a_paused_or_full_queue_is_not_woken_by_an_add(queue, stored, options):
    queue.pause()
    queue.add("x", **options)
    assert stored.marker() == {}
    queue.resume()
    stored.run("DEL", stored.keys.marker)
    stored.run("HSET", stored.keys.meta, "concurrency", 1)
    stored.run("LPUSH", stored.keys.active, "somebody")
    queue.add("y")
    assert stored.marker() == {}
    stored.run("LPOP", stored.keys.active)
    queue.add("z")
    assert stored.marker() == {"0": 0}


def test_the_stream_is_kept_as_short_as_meta_says(queue, stored):
    queue.add("x")
    assert stored.run("HGET", stored.keys.meta, "opts.maxLenEvents") == b"10000"
    for length in (b"50", b"rubbish", b"1e3", b"-5"):
        stored.run("HSET", stored.keys.meta, "opts.maxLenEvents", length)
        queue.add_bulk([BulkJob("x") for _ in range(100)])
        queue.add("x", lifo=True)
        assert stored.run("HGET", stored.keys.meta, "opts.maxLenEvents") == length
    assert stored.run("XLEN", stored.keys.events) < 800


class TestDeduplication:
    """Protocol part 1, section 3.7."""

    def test_a_second_add_is_absorbed_until_the_first_job_is_done(self, queue, stored, hands):
        first = queue.add("x", {"n": 1}, deduplication="d")
        assert queue.add("x", {"n": 2}, deduplication="d").id == first.id
        assert stored.ids("wait") == [first.id]
        assert stored.events()[-1] == {
            "event": "deduplicated",
            "jobId": first.id,
            "deduplicationId": "d",
            "deduplicatedJobId": "2",
        }
        hands.commit(hands.take()[0], Completed(None))
        assert queue.add("x", {"n": 3}, deduplication="d").id == "3"

    def test_a_window_of_time_outlives_the_job(self, queue, hands):
        first = queue.add("x", deduplication=Deduplication("d", ttl=60_000))
        hands.commit(hands.take()[0], Completed(None))
        assert queue.add("x", deduplication=Deduplication("d", ttl=60_000)).id == first.id

    def test_extend_starts_the_window_anew(self, queue, stored):
        rule = Deduplication("d", ttl=60_000, extend=True)
        queue.add("x", deduplication=rule)
        key = stored.keys.deduplication + "d"
        stored.run("PEXPIRE", key, 1000)
        queue.add("x", deduplication=rule)
        assert stored.run("PTTL", key) > 30_000

    def test_replace_takes_the_place_of_a_delayed_job(self, queue, stored):
        rule = Deduplication("d", replace=True)
        old = queue.add("x", {"n": 1}, delay=60_000, deduplication=rule)
        new = queue.add("x", {"n": 2}, delay=60_000, deduplication=rule)
        assert queue.get_job(old.id) is None
        assert stored.ids("delayed") == [new.id]

    def test_reschedule_moves_a_delayed_job(self, queue, stored):
        rule = Deduplication("d", reschedule=True)
        old = queue.add("x", delay=1000, timestamp=1_000_000, deduplication=rule)
        assert queue.add("x", delay=9000, timestamp=1_000_000, deduplication=rule).id == old.id
        assert stored.score("delayed", old.id) == 1_009_000 * 4096

    def test_the_last_add_during_a_run_runs_after_it(self, queue, stored, hands):
        rule = Deduplication("d", keep_last_if_active=True)
        first = queue.add("x", {"n": 1}, deduplication=rule)
        running = hands.take()[0]
        for n in (2, 3):
            assert queue.add("x", {"n": n}, deduplication=rule).id == first.id
        hands.commit(running, Completed(None))
        assert [each.job.data for each in hands.take(5)] == [{"n": 3}]

    def test_an_owner_that_vanished_does_not_block_its_id(self, queue, stored):
        first = queue.add("x", deduplication="d")
        stored.run("DEL", stored.keys.job(first.id))
        assert queue.add("x", deduplication="d").id != first.id

    def test_removing_the_job_frees_its_id(self, queue):
        first = queue.add("x", deduplication="d")
        queue.remove(first.id)
        assert queue.add("x", deduplication="d").id != first.id


class TestTelemetry:
    """Metadata of a tracer, protocol part 2, section 5.1."""

    @pytest.mark.parametrize(
        ("option", "short", "public"),
        [
            (
                Telemetry("carrier", omit_context=True),
                {"tm": "carrier", "omc": True},
                {"metadata": "carrier", "omitContext": True},
            ),
            ({"metadata": ""}, {"tm": ""}, {"metadata": ""}),
            ({"omitContext": False}, {"omc": False}, {"omitContext": False}),
        ],
        ids=["both", "metadata", "omit"],
    )
    def test_it_is_stored_under_short_names_and_read_under_the_public_one(
        self, queue, stored, option, short, public
    ):
        job = queue.add("x", telemetry=option, keep_logs=2)
        written = json.loads(stored.hash(job.id)["opts"])
        assert written == {"attempts": 0, "kl": 2, **short}
        assert queue.get_job(job.id).opts["telemetry"] == public

    def test_nothing_said_is_nothing_stored(self, queue, stored):
        job = queue.add("x", telemetry=Telemetry())
        assert json.loads(stored.hash(job.id)["opts"]) == {"attempts": 0}
        assert "telemetry" not in queue.get_job(job.id).opts

    @pytest.mark.parametrize(
        ("option", "words"),
        [
            ("carrier", "telemetry is a Telemetry"),
            ({"metadata": 7}, "telemetry.metadata is text"),
            ({"omit_context": 1}, "telemetry.omit_context is True or False"),
            ({"meta": "x"}, "unknown part of telemetry: 'meta'"),
        ],
        ids=repr,
    )
    def test_another_shape_is_refused(self, queue, stored, option, words):
        with pytest.raises(InvalidOption, match=words):
            queue.add("x", telemetry=option)
        assert stored.all_keys() == set()

    def test_what_a_tracer_wrote_on_the_job_stays_through_failure_and_retry(
        self, queue, stored, hands
    ):
        job = queue.add("x", telemetry=Telemetry("carrier"), attempts=2)
        stored.run("HSET", stored.keys.job(job.id), "tm", "span")
        opts = stored.hash(job.id)["opts"]
        hands.commit(hands.take()[0], Retried(0, "x"))
        hands.commit(hands.take()[0], Failed("x"))
        queue.retry_job(job.id)
        hands.commit(hands.take()[0], Completed(1))
        assert (stored.hash(job.id)["tm"], stored.hash(job.id)["opts"]) == ("span", opts)
