"""What workflows of every shape give, as Celery's do."""

from __future__ import annotations

import datetime

import pytest

from bullrush.canvas import chain, chord, group
from bullrush.exceptions import ImproperlyConfigured

from .conftest import PATIENCE

WORKFLOWS = {
    "a chain": (lambda t: chain(t.add.s(1, 2), t.add.s(3), t.double.s()), 12),
    "a chain of one": (lambda t: chain(t.add.s(1, 2)), 3),
    "a chain of an iterable": (lambda t: chain(t.add.s(1, each) for each in ([1] * 1)), 2),
    "an immutable step": (lambda t: t.add.s(1, 2) | t.add.si(5, 5), 10),
    "a group": (lambda t: group(t.double.s(each) for each in range(4)), [0, 2, 4, 6]),
    "a group in a group": (
        lambda t: group(group(t.double.s(1), t.double.s(2)), t.double.s(3)),
        [2, 4, 6],
    ),
    "a task and a group": (lambda t: t.add.s(1, 1) | group(t.add.s(1), t.add.s(2)), [3, 4]),
    "a task, a group, a task": (
        lambda t: chain(t.add.s(1, 1), group(t.add.s(1), t.add.s(2)), t.total.s()),
        7,
    ),
    "a group and a task": (lambda t: group(t.double.s(1), t.double.s(2)) | t.total.s(), 6),
    "a group of one and a task": (lambda t: group(t.double.s(1)) | t.same.s(), [2]),
    "a group of one in a chain": (lambda t: chain(t.add.s(1, 1), group(t.add.s(1)), t.same.s()), 3),
    "two groups": (
        lambda t: group(t.double.s(1), t.double.s(2)) | group(t.same.s(), t.total.s()),
        [[2, 4], 6],
    ),
    "three groups": (
        lambda t: (
            group(t.double.s(1), t.double.s(2))
            | group(t.total.s(), t.total.s())
            | group(t.same.s(), t.total.s())
        ),
        [[6, 6], 12],
    ),
    "an empty group in a chain": (lambda t: chain(t.add.s(1, 1), group(), t.add.s(1)), 3),
    "a chord": (lambda t: chord([t.double.s(1), t.double.s(2)], t.total.s()), 6),
    "a chord with an empty header": (lambda t: chord([], t.same.s()), []),
    "an empty group and a task": (lambda t: group([]) | t.same.s(), []),
    "a chord with an immutable body": (lambda t: chord([t.double.s(1)], t.add.si(2, 2)), 4),
    "a chord and a task": (lambda t: chord([t.double.s(1)], t.total.s()) | t.add.s(1), 3),
    "a chord and a group": (
        lambda t: chord([t.double.s(1)], t.total.s()) | group(t.add.s(1), t.add.s(2)),
        [3, 4],
    ),
    "two chords in a row": (
        lambda t: (
            chord([t.double.s(1), t.double.s(2)], t.total.s())
            | chord([t.add.s(1), t.add.s(2)], t.total.s())
        ),
        15,
    ),
    "a chain in a header": (
        lambda t: chord([chain(t.double.s(1), t.double.s()), t.double.s(1)], t.total.s()),
        6,
    ),
    "a chain with a group in a header": (
        lambda t: chord(
            [chain(t.double.s(1), group(t.add.s(1), t.add.s(2))), t.double.s(1)], t.same.s()
        ),
        [[3, 4], 2],
    ),
    "a chord in a header": (
        lambda t: chord([chord([t.double.s(1), t.double.s(2)], t.total.s())], t.total.s()),
        6,
    ),
    "a group in a header": (
        lambda t: chord([group(t.double.s(1), t.double.s(2)), t.double.s(3)], t.same.s()),
        [2, 4, 6],
    ),
    "a chord in a group": (
        lambda t: group(chord([t.double.s(1)], t.total.s()), t.double.s(2)),
        [2, 4],
    ),
    "a chord with a chain as body": (
        lambda t: chord([t.double.s(1)], chain(t.total.s(), t.add.s(1), t.double.s())),
        6,
    ),
    "a chord with a group as body": (
        lambda t: chord([t.double.s(1), t.double.s(2)], group(t.total.s(), t.same.s())),
        [6, [2, 4]],
    ),
    "chords in the rest of a rest": (
        lambda t: chain(
            t.double.s(1),
            group(t.add.s(1), t.add.s(2)),
            t.total.s(),
            group(t.add.s(1), chain(t.add.s(2), group(t.add.s(1), t.add.s(2)), t.total.s())),
            t.total.s(),
        ),
        8 + 10 + 11,
    ),
    "chunks": (
        lambda t: t.add.chunks(zip(range(5), range(5), strict=True), 2),
        [[0, 2], [4, 6], [8]],
    ),
    "chunks and a task": (lambda t: t.double.chunks([(1,), (2,)], 1) | t.same.s(), [[2], [4]]),
    "a map": (lambda t: t.total.map([[1, 2], [3, 4]]), [3, 7]),
    "a starmap": (lambda t: t.add.starmap([(1, 2), (3, 4)]), [3, 7]),
}
DONE = list(WORKFLOWS)


@pytest.mark.parametrize("name", DONE)
def test_a_workflow_gives_what_celery_gives(name, tasks, value_of):
    make, expected = WORKFLOWS[name]
    assert value_of(make(tasks)) == expected


@pytest.mark.parametrize("name", [each for each in DONE if "rest of a rest" not in each])
def test_a_workflow_gives_the_same_here_and_now(name, app, tasks):
    make, expected = WORKFLOWS[name]
    app.conf.task_always_eager = True
    assert make(tasks).apply_async().get() == expected


def test_a_chain_of_ten_groups_of_25_ends(tasks, value_of):
    steps = [group(tasks.double.s(1) for _ in range(25))]
    steps += [group([tasks.total.s(), *(tasks.same.si(0) for _ in range(24))]) for _ in range(9)]
    assert value_of(chain(*steps)) == [50] + [0] * 24


def test_a_sum_of_partials_waits_for_the_call(tasks, start):
    start()
    partial = chain(tasks.add.s(10), tasks.add.s(100))
    assert partial(1).get(timeout=PATIENCE) == 111
    assert partial.delay(2).get(timeout=PATIENCE) == 112


def test_call_arguments_go_to_every_member_of_a_group(tasks, start):
    start()
    assert group(tasks.add.s(1), tasks.add.s(2))(10).get(timeout=PATIENCE) == [11, 12]


def test_call_arguments_go_to_the_header_of_a_chord(tasks, start):
    start()
    found = chord([tasks.add.s(1), tasks.add.s(2)], tasks.total.s())
    assert found.apply_async((10,)).get(timeout=PATIENCE) == 23


def test_values_keep_their_types_from_step_to_step(tasks, value_of):
    day = datetime.datetime(2026, 1, 2, 3, 4, 5)
    assert value_of(tasks.same.s(day) | tasks.same.s()) == day
    assert value_of(chord([tasks.same.s(day)], tasks.same.s())) == [day]


def test_the_tilde_gives_the_value(tasks, start):
    start()
    assert ~(tasks.add.s(1, 1) | tasks.double.s()) == 4


def test_an_empty_chain_does_nothing(tasks):
    assert chain()() is None
    assert chain().apply_async() is None


def test_an_empty_group_gives_an_empty_result(app, tasks):
    result = group(app=app).apply_async()
    assert result.results == []
    assert result.get(timeout=PATIENCE) == []


def test_a_canvas_that_contains_itself_is_refused(tasks):
    inner = group(tasks.add.s(1, 1), tasks.add.s(2, 2))
    inner.tasks.append(chord(inner, tasks.total.s()))
    inner.tasks[-1].tasks.append(inner.tasks[-1])
    with pytest.raises((RecursionError, ImproperlyConfigured)):
        inner.apply_async()


def test_a_group_takes_no_links(tasks):
    with pytest.raises(TypeError, match="Cannot add link to group: use a chord"):
        group(tasks.add.s(1, 1)).apply_async(link=tasks.same.s())


def test_a_group_of_one_is_its_member_in_a_chain_alone(value_of, tasks):
    assert value_of(chain(group(tasks.add.s(1, 1)))) == 2


def test_the_result_of_a_group_of_one_that_ends_in_a_group_is_that_group(app, tasks, start):
    start()
    member = tasks.add.s(1, 1) | group(tasks.add.s(1), tasks.add.s(2))
    result = group(member).delay()
    assert (result.get(timeout=PATIENCE), result.parent.get(timeout=PATIENCE)) == ([3, 4], 2)
    assert group(group(member), tasks.add.s(1, 1))().get(timeout=PATIENCE) == [[3, 4], 2]
    app.conf.task_always_eager = True  # Celery wraps it here.
    assert group(member).delay().get() == [[3, 4]]


def test_a_chain_without_steps_is_no_member_of_a_group(tasks, start):
    start()
    assert group([chain()]).delay().get(timeout=PATIENCE) == []
    assert group([chain(), tasks.add.s(1, 1)]).delay().get(timeout=PATIENCE) == [2]
    assert chord([chain()], tasks.total.s()).delay().get(timeout=PATIENCE) == 0


def test_a_group_of_one_behind_a_group_gets_the_list_as_a_group(value_of, tasks):
    first, alone = group(tasks.double.s(1), tasks.double.s(2)), group(tasks.same.s())
    assert value_of(chain(first, alone)) == value_of(first | alone) == [[2, 4]]
    assert value_of(chain(first, alone, tasks.same.s())) == [[2, 4]]
    assert value_of(chain(first, alone, alone)) == [[2, 4]]
    assert value_of(chain(tasks.add.s(1, 1), group(tasks.add.s(1), tasks.add.s(2)), alone)) == [
        3,
        4,
    ]


def test_a_group_of_one_may_be_the_body_of_a_chord(value_of, tasks):
    assert value_of(chord([tasks.add.s(1, 1)], group(tasks.same.s()))) == [[2]]
