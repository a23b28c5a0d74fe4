"""Workflows that run in their caller, since Redis is away: ``on_broker_down="inline"``. What comes
of each task is what a worker would have stored.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bullrush.core.errors import BullrushError

from .. import states
from ..app.context import Context
from ..app.outage import is_for_later
from ..exceptions import ChordError
from ..result import EagerResult
from .chords import _chord
from .errbacks import called_here
from .giving import with_arguments
from .groups import group
from .joining import flat
from .nodes import NodeStep
from .plan import JOINT, Plan, Shape, Step, ids_of, plan
from .signatures import Signature, maybe_signature

if TYPE_CHECKING:
    from ..app.base import Celery

logger = logging.getLogger("bullrush.outage")


def policy_of(app: Celery, found: Signature) -> str:
    """The policy of a workflow: that of its tasks. When they differ, the one that risks the least
    counts: ``raise`` before ``spool`` before ``inline``.
    """
    usual: str = app.conf.on_broker_down
    if usual == "raise" and not app.outage.wanted:
        return usual
    tasks = {each.task: _task_of(app, each) for each in ids_of(found)}
    met = {usual if task is None else task.on_broker_down for task in tasks.values()}
    return next((each for each in ("raise", "spool", "inline") if each in met), usual)


def run_inline(app: Celery, found: Signature, error: BullrushError) -> dict[str, EagerResult]:
    """Run a workflow whose ids are settled here and now.

    Args:
        error: why.

    Returns:
        What came of each task, by its id.

    Raises:
        BullrushError: one of its tasks is not known here, is Node's, or was to run later; none of
            them has run.
    """
    for each in ids_of(found):
        unknown = isinstance(each, NodeStep) or _task_of(app, each) is None
        if unknown or is_for_later(each.options):
            raise error
    here = Inline(app)
    here.run(plan(found))
    return here.ended


class Inline:
    """Runs plans, one task after the other.

    Attributes:
        ended: what came of each task, by its id.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self.ended: dict[str, EagerResult] = {}

    def run(self, planned: Plan) -> None:
        """Run all of it. A workflow may be a chain of thousands: nothing here is a recursion but
        for what follows one task with several.
        """
        for root in planned.roots:
            for step in reversed(list(_from_above(root))):
                self._end(step)

    def _end(self, step: Step) -> None:
        failed = self._failed_before(step)
        result = self._ran(step) if failed is None else self._inherited(step, failed)
        self.ended[step.id] = result
        if step.rest is None:
            return
        if result.state != states.SUCCESS:
            for each in ids_of(step.rest):
                self.ended[each.options["task_id"]] = _same(each, result)
            return
        rest = step.rest.clone()
        rest.freeze(root_id=step.signature.options.get("root_id"), parent_id=step.id)
        with_arguments(rest, (result.result,), {})
        self.run(plan(rest))

    def _ran(self, step: Step) -> EagerResult:
        signature = step.signature
        args = tuple(signature.args)
        if not signature.immutable:
            args = (*step.value, *args)
            if step.children:
                args = (self._value(step.shape), *args)
        return self._app.run_eagerly(
            _task_of(self._app, signature),
            args,
            dict(signature.kwargs),
            as_sent=True,
            throw=False,
            **signature.options,
        )

    def _value(self, shape: Shape | None) -> Any:
        if isinstance(shape, list):
            return [self._value(each) for each in shape]
        ended = self.ended[str(shape)]
        return ended.result if ended.state == states.SUCCESS else None

    def _failed_before(self, step: Step) -> EagerResult | None:
        """The first task that it waited for and that did not return."""
        if not step.children:
            return None
        ids = [*flat(step.shape), *step.silent, *(child.id for child in step.children)]
        ended = (self.ended[each] for each in ids)
        return next((each for each in ended if each.state in states.PROPAGATE_STATES), None)

    def _inherited(self, step: Step, failed: EagerResult) -> EagerResult:
        """A chain ends with the failure of its step, the body of a chord with `ChordError`."""
        if not isinstance(step.shape, list):
            return _same(step.signature, failed)
        if step.signature.task == JOINT:
            result = _same(step.signature, failed)
            self._call_errbacks_of_rest(step, result)
            return result
        error = ChordError(f"Dependency {failed.id} raised {failed.result!r}")
        result = EagerResult(step.id, error, states.FAILURE, failed.traceback, step.signature.task)
        if step.end is None:
            self._call_errbacks(step.id, step.signature.options.get("link_error"), result)
        else:
            self._call_errbacks(step.end.task_id, step.end.errbacks, result)
        return result

    def _call_errbacks_of_rest(self, step: Step, failed: EagerResult) -> None:
        """The members that would have come next are failed instead: call what each of them has."""
        header = step.rest.header if isinstance(step.rest, _chord) else step.rest
        for each in header.tasks if isinstance(header, group) else ():
            self._call_errbacks(each.options.get("task_id"), each.options.get("link_error"), failed)

    def _call_errbacks(self, task_id: str | None, errbacks: Any, failed: EagerResult) -> None:
        for each in errbacks or ():
            errback = maybe_signature(each, app=self._app)
            request = Context({}, id=task_id, task=failed.name)
            if called_here(self._app, errback, request, failed.result, failed.traceback):
                continue
            try:
                errback.apply_async((task_id,))
            except Exception:
                logger.exception("the errback %s of %s raised", errback, task_id)


def know_ends(result: Any, ended: Mapping[str, EagerResult]) -> None:
    """Tell results what has come of their tasks."""
    waiting = [result]
    while waiting:
        found = waiting.pop()
        if found is None:
            continue
        found.ran_inline = True
        waiting += getattr(found, "results", None) or ()
        waiting.append(found.parent)
        if found.id in ended:
            found._keep(ended[found.id]._read())


def _task_of(app: Celery, signature: Signature) -> Any:
    """None when it is not known here."""
    return signature._type if signature._type is not None else app.tasks.get(signature.task)


def _from_above(root: Step) -> Iterator[Step]:
    """The steps of a tree, each before those that it waits for; read backwards they are in the
    order in which they run.
    """
    above = [root]
    while above:
        step = above.pop()
        yield step
        above += step.children


def _same(signature: Signature, failed: EagerResult) -> EagerResult:
    """It ends as the one before it."""
    return EagerResult(
        signature.options["task_id"], failed.result, failed.state, failed.traceback, signature.task
    )
