"""A flow is read as a tree (protocol part 2, section 1.9)."""

from __future__ import annotations

from typing import Any

import pytest

from bullrush.core import Completed, Failed, JobNode
from bullrush.core.errors import InvalidOption
from bullrush.core.keys import QueueKeys
from tests.support.kin import with_id


def shape(node: JobNode) -> Any:
    """A tree by ids."""
    return {node.job.id: sorted((shape(child) for child in node.children), key=str)}


def test_a_flow_is_read_as_it_was_added(flows, stored, other):
    tree = flows.add(
        with_id("r", stored, with_id("a", other, with_id("x", stored)), with_id("b", other))
    )
    seen = flows.get_flow(stored.keys.queue, "r")
    assert shape(seen) == shape(tree) == {"r": [{"a": [{"x": []}]}, {"b": []}]}
    assert seen.job == tree.job


def test_depth_and_number_of_children_are_bounded(flows, stored, other):
    leaves = [with_id(f"c{n}", other) for n in range(30)]
    flows.add(with_id("r", stored, with_id("a", other, *leaves)))
    read = flows.get_flow
    assert shape(read(stored.keys.queue, "r", depth=1)) == {"r": []}
    assert shape(read(stored.keys.queue, "r", depth=2)) == {"r": [{"a": []}]}
    (a,) = read(stored.keys.queue, "r").children
    assert len(a.children) == 20
    assert len(read(other.keys.queue, "a", max_children=7).children) == 7
    assert len({child.key for child in read(other.keys.queue, "a", max_children=90).children}) == 30


def test_finished_children_are_in_the_tree_and_vanished_ones_are_not(
    flows, stored, other, make_hands
):
    flows.add(
        with_id(
            "r",
            stored,
            with_id("done", other),
            with_id("gone", other),
            with_id("ignored", other, ignore_dependency_on_failure=True),
            with_id("fatal", other, fail_parent_on_failure=True),
        )
    )
    hands = make_hands(other.keys.queue)
    for outcome in (Completed(1), Completed(2), Failed("i"), Failed("f")):
        hands.commit(hands.take()[0], outcome)
    other.run("DEL", other.keys.job("gone"))
    seen = flows.get_flow(stored.keys.queue, "r")
    assert shape(seen) == {"r": [{"done": []}, {"fatal": []}, {"ignored": []}]}


def test_a_job_that_is_not_there_has_no_flow(flows, stored):
    assert flows.get_flow(stored.keys.queue, "nobody") is None


@pytest.mark.parametrize("bad", [{"depth": 0}, {"max_children": 0}, {"depth": "2"}])
def test_bounds_of_a_flow_are_numbers_from_one(flows, stored, bad):
    with pytest.raises(InvalidOption, match=next(iter(bad))):
        flows.get_flow(stored.keys.queue, "r", **bad)


def test_a_damaged_circle_is_read_once(flows, stored):
    flows.add(with_id("a", stored, with_id("b", stored)))
    stored.run("SADD", stored.keys.job_part("b", "dependencies"), stored.keys.job("a"))
    assert shape(flows.get_flow(stored.keys.queue, "a")) == {"a": [{"b": []}]}


def test_the_keys_of_a_flow_are_those_of_its_queues(flows, stored):
    assert QueueKeys(stored.keys.queue).job("x") == flows.add(with_id("x", stored)).key


def test_the_root_of_a_flow_may_have_an_id_with_colons(queue, flows, stored):
    run = queue.upsert_job_scheduler("tick", every=1000)
    root = flows.get_flow(stored.keys.queue, run.id)
    assert (root.job.id, root.job.queue_name) == (run.id, stored.keys.queue)
