"""From signatures to the jobs of a flow, without Redis."""

from __future__ import annotations

import pytest

from bullrush.canvas import chain, chord, group, node, signature
from bullrush.canvas.plan import normalize, plan
from bullrush.exceptions import ImproperlyConfigured


def step(name):
    """A task whose id is its name."""
    return signature(name, options={"task_id": name})


def drawn(each):
    """A job with those it waits for."""
    return {each.id: [drawn(child) for child in each.children]} if each.children else each.id


def test_a_later_step_is_the_parent_of_the_one_before():
    found = plan(chain(step("a"), step("b"), step("c")))
    assert [drawn(root) for root in found.roots] == [{"c": [{"b": ["a"]}]}]
    assert (found.shape, found.roots[0].shape, found.roots[0].children[0].shape) == ("c", "b", "a")


def test_the_body_is_the_parent_of_the_last_jobs_of_its_header():
    found = plan(chord([chain(step("a"), step("b")), step("c")], step("body")))
    assert [drawn(root) for root in found.roots] == [{"body": [{"b": ["a"]}, "c"]}]
    assert found.roots[0].shape == ["b", "c"]


def test_the_members_of_a_group_stand_alone():
    found = plan(group(step("a"), group(step("b"), step("c"))))
    assert [drawn(root) for root in found.roots] == ["a", "b", "c"]
    assert found.shape == ["a", "b", "c"]


def test_what_follows_one_job_with_several_rides_with_it():
    found = plan(chain(step("a"), group(step("b"), step("c")), step("d")))
    (root,) = found.roots
    assert (drawn(root), found.shape, found.silent) == ("a", "d", ["a"])
    rest = plan(root.rest)
    assert [drawn(each) for each in rest.roots] == [{"d": ["b", "c"]}]


def test_a_body_waits_for_what_is_planted_later():
    found = plan(chord([chain(step("a"), group(step("b"), step("c")))], step("body")))
    (body,) = found.roots
    assert (drawn(body), body.shape, body.silent) == ({"body": ["a"]}, [["b", "c"]], ["a"])


def test_between_two_groups_comes_a_task():
    found = normalize(group(step("a"), step("b")) | group(step("c"), step("d")))
    assert found.body.tasks[0].task == "celery.accumulate"


def test_a_value_for_node_comes_from_a_task_before_it():
    found = group(node("far", "render").set(task_id="n"))
    found.tasks[0].options["bullrush_value"] = [5]
    (root,) = plan(found).roots
    assert drawn(root) == {"n": ["n-value"]}
    assert root.children[0].signature.args == (5,)


def test_a_long_chain_needs_no_deep_stack():
    found = plan(chain(step(f"s{each}") for each in range(5000)))
    assert found.shape == "s4999"


def test_a_canvas_that_nests_without_end_is_refused():
    inner = group(step("a"), step("b"))
    outer = chord(inner, step("c"))
    outer.tasks.append(outer)
    with pytest.raises(ImproperlyConfigured, match="contains itself"):
        plan(outer)
