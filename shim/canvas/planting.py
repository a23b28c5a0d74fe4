"""Sending workflows: plans become jobs with their parents, added in one step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from bullrush.core.calls import Batch, run
from bullrush.core.clock import now_ms
from bullrush.core.errors import ConnectionFailed
from bullrush.core.nodes import Node, add_nodes
from bullrush.core.parents import Parent

from ..app.announcing import sent_calls
from ..app.headers import add_to_parent, frozen_links
from ..app.sending import Prepared, prepare_call, send_by_policy
from ..exceptions import BrokerUnreachable
from ..local import running
from .giving import with_arguments, with_options
from .inline import know_ends, policy_of, run_inline
from .members import Members
from .nodes import NodeStep
from .plan import Plan, Shape, Step, accumulate, normalize, plan
from .signatures import Signature

if TYPE_CHECKING:
    from ..app.base import Celery

#: So many jobs are added by one script when they need not be added together.
_CHUNK = 100


@dataclass
class Planting:
    """How jobs get to Redis.

    Args:
        app: the application.
        renew: whether finished jobs of the same ids make way; not for what a worker may send twice.
        parent: the job that waits for all of it.
    """

    app: Celery
    renew: bool = True
    parent: Parent | None = None

    def plant(self, found: Plan) -> dict[str, Prepared]:
        """Add the jobs of a plan; those of a tree all or none.

        Returns:
            What was sent, by task id.
        """
        sent, trees = self.prepare(found)
        if trees:
            self._add(sent, trees)
        return sent

    def prepare(self, found: Plan) -> tuple[dict[str, Prepared], list[list[Node]]]:
        """The jobs of a plan, by task id, and the trees they make."""
        sent: dict[str, Prepared] = {}
        members = Members(self.app)
        trees = [self._tree(root, sent, members) for root in found.roots]
        return sent, trees

    def _add(self, sent: Mapping[str, Prepared], trees: Sequence[list[Node]]) -> None:
        publications = [each.publication for each in sent.values()]
        calls = [*self._calls(trees), *sent_calls(self.app, publications)]
        driver = self.app.driver
        try:
            # The first goes alone: a server that does not know the script yet learns it.
            run(driver, calls[0])
            if len(calls) > 1:
                run(driver, Batch(calls[1:], list))
        except ConnectionFailed as error:
            raise BrokerUnreachable(*error.args) from error
        for each in publications:
            if each is not None:
                each.after()

    def _tree(self, root: Step, sent: dict[str, Prepared], members: Members) -> list[Node]:
        """The jobs of one root, every parent before its children."""
        nodes: list[Node] = []
        above: list[tuple[Step, Parent | None, bool]] = [(root, self.parent, False)]
        for step, parent, for_node in above:
            prepared = self._member(step, parent, for_node, members)
            sent[step.id] = prepared
            nodes.append(Node(prepared.job, prepared.queue.keys, bool(step.children)))
            if step.children:
                own = Parent(prepared.job.id, prepared.queue.name, prepared.queue.keys.prefix)
                is_node = isinstance(step.signature, NodeStep)
                above += [(child, own, is_node) for child in step.children]
        return nodes

    def _calls(self, trees: Sequence[list[Node]]) -> Iterator[Any]:
        """Trees stay whole; jobs that stand alone are added in parts."""
        now = now_ms()
        alone: dict[str, list[Node]] = {}
        together: list[Node] = []
        for tree in trees:
            if len(tree) > 1 or tree[0].job.parent:
                together += tree
                if len(together) >= _CHUNK:
                    yield add_nodes(together, now)
                    together = []
            else:
                alone.setdefault(tree[0].keys.queue, []).append(tree[0])
        if together:
            yield add_nodes(together, now)
        for name, nodes in alone.items():
            queue = self.app.queue(name)
            for first in range(0, len(nodes), _CHUNK):
                jobs = [node.job for node in nodes[first : first + _CHUNK]]
                yield queue.send_jobs(jobs, list)

    def _member(
        self, step: Step, parent: Parent | None, for_node: bool, members: Members
    ) -> Prepared:
        if step.children or step.value or step.rest is not None:
            return self._prepared(step, parent, for_node)
        place = (parent, for_node)
        found = members.like_an_earlier_one(step.signature, place)
        if found is None:
            found = self._prepared(step, parent, for_node)
            members.learn(step.signature, place, found)
        return found

    def _prepared(self, step: Step, parent: Parent | None, for_node: bool) -> Prepared:
        signature = step.signature
        options = dict(signature.options)
        if parent is not None:
            options["parent"] = parent
            policy = "fail_parent_on_failure" if for_node else "ignore_dependency_on_failure"
            options[policy] = True
        if isinstance(signature, NodeStep):
            return signature.prepare(self.app, options, renew=self.renew)
        args = signature.args
        if step.value and not signature.immutable:
            args = (*step.value, *args)
        return prepare_call(
            self.app,
            signature.task,
            args,
            signature.kwargs,
            signature.known_type(),
            options,
            renew=self.renew,
            headers=headers_of_step(step),
        )


def headers_of_step(step: Step) -> Mapping[str, Any] | None:
    """What a worker needs to give it the values that it waits for, and to send what follows."""
    if step.shape is None and step.rest is None:
        return None
    headers: dict[str, Any] = {}
    if step.shape is not None:
        headers["children"] = step.shape
        if step.signature.immutable:
            headers["children"] = [] if isinstance(step.shape, list) else ""
            headers["immutable"] = True
        elif step.silent:
            headers["silent"] = step.silent
    if step.end is not None:
        errbacks = frozen_links(step.end.errbacks, "link_error")
        headers["end"] = {"task_id": step.end.task_id, "errbacks": errbacks}
    if step.rest is not None:
        headers["chain"] = [step.rest]
    return headers


def launch(
    signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any], options: dict[str, Any]
) -> Any:
    """Send a signature of any kind with these arguments and options.

    Returns:
        Its result.
    """
    app = signature.app
    tell_parent = options.pop("add_to_parent", True)
    request = _running()
    result = _send(signature, args, kwargs, options, Planting(app), request)
    if tell_parent:
        add_to_parent(result)
    return result


def _running() -> Any:
    """The request of the task that this runs in."""
    stack = running.get()
    return stack[-1][1] if stack and not stack[-1][1].called_directly else None


def _send(
    signature: Signature,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    options: dict[str, Any],
    planting: Planting,
    request: Any,
) -> Any:
    found = normalize(signature.clone())
    with_options(found, options)
    result = found.freeze(
        root_id=options.get("root_id") or (request.root_id if request is not None else None),
        parent_id=options.get("parent_id") or (request.id if request is not None else None),
    )
    with_arguments(found, args, kwargs)
    app = planting.app
    marks, policy = app.marks(), policy_of(app, found)
    if policy == "raise":
        know_queues(result, planting.plant(plan(found)), marks)
        return result
    sent, trees = planting.prepare(plan(found))
    failed = send_by_policy(app, policy, list(sent.values()), [*chain.from_iterable(trees)])
    if failed is None:
        know_queues(result, sent, marks)
    else:
        know_ends(result, run_inline(app, found, failed))
    return result


def send_again(
    app: Celery,
    signature: Signature,
    args: tuple[Any, ...],
    parent: Parent | None = None,
    kwargs: Mapping[str, Any] | None = None,
    **place: Any,
) -> Any:
    """Send a signature whose ids are settled, from a worker that may do so twice: jobs that are
    there already stay as they are.

    Args:
        parent: the job that waits for it.
        place: root_id and parent_id.
    """
    found = signature.clone()
    result = found.freeze(**place)
    with_arguments(found, args, dict(kwargs or {}))
    know_queues(result, Planting(app, renew=False, parent=parent).plant(plan(found)))
    return result


def know_queues(
    result: Any, sent: Mapping[str, Prepared], marks: Mapping[str, int] | None = None
) -> None:
    """Tell results where their jobs are.

    Args:
        marks: as they were before any was sent; see `Celery.marks`.
    """
    waiting = [result]
    while waiting:
        found = waiting.pop()
        if found is None:
            continue
        waiting += getattr(found, "results", None) or ()
        waiting.append(getattr(found, "parent", None))
        prepared = sent.get(found.id)
        if prepared is not None:
            found._queue = prepared.queue.name
            found.ignored = prepared.ignored
            if marks and found._new:
                found._mark = marks.get(prepared.queue.name)


Signature.launch = staticmethod(launch)
__all__ = ["Planting", "Shape", "accumulate", "launch", "send_again"]
