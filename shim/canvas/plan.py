"""From a frozen signature to the jobs of a flow. Pure: nothing here talks to Redis.

A workflow is a sequence of stages. A stage is one task, or members beside each other (`Beside`),
which are sequences again. In the flow a later stage is the parent of the earlier one. What follows
one task with several (`Step.rest`) is no part of the tree, since a job of BullMQ has one parent at
most: the worker that ends the task plants the rest under the parent of the task.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..exceptions import ImproperlyConfigured
from .chains import _chain
from .chords import _chord
from .groups import flattened, group
from .items import chunks
from .nodes import VALUE, NodeStep
from .signatures import Signature

#: Which values a task gets: that of a task (its id), or a list.
Shape: TypeAlias = "str | list[Shape]"
#: The task between members that run beside each other and further ones.
JOINT = "celery.accumulate"
#: Deeper workflows contain themselves.
_DEEPEST = 100


@dataclass
class End:
    """What is told of when a chord fails whose body is a chain: none of the chain's tasks.

    Args:
        task_id: of the chain's last task.
        errbacks: those of the chain as a whole.
    """

    task_id: str
    errbacks: list[Any]


@dataclass
class Step:
    """One job of a workflow.

    Args:
        signature: the task, with the id that it has.
        children: the jobs it waits for.
        shape: which values it gets; None without children.
        silent: ids of jobs it waits for without getting their value.
        value: a value that is known already, in a list of one.
        rest: what follows it with more than one job.
        end: of the first task of a chain that is the body of a chord, that chain's end.
    """

    signature: Signature
    children: Sequence[Step] = ()
    shape: Shape | None = None
    silent: list[str] = field(default_factory=list)
    value: list[Any] = field(default_factory=list)
    rest: Signature | None = None
    end: End | None = None

    @property
    def id(self) -> str:
        """The id of its task."""
        return self.signature.options["task_id"]  # type: ignore[no-any-return]


@dataclass
class Plan:
    """A sequence, planned.

    Args:
        roots: the jobs that nothing waits for.
        shape: where its value comes from.
        silent: ids of roots, now or later, that are not among them.
    """

    roots: Sequence[Step]
    shape: Shape
    silent: list[str] = field(default_factory=list)


@dataclass
class Beside:
    """Members that run beside each other.

    Args:
        end: of the chain that gets their values.
    """

    members: Sequence[Signature]
    end: End | None = None


Stage: TypeAlias = "Signature | Beside"


def plan(signature: Signature) -> Plan:
    """The jobs of a workflow whose ids are settled.

    Raises:
        ImproperlyConfigured: it contains itself.
    """
    return _planned(stages_of(signature), 0)


def plan_last(signature: Signature) -> Step:
    """The last task of a workflow that ends with one, with all that comes before it below.

    Raises:
        ImproperlyConfigured: it contains itself.
    """
    *before, last = stages_of(signature)
    assert isinstance(last, Signature)
    if not before:
        return Step(last)
    found = _planned(before, 0)
    if not found.roots:
        return Step(last, value=[[]])
    above = before[-1]
    end = above.end if isinstance(above, Beside) else None
    return Step(last, found.roots, found.shape, found.silent, end=end)


def ends_with_one(signature: Signature) -> bool:
    """Whether its last task is one of Python alone."""
    return not (_ends_with_several(signature) or _ends_with_node(signature))


def stages_of(signature: Signature, depth: int = 0) -> list[Stage]:
    """The stages of a signature, one after the other."""
    if depth > _DEEPEST:
        raise ImproperlyConfigured(f"a canvas nests more than {_DEEPEST} deep, or contains itself")
    if isinstance(signature, _chain):
        stages: list[Stage] = []
        for each in signature.tasks:
            if isinstance(each, group):
                stages += _of_group_in_chain(each, depth)
            else:
                stages += stages_of(each, depth + 1)
        return stages
    if isinstance(signature, _chord):
        body = stages_of(signature.body, depth + 1) if signature.body is not None else []
        return [Beside(list(flattened(signature.tasks)), _end_of(signature.body)), *body]
    if isinstance(signature, group):
        return [Beside(list(flattened(signature.tasks)))]
    if isinstance(signature, chunks):
        return [Beside(signature.group().tasks)]
    return [signature]


def _end_of(body: Any) -> End | None:
    if not isinstance(body, _chain) or len(body.tasks) < 2 or body.tasks[0].task == JOINT:
        return None
    return End(body.options.get("task_id", ""), list(body.options.get("link_error") or ()))


def _of_group_in_chain(found: group, depth: int) -> list[Stage]:
    members = list(flattened(found.tasks))
    if len(members) == 1:
        return stages_of(members[0], depth + 1)
    return [Beside(members)] if members else []


def _planned(stages: Sequence[Stage], depth: int) -> Plan:
    if depth > _DEEPEST:
        raise ImproperlyConfigured(f"a canvas nests more than {_DEEPEST} deep, or contains itself")
    roots: Sequence[Step] = ()
    shape: Shape = []
    silent: list[str] = []
    value: list[Any] = []
    for position, stage in enumerate(stages):
        if not isinstance(stage, Beside):
            if isinstance(stage, NodeStep):
                roots, shape = _with_value(stage, roots, shape, value)
            before = stages[position - 1] if position else None
            end = before.end if isinstance(before, Beside) else None
            step = Step(stage, roots, shape if roots else None, silent, value, end=end)
            roots, shape, silent, value = [step], step.id, [], []
        elif position and isinstance(stages[position - 1], Beside):
            raise ImproperlyConfigured("two groups in a row need a task between them")
        elif position:
            last = roots[0]
            last.rest = _rest_of(stages[position:])
            later = _planned(stages[position:], depth)
            return Plan(roots, later.shape, [last.id, *later.silent])
        else:
            members = [_planned(stages_of(each, depth + 1), depth + 1) for each in stage.members]
            roots = [root for member in members for root in member.roots]
            shape = [member.shape for member in members]
            silent = [each for member in members for each in member.silent]
            value = [] if roots else [[]]
    return Plan(roots, shape, silent)


def _with_value(
    stage: NodeStep, roots: Sequence[Step], shape: Shape, value: list[Any]
) -> tuple[Sequence[Step], Shape]:
    """A job of Node gets values of its children alone: one that is known comes from a task that
    gives it back.
    """
    given = value or stage.options.get(VALUE) or []
    if roots or not given or stage.immutable:
        return roots, shape
    options = {"task_id": f"{stage.options['task_id']}-value"}
    child = Step(Signature(JOINT, given, {"index": 0}, options))
    return [child], child.id


def _rest_of(stages: Sequence[Stage]) -> Signature:
    """The signature of stages that begin with members beside each other."""
    first = stages[0]
    assert isinstance(first, Beside)
    header = group()
    header["kwargs"]["tasks"] = list(first.members)
    known = next(filter(None, map(_group_of, first.members)), None)
    if known is not None:
        header["options"]["task_id"] = known
    if len(stages) == 1:
        return header
    body = _chain()
    if first.end is not None and first.end.errbacks:
        body["options"]["link_error"] = first.end.errbacks
    for position, stage in enumerate(stages[1:], 1):
        if isinstance(stage, Beside):
            body["kwargs"]["tasks"].append(_rest_of(stages[position:]))
            break
        body["kwargs"]["tasks"].append(stage)
    found = _chord(group(), None)
    found["kwargs"].update(header=header, body=body)
    return found


def _group_of(member: Any) -> str | None:
    """The id of the group that a member was settled for; of a chain, its last step has it."""
    while isinstance(member, _chain) and member.tasks:
        member = member.tasks[-1]
    found: str | None = member.options.get("group_id")
    return found


def normalize(signature: Any) -> Any:
    """Chunks become groups, and between two groups of which the second gets the whole list of the
    first comes a task. Changes the signature.
    """
    if isinstance(signature, chunks):
        return signature.group()
    if isinstance(signature, _chord):
        signature.header.tasks = [normalize(each) for each in signature.tasks]
        if signature.body is not None:
            signature.body = _joined(normalize(signature.body))
    elif isinstance(signature, (_chain, group)):
        tasks = [normalize(each) for each in signature.tasks]
        if isinstance(signature, _chain):
            tasks = list(_with_joints(tasks))
        signature.kwargs["tasks"] = tasks
    return signature


def _joined(body: Any) -> Any:
    alone = isinstance(body, group) and bool(body.tasks)  # not unrolled, as it is in a chain
    if not alone and not _begins_with_several(body):
        return body
    found = _chain()
    found.kwargs["tasks"] = [
        accumulate(body.own_app()),
        *(body.tasks if isinstance(body, _chain) else [body]),
    ]
    return found


def _with_joints(tasks: Sequence[Any]) -> Iterator[Any]:
    """Steps of a chain, with a task between two groups."""
    before: Any = None
    for each in tasks:
        ends = before is not None and (_ends_with_several(before) or _ends_with_node(before))
        if ends and _begins_with_several(each):
            yield accumulate(each.own_app())
        before = each
        yield each


def accumulate(app: Any = None) -> Signature:
    """A task that gives the list it gets."""
    return Signature(JOINT, kwargs={"index": 0}, app=app)


def _begins_with_several(found: Any) -> bool:
    if isinstance(found, _chain):
        return bool(found.tasks) and _begins_with_several(found.tasks[0])
    if isinstance(found, group):
        return len(found.tasks) != 1 and bool(found.tasks)
    return isinstance(found, (_chord, chunks))


def _ends_with_several(found: Any) -> bool:
    if isinstance(found, _chain):
        return bool(found.tasks) and _ends_with_several(found.tasks[-1])
    if isinstance(found, _chord):
        return found.body is None or _ends_with_several(found.body)
    return isinstance(found, (group, chunks))


def _ends_with_node(found: Any) -> bool:
    """A worker of Node plants nothing."""
    if isinstance(found, _chain):
        return bool(found.tasks) and _ends_with_node(found.tasks[-1])
    if isinstance(found, _chord):
        return found.body is not None and _ends_with_node(found.body)
    return isinstance(found, NodeStep)


def ids_of(signature: Signature) -> Iterator[Signature]:
    """Every task of a workflow."""
    waiting: list[Any] = [signature]
    while waiting:
        found = waiting.pop()
        if isinstance(found, (_chain, group)):
            waiting += found.tasks
        elif isinstance(found, _chord):
            waiting += found.tasks
            if found.body is not None:
                waiting.append(found.body)
        elif isinstance(found, Signature):
            yield found
