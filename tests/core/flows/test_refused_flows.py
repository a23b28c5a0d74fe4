"""A flow that makes no sense is refused before anything is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bullrush.core import FlowJob, Parent
from bullrush.core.errors import (
    InvalidJobId,
    InvalidOption,
    InvalidQueueName,
    ServerError,
    UnserializableData,
)
from bullrush.core.nodes import LARGEST_FLOW
from tests.support.kin import everything, with_id


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"parent": "p"}, InvalidOption, "mapping with 'id' and 'queue'"),
        ({"parent": {"id": "p"}}, InvalidOption, "exactly 'id' and 'queue'"),
        ({"parent": {"id": "p", "queue": "q"}}, InvalidOption, "bull:q"),
        ({"parent": {"id": "p", "queue": ":q"}}, InvalidOption, "prefix"),
        ({"parent": {"id": "", "queue": "bull:q"}}, InvalidOption, "parent.id"),
        ({"parent": {"id": 7, "queue": "bull:q"}}, InvalidOption, "parent.id"),
        ({"fail_parent_on_failure": 1}, InvalidOption, "True or False"),
        ({"failParentOnFailure": True}, InvalidOption, "fail_parent_on_failure"),
        (
            {"fail_parent_on_failure": True, "ignore_dependency_on_failure": True},
            InvalidOption,
            "contradict",
        ),
        (
            {"parent": {"id": "p", "queue": "bull:q"}, "deduplication": "d"},
            InvalidOption,
            "cannot be used together",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(queue, stored, options, error, says):
    with pytest.raises(error, match=says):
        queue.add("x", **options)
    assert stored.all_keys() == set()


def test_a_policy_may_be_switched_off(queue, stored):
    queue.add("x", fail_parent_on_failure=False, remove_dependency_on_failure=True)
    assert json.loads(stored.hash("1")["opts"]) == {"attempts": 0, "fpof": False, "rdof": True}


def test_a_parent_is_checked_when_it_is_named():
    with pytest.raises(InvalidQueueName):
        Parent("p", "a:b")
    with pytest.raises(InvalidOption, match=r"parent\.id"):
        Parent("", "a")
    assert Parent("repeat:s:1", "a").key == "bull:a:repeat:s:1"


@pytest.mark.parametrize(
    ("child", "error", "says"),
    [
        ({"options": {"job_id": "a:b"}}, InvalidJobId, ":"),
        ({"options": {"job_id": "12"}}, InvalidJobId, "integer"),
        ({"options": {"parent": Parent("x", "y")}}, InvalidOption, "only the root"),
        ({"options": {"deduplication": "d"}}, InvalidOption, "cannot be used together"),
        ({"options": {"attempt": 3}}, InvalidOption, "attempts"),
        ({"data": {1, 2}}, UnserializableData, "set"),
        ({"queue_name": "a:b"}, InvalidQueueName, ":"),
        ({"name": ""}, InvalidOption, "name"),
    ],
)
def test_one_bad_child_refuses_the_flow_before_anything_is_written(
    flows, stored, child, error, says
):
    parts = {"name": "c", "queue_name": stored.keys.queue, **child}
    with pytest.raises(error, match=says):
        flows.add(with_id("p", stored, with_id("good", stored), FlowJob(**parts)))
    assert stored.all_keys() == set()


@pytest.mark.parametrize(
    ("flow", "says"),
    [
        (7, "FlowJob or a mapping"),
        ({"name": "x"}, "needs 'queue_name'"),
        ({"queueName": "x"}, "needs 'name'"),
        ({"name": "x", "queueName": "q", "childs": []}, "children"),
    ],
)
def test_a_flow_of_another_shape_is_refused(flows, flow, says):
    with pytest.raises(InvalidOption, match=says):
        flows.add(flow)


def test_deduplication_of_a_job_with_children_is_refused(flows, stored):
    with pytest.raises(InvalidOption, match="has children"):
        flows.add(with_id("p", stored, with_id("c", stored), deduplication="d"))
    assert stored.all_keys() == set()


def test_an_id_is_no_default_of_a_queue(flows, stored):
    with pytest.raises(InvalidOption, match="job_id"):
        flows.add(with_id("p", stored), queues_options={stored.keys.queue: {"job_id": "x"}})


def test_no_flow_at_all_is_refused(flows):
    with pytest.raises(InvalidOption, match="no flow"):
        flows.add_bulk([])


def test_a_flow_that_contains_itself_is_refused(flows, stored):
    flow: dict[str, Any] = {"name": "x", "queueName": stored.keys.queue}
    flow["children"] = [flow] * 10
    with pytest.raises(InvalidOption, match=str(LARGEST_FLOW)):
        flows.add(flow)


def test_a_parent_with_keys_of_other_types_refuses_the_child(queue, stored):
    queue.add("p", job_id="p")
    stored.run("SET", stored.keys.job_part("p", "dependencies"), "rubbish")
    before = everything(stored)
    with pytest.raises(ServerError, match="another type"):
        queue.add("c", parent=Parent("p", queue.name))
    assert everything(stored) == before


def test_an_id_that_is_another_key_refuses_the_flow(flows, stored):
    stored.run("SET", stored.keys.job("taken"), "rubbish")
    with pytest.raises(ServerError, match="another key"):
        flows.add(with_id("p", stored, with_id("taken", stored)))
    assert stored.all_keys() == {"taken"}
