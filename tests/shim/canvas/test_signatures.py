"""Signatures as dicts, and what the operators make of them."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from bullrush import Celery
from bullrush.canvas import (
    Signature,
    StampingVisitor,
    _chain,
    _chord,
    chain,
    chord,
    group,
    maybe_signature,
    signature,
)
from bullrush.exceptions import EncodeError, NotRegistered

from .conftest import PATIENCE


def test_a_signature_is_a_dict_that_travels_as_json(tasks, app):
    found = tasks.add.s(1, y=2).set(queue="far")
    assert set(found) == {"task", "args", "kwargs", "options", "subtask_type", "immutable"}
    back = signature(json.loads(json.dumps(found)), app=app)
    assert (back.task, list(back.args), back.kwargs) == (tasks.add.name, [1], {"y": 2})
    assert back.options == {"queue": "far"}


def test_workflows_come_back_from_json_as_what_they_were(tasks, app, start):
    start()
    found = chain(tasks.add.s(1, 1), chord([tasks.add.s(1), tasks.add.s(2)], tasks.total.s()))
    back = signature(json.loads(json.dumps(found)), app=app)
    assert isinstance(back, _chain)
    assert isinstance(back.tasks[1], _chord)
    assert back.delay().get(timeout=PATIENCE) == 7


def test_the_parts_of_a_signature_may_be_set_as_attributes(tasks):
    Celery("another", broker="memory://another").set_current()
    found = tasks.add.s(1)
    found.args, found.kwargs, found.options, found.id = (2, 3), {}, {"queue": "q"}, "own"
    assert (found["args"], found["options"]) == ((2, 3), {"queue": "q", "task_id": "own"})
    assert found() == 5
    found.task, found.args = tasks.double.name, (4,)
    assert found() == 8
    with pytest.raises(NotRegistered, match="nobody"):
        signature("nobody").type  # noqa: B018


def test_the_tasks_of_a_chord_are_those_of_its_header(tasks, app, start):
    start()
    found = group(tasks.add.s(1, 1), tasks.add.s(2, 2)) | tasks.total.s()
    assert [each.args for each in found.tasks] == [(1, 1), (2, 2)]
    found.tasks = [*found.tasks, tasks.add.s(3, 3)]
    assert found.delay().get(timeout=PATIENCE) == 12
    steps = chain(tasks.add.s(1, 1), tasks.double.s())
    steps.tasks = [*steps.tasks, tasks.double.s()]
    assert steps.delay().get(timeout=PATIENCE) == 8


def test_call_arguments_come_first_and_call_keywords_win(tasks):
    found = tasks.add.s(10, z=1).clone((1,), {"z": 2}, queue="q")
    assert (found.args, found.kwargs, found.options) == ((1, 10), {"z": 2}, {"queue": "q"})
    assert tasks.add.s(10)(1) == 11
    assert tasks.add.si(1, 10).clone((5,)).args == (1, 10)


def test_the_options_of_a_clone_are_its_own(tasks):
    found = tasks.add.s().set(headers={"a": 1})
    found.clone().options["headers"]["a"] = 2
    assert found.options["headers"] == {"a": 1}


def test_a_link_that_is_there_already_is_kept_once(tasks):
    found = tasks.add.s(1, 1)
    assert found.link(tasks.note.s()) == tasks.note.s()
    found.link(tasks.note.s())
    assert len(found.options["link"]) == 1
    assert found.on_error(tasks.note.s()) is found
    assert found.flatten_links() == [found, tasks.note.s()]


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda t: t.add.s() | t.add.s(), _chain),
        (lambda t: t.add.s() | (t.add.s() | t.add.s()), _chain),
        (lambda t: t.add.s() | group(t.add.s(), t.add.s()), _chain),
        (lambda t: group(t.add.s()) | t.add.s(), _chord),
        (lambda t: group(t.add.s(), t.add.s()) | group(t.add.s()), _chord),
        (lambda t: chain(group(t.add.s(), t.add.s()), t.add.s()), _chord),
        (lambda t: chord([t.add.s()], t.add.s()) | t.add.s(), _chord),
        (lambda t: chain(t.add.s()), chain),
    ],
)
def test_the_bar_follows_the_upgrade_rules(make, kind, tasks):
    assert type(make(tasks)) is kind


def test_chains_become_one_flat_chain(tasks):
    one, two = tasks.add.s(1), tasks.add.s(2)
    assert len(((one | two) | (one | two)).tasks) == 4


def test_only_signatures_can_be_put_together(tasks):
    with pytest.raises(TypeError):
        tasks.add.s() | 5


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda t: group(t.add), r"a member of a group is a signature, .*; write .*add\.s\(\)"),
        (lambda t: group(t.add.s(1), None), "a member of a group is a signature, not None"),
        (lambda t: group([1, 2]), "a member of a group is a signature, not 1"),
        (lambda t: chain(t.add), "a step of a chain is a signature, .*; write"),
        (lambda t: chain(t.add.s(1), t.add), "a step of a chain is a signature, .*; write"),
        (lambda t: chord([t.add], t.add.s()), "a member of a group is a signature, .*; write"),
        (lambda t: chord([t.add.s(1)], t.add), "the body of a chord is a signature, .*; write"),
        (lambda t: chord([t.add.s(1)])(t.add), "the body of a chord is a signature, .*; write"),
    ],
)
def test_a_task_in_place_of_its_signature_is_refused_with_what_to_write(make, said, tasks):
    with pytest.raises(TypeError, match=said):
        make(tasks)


def test_a_group_puts_a_link_on_its_first_member_alone(tasks):
    found = group(tasks.add.s(1, 1), tasks.add.s(2, 2))
    found.link(tasks.note.s())
    found.link_error(tasks.note.s())
    assert ["link" in each.options for each in found.tasks] == [True, False]
    assert ["link_error" in each.options for each in found.tasks] == [True, True]
    assert found.tasks[0].options["link"][0].immutable


def test_signatures_say_what_they_call(tasks):
    assert repr(tasks.add.s(1, y=2)) == f"{tasks.add.name}(1, y=2)"
    assert repr(tasks.add.s(1) | tasks.add.s(2)).count(" | ") == 1


def test_election_is_refused_by_name(tasks):
    with pytest.raises(NotImplementedError, match="election"):
        tasks.add.s().election()


def test_own_kinds_of_signatures_can_be_registered(tasks):
    @Signature.register_type()
    class special(Signature):
        pass

    found = special(tasks.add.name, (1, 1), subtask_type="special")
    assert type(maybe_signature(dict(found))) is special
    del Signature.TYPES["special"]


def test_stamps_reach_every_task_and_its_links(tasks, app, start):
    class Visitor(StampingVisitor):
        def on_signature(self, sig, **headers):
            return {"tenant": "acme", "stamped_headers": ["tenant"]}

    @app.task(bind=True)
    def stamps(self, *args):
        return [self.request.stamps, self.request.stamped_headers]

    start()
    found = group(stamps.s(), stamps.s())
    found.stamp(Visitor(), place="here")
    values = found.delay().get(timeout=PATIENCE)
    assert values == [[{"tenant": "acme", "place": "here"}, ["place", "tenant"]]] * 2
    linked = tasks.add.s(1, 1)
    linked.link(tasks.note.s())
    linked.stamp(place="there")
    assert linked.options["link"][0].options["place"] == "there"


def test_a_visitor_is_asked_for_the_tasks_and_told_of_what_is_around_them(tasks):
    asked = []

    class Visitor(StampingVisitor):
        def on_signature(self, sig, **headers):
            asked.append(sig.task.rpartition(".")[2])
            return {"number": len(asked), "ttl": 5, "stamped_headers": ["number"]}

        def on_group_start(self, group, **headers):
            return {"grouped": True}

        def on_chain_end(self, chain, **headers):
            asked.append(sorted(headers))

    found = chain(tasks.add.s(1, 1), group(tasks.double.s(), tasks.double.s()), tasks.total.s())
    assert found.stamp(Visitor(), place="here") is found
    assert asked == ["add", "double", "double", "total", ["place", "stamped_headers"]]
    # What is no stamp is an option of the call.
    first, last = found.tasks[0].options, found.tasks[1].body.options
    assert first == {"number": 1, "ttl": 5, "place": "here", "stamped_headers": ["number", "place"]}
    assert (last["number"], last["grouped"]) == (4, True)
    assert found.options == {}


def test_links_are_stamped_before_the_task_itself(tasks):
    asked = []

    class Visitor(StampingVisitor):
        def on_signature(self, sig, **headers):
            asked.append(sig.task.rpartition(".")[2])

    found = tasks.add.s(1, 1)
    found.link(tasks.note.s())
    found.link_error(tasks.total.s())
    found.stamp(Visitor())
    assert asked == ["note", "total", "add"]


def test_a_set_is_no_stamp(tasks):
    with pytest.raises(EncodeError):
        tasks.add.s().stamp(places={1, 2})


class TestIterators:
    """Members that are made when they are asked for, and then kept."""

    @pytest.fixture
    def made(self):
        """How many members were made so far."""
        return []

    @pytest.fixture
    def members(self, tasks, made):
        def generate():
            for number in range(3):
                made.append(number)
                yield tasks.same.s(number)

        return generate()

    def test_nothing_is_read_before_it_is_needed(self, tasks, members, made):
        lazy = group(members)
        assert made == []
        assert [each.args for each in lazy.tasks] == [(0,), (1,), (2,)]
        assert len(lazy) == len(lazy.tasks) == len(made) == 3

    def test_the_header_of_a_chord_is_not_read_either(self, tasks, members, made):
        lazy = chord(members, tasks.total.s())
        assert made == []
        assert len(lazy.tasks) == 3

    @pytest.mark.parametrize(
        "store",
        [
            lambda found: json.loads(json.dumps(found)),
            lambda found: pickle.loads(pickle.dumps(found)),
            copy.copy,
            copy.deepcopy,
            dict,
            lambda found: {**found},
            lambda found: dict(zip(found, found.values(), strict=True)),
            lambda found: {"kwargs": found.get("kwargs")},
        ],
    )
    def test_whatever_stores_the_group_has_the_members(self, members, store):
        assert len(store(group(members))["kwargs"]["tasks"]) == 3

    def test_a_group_equals_one_that_was_read(self, tasks, members):
        written = group(tasks.same.s(number) for number in range(3))
        assert written == group(members)
        assert written == written.clone()
        assert written != group(tasks.same.s(7))

    def test_it_may_be_sent_twice(self, tasks, members, start):
        start()
        lazy = group(members)
        assert lazy.delay().get(timeout=PATIENCE) == [0, 1, 2]
        assert (lazy | tasks.total.s()).delay().get(timeout=PATIENCE) == 3


def test_a_group_reads_its_iterator_when_its_members_are_asked_for(tasks):
    read = []

    def members():
        for number in range(3):
            read.append(number)
            yield tasks.add.s(number)

    found = group(members()) | tasks.total.s()
    copy = group(members()).clone()
    assert read == []
    assert [each.args for each in found.tasks] == [(0,), (1,), (2,)]
    assert len(copy.tasks) == 3


def test_two_copies_of_a_group_share_no_member(tasks):
    found = group(tasks.add.s(number) for number in range(2))
    copy = found.clone()
    copy.tasks[0].set(countdown=1)
    assert [each.options for each in found.tasks] == [{}, {}]
