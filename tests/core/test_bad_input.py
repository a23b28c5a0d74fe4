"""Wrong input: every operation refuses it with an error that has a name, and leaves every key of
the server as it was. The operations are found by looking, so a new one needs its rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bullrush.core import Job, Parent, errors
from bullrush.core.errors import BullrushError, InvalidInput
from tests.support.dump import dump
from tests.support.world import make_world
from tests.support.wrong_arguments import (
    CANNOT_BE_REFUSED,
    FACES,
    FLAGS,
    operations,
    wrong_calls,
)

#: The error, the operation, and what it is given: texts such as ``<active>`` are ids of the world,
#: and ``job <active>`` is that job.
Row = tuple[str, str, tuple[Any, ...], dict[str, Any]]


def row(error: str, operation: str, *given: Any, **options: Any) -> Row:
    """A call that is refused."""
    return (error, operation, given, options)


def of_a_worker(error: str, job: str, parent: str, token: str = "mine") -> list[Row]:
    """What only the worker that has a job may do. One that has children waits for them."""
    return [
        row(error, "move_to_delayed", job, 1, token),
        row(error, "move_to_wait", job, token),
        row(error, "move_to_waiting_children", parent, token),
        row(error, "move_to_completed", f"job {job}", 1, token),
        row(error, "move_to_completed", f"job {job}", 1, token, fetch_next=True),
        row(error, "move_to_failed", f"job {job}", ValueError("x"), token),
        row(error, "move_to_failed", f"job {job}", ValueError("x"), token, fetch_next=True),
    ]


OTHER_PREFIX = Parent("<parent>", "<queue>", "other")
REFUSED: dict[str, list[Row]] = {
    "a missing job": [
        row("JobNotFound", "retry_job", "404"),
        row("WrongState", "promote", "404"),  # as in Node
        row("JobNotFound", "fail_waiting", "404", "no"),
        row("JobNotFound", "update_progress", "404", 1),
        row("JobNotFound", "update_data", "404", 1),
        row("JobNotFound", "add_log", "404", "r"),
        row("JobNotFound", "change_delay", "404", 1),
        row("JobNotFound", "change_priority", "404", 1),
        row("JobNotFound", "remove_child_dependency", "404"),
        row("JobNotFound", "remove_unprocessed_children", "404"),
        row("JobNotFound", "remove_deduplication_key_of", "404"),
        *of_a_worker("JobNotFound", "404", "404"),
    ],
    "a wrong state": [
        *(
            row("WrongState", "retry_job", f"<{each}>")
            for each in ("waiting", "active", "delayed", "prioritized", "completed", "parent")
        ),
        row("WrongState", "retry_job", "<failed>", "completed"),
        *(
            row("WrongState", "promote", f"<{each}>")
            for each in ("waiting", "active", "prioritized", "completed", "failed", "parent")
        ),
        *(
            row("WrongState", "change_delay", f"<{each}>", 5)
            for each in ("waiting", "active", "prioritized", "completed", "failed", "parent")
        ),
        *(
            row("WrongState", "fail_waiting", f"<{each}>", "no")
            for each in ("active", "completed", "failed")
        ),
        row("JobLocked", "remove", "<active>"),
        row("SchedulerOwnsJob", "remove", "<scheduled>"),
        row("PendingChildren", "move_to_completed", "job <pending children>", 1, "mine"),
        row("FailedChildren", "move_to_completed", "job <failed children>", 1, "mine"),
        row("FailedChildren", "move_to_waiting_children", "<failed children>", "mine"),
    ],
    "a lost lock": [
        *of_a_worker("LockMissing", "<lost>", "<lost parent>"),
        *of_a_worker("LockMissing", "<waiting>", "<parent>"),
        *of_a_worker("LockMissing", "<completed>", "<parent>"),
    ],
    "a foreign token": of_a_worker("LockMismatch", "<active>", "<pending children>", "foreign"),
    "a parent that is not the right one": [
        row("ParentNotFound", "add", "x", parent=Parent("404", "<queue>")),
        row("ParentNotFound", "add", "x", parent=OTHER_PREFIX),
        row(
            "ParentNotReplaceable",
            "add",
            "x",
            job_id="<child>",
            parent=Parent("<waiting>", "<queue>"),
        ),
        row("CircularParents", "add", "x", job_id="<parent>", parent=Parent("<child>", "<queue>")),
        row("ParentNotFound", "remove_child_dependency", "<waiting>"),
    ],
}


def tree(*children: dict[str, Any], **opts: Any) -> dict[str, Any]:
    """A flow of the queue."""
    return {"name": "x", "queueName": "<queue>", "opts": opts, "children": list(children)}


FLOWS_REFUSED: list[Row] = [
    row("ParentNotFound", "add", tree(parent=Parent("404", "<queue>"))),
    row("ParentNotFound", "add", tree(parent=OTHER_PREFIX)),
    row("ParentNotReplaceable", "add", tree(tree(jobId="<child>"))),
    row("CircularParents", "add", tree(tree(jobId="ring"), jobId="ring")),
    row("ParentNotFound", "add_bulk", [tree(), tree(parent=Parent("404", "<queue>"))]),
    row("ParentNotReplaceable", "add_bulk", [tree(), tree(tree(jobId="<child>"))]),
]


@pytest.fixture
def names(queue: Any, flows: Any, stored: Any) -> dict[str, str]:
    """A queue with a job in every state: what stands for what in the rows."""
    ids = make_world(queue, flows, stored)
    return {f"<{what}>": job_id for what, job_id in ids.items()} | {"<queue>": queue.name}


@pytest.fixture
def refuses(stored: Any) -> Callable[..., str]:
    """Says what is wrong with a refusal; nothing when all is right."""
    before: list[Any] = []

    def check(kind: type[BullrushError], act: Callable[[], Any], look: bool = True) -> str:
        before[:] = before or [dump(stored.driver, "*")]
        try:
            result = act()
        except kind as error:
            wrong = "" if str(error) else "says nothing"
        except Exception as error:
            wrong = f"raised {type(error).__name__}: {error}"
        else:
            wrong = f"gave {result!r:.60}"
        if not look:
            return wrong
        after = dump(stored.driver, "*")
        changed = sorted(key for key in before[0] | after if before[0].get(key) != after.get(key))
        before[:] = [after]
        return f"{wrong} and changed {changed}" if changed else wrong

    return check


def filled(value: Any, names: dict[str, str], base: str) -> Any:
    """A value of a row with the ids of the world."""
    if isinstance(value, Parent):
        return Parent(names.get(value.id, value.id), names[value.queue], value.prefix)
    if isinstance(value, dict):
        return {part: filled(each, names, base) for part, each in value.items()}
    if isinstance(value, list):
        return [filled(each, names, base) for each in value]
    if isinstance(value, str) and value.startswith("job "):
        return Job(base, filled(value[4:], names, base), {})
    return names.get(value, value) if isinstance(value, str) else value


def complaints(
    target: Any, rows: list[Row], names: dict[str, str], base: str, refuses: Callable[..., str]
) -> list[str]:
    """What is wrong, row by row."""
    found = []
    for error, name, given, options in rows:
        args = [filled(each, names, base) for each in given]
        kwargs = filled(options, names, base)
        kind = getattr(errors, error)
        wrong = refuses(kind, lambda n=name, a=args, k=kwargs: getattr(target, n)(*a, **k))
        if wrong:
            found.append(f"{name} of {given!r:.80} {options or ''}: {wrong}, not {error}")
    return found


@pytest.mark.parametrize("what", REFUSED)
def test_an_operation_names_what_is_wrong_and_changes_nothing(queue, stored, names, refuses, what):
    assert complaints(queue, REFUSED[what], names, stored.keys.base, refuses) == []


def test_a_flow_with_a_wrong_parent_is_refused_whole(flows, stored, names, refuses):
    assert complaints(flows, FLOWS_REFUSED, names, stored.keys.base, refuses) == []


def test_a_queue_in_use_is_not_obliterated_only_paused(queue, stored, names):
    before = dump(stored.driver, "*")
    with pytest.raises(errors.CannotObliterate):
        queue.obliterate()
    after = dump(stored.driver, "*")
    for each in (stored.keys.meta, stored.keys.events, stored.keys.marker):
        before.pop(each.encode(), None)
        after.pop(each.encode(), None)
    assert after == before
    assert queue.is_paused()


def test_a_lock_that_is_lost_or_foreign_is_not_extended(queue, stored, names):
    before = dump(stored.driver, "*")
    for job, token in (("<lost>", "mine"), ("<active>", "foreign"), ("<waiting>", "mine")):
        assert queue.extend_lock(names[job], token, 1000) is False
    assert queue.extend_lock("404", "mine", 1000) is False
    assert dump(stored.driver, "*") == before


def test_every_wrong_argument_is_refused_before_anything_is_written(request, names, refuses):
    found, count = [], 0
    for face in FACES:
        target = request.getfixturevalue(face)
        for name, signature in operations(face).items():
            calls = wrong_calls(name, signature)
            count += len(calls)
            for what, args, options in calls:
                act = getattr(target, name)
                wrong = refuses(
                    InvalidInput,
                    lambda a=act, r=args, o=options: a(*r, **o),
                    look=what == calls[-1][0],  # nothing that another call changes back
                )
                if wrong:
                    found.append(f"{face}.{name} with {what}: {wrong}")
    assert found == []
    assert count > 1000


def test_every_operation_has_a_row():
    in_rows = {row[1] for rows in (*REFUSED.values(), FLOWS_REFUSED) for row in rows}
    found = set()
    for face in FACES:
        for name, signature in operations(face).items():
            found.add(name)
            if not wrong_calls(name, signature):
                assert name in in_rows | set(CANNOT_BE_REFUSED), f"{face}.{name} has no row"
                assert set(signature.parameters) <= {"self"} | FLAGS, name
    assert set(CANNOT_BE_REFUSED) <= found
    assert not in_rows & set(CANNOT_BE_REFUSED)


def test_a_flow_may_be_read_to_any_depth(flows, stored, names):
    found = flows.get_flow(names["<queue>"], names["<parent>"], depth=2**62)
    assert [each.job.id for each in found.children] == [names["<child>"]]
