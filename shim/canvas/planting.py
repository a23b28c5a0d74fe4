"""Sending workflows: plans become jobs with their parents, added in one step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bullrush.core.calls import Batch, run
from bullrush.core.clock import now_ms
from bullrush.core.errors import ConnectionFailed
from bullrush.core.nodes import Node, add_nodes
from bullrush.core.parents import Parent

from ..app.announcing import sent_calls
from ..app.headers import add_to_parent, frozen_links
from ..app.sending import Prepared, prepare_call
from ..exceptions import BrokerUnreachable
from ..local import running
from .chains import _chain
from .chords import _chord
from .groups import group
from .members import Members
from .nodes import VALUE, NodeStep
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
        sent: dict[str, Prepared] = {}
        members = Members(self.app)
        trees = [self._tree(root, sent, members) for root in found.roots]
        if not trees:
            return sent
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
        return sent

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
            signature.type,
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
    marks = planting.app.marks()
    know_queues(result, planting.plant(plan(found)), marks)
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
    planned = plan(found)
    know_queues(result, Planting(app, renew=False, parent=parent).plant(planned))
    return planned.shape if parent is not None else result


def with_arguments(found: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Give the first tasks of a workflow further arguments. Changes the signature."""
    if not args and not kwargs:
        return
    if isinstance(found, _chord):
        with_arguments(found.tasks, args, kwargs)
        if not found.tasks.tasks and found.body is not None:
            return
    elif isinstance(found, group):
        for each in found.tasks:
            with_arguments(each, args, kwargs)
    elif isinstance(found, _chain):
        _with_arguments_first(found, args, kwargs)
    elif isinstance(found, NodeStep):
        if args:
            found["options"][VALUE] = [args[0]]
    elif not found.immutable:
        found["args"], found["kwargs"], _ = found._merge(args, kwargs)


def _with_arguments_first(found: _chain, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    for each in found.tasks:
        if not (isinstance(each, group) and not each.tasks):
            with_arguments(each, args, kwargs)
            return


def with_options(found: Any, options: Mapping[str, Any]) -> None:
    """Give a workflow the options of a call, as each kind of it takes them. Changes the
    signature.
    """
    own = {**found.options, **options}
    if isinstance(found, _chain):
        _options_of_chain(found, own)
    elif isinstance(found, group):
        for each in found.tasks:
            with_options(each, {k: v for k, v in own.items() if k not in _OF_ONE})
    elif isinstance(found, _chord):
        of_body = {k: v for k, v in own.items() if k not in ("countdown", "eta")}
        with_options(found.tasks, {k: v for k, v in own.items() if k not in _OF_ONE})
        if found.body is not None:
            with_options(found.body, of_body)
        found["options"] = {}
        return
    elif not options:
        return
    given = {k: v for k, v in options.items() if k not in _LINKS}
    found["options"] = found._merge((), None, given)[2]
    for name in _LINKS:
        if options.get(name):
            found.extend_list_option(name, options[name])


def _options_of_chain(found: _chain, own: Mapping[str, Any]) -> None:
    tasks = found.tasks
    if not tasks:
        return
    of_last = {k: v for k, v in own.items() if k in ("task_id", "link")}
    of_all = {k: v for k, v in own.items() if k == "link_error"}
    of_first = {k: v for k, v in own.items() if k not in of_last and k not in of_all}
    for position, each in enumerate(tasks):
        given = dict(of_all)
        if position == 0:
            given.update(of_first)
        if position == len(tasks) - 1:
            given.update(of_last)
        if given:
            with_options(each, given)
    found["options"] = of_all  # a chord whose body it is tells them of its header


_LINKS = ("link", "link_error")
#: Options that only one task of a workflow can have.
_OF_ONE = ("task_id", "link", "link_error", "group_id", "group_index", "chord")


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
