"""Rubbish that other clients left among parents and children stops no job."""

from __future__ import annotations

import json

import pytest

from bullrush.core import Completed, Failed, Parent
from bullrush.core.errors import ServerError
from tests.support.kin import everything, kin, queue_of, returned, with_id

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
