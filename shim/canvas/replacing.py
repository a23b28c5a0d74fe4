"""Changing a workflow from inside: `Task.replace` and `Task.add_to_chord`.

The job of a task that is replaced becomes the last task of what replaces it: it keeps its id, its
place, its callbacks and what follows it, and all that comes before that last task are its children.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bullrush.core import Queue
from bullrush.core.calls import run
from bullrush.core.clock import now_ms
from bullrush.core.delivery import Delivery
from bullrush.core.keys import split_job_key
from bullrush.core.outcome import Postponed, RawJson
from bullrush.core.parents import Parent
from bullrush.core.relocating import become_call, relocate_call

from ..app.announcing import sent_calls
from ..app.sending import Prepared, prepare_call, queue_for
from ..exceptions import Ignore, ImproperlyConfigured
from ..ids import task_id_of
from ..message import decode
from ..result import allow_join_result
from .chains import _chain
from .chords import _chord
from .following import parent_of
from .giving import with_options
from .groups import group
from .plan import Plan, Step, accumulate, ends_with_one, ids_of, normalize, plan_last
from .planting import Planting, headers_of_step, send_again
from .signatures import Signature, maybe_signature


def replace(task: Any, sig: Any) -> Any:
    """See `Task.replace`."""
    request = task.request
    found = maybe_signature(sig, app=task.app, clone=True)
    if isinstance(found, _chain) and not found.tasks:
        raise ImproperlyConfigured("Cannot replace with an empty chain")
    if found.options.get("chord") is not None:
        raise ImproperlyConfigured("A signature replacing a task must not be part of a chord")
    if request.called_directly:
        raise Ignore("Replaced by new task")
    if request.is_eager:
        return task.on_replace(found)
    found = normalize(found)
    if not ends_with_one(found):
        found = normalize(found | accumulate())
    before = decode(request.delivery.job.raw("data"), request.delivery.job.data)
    _take_over(found, request, before.headers)
    return task.on_replace(found)


def end_replacing(task: Any, sig: Any) -> Any:
    """See `Task.on_replace`."""
    request = task.request
    if request.is_eager:
        with allow_join_result():
            return sig.apply().get()
    before = decode(request.delivery.job.raw("data"), request.delivery.job.data)
    _become(task.app, plan_last(sig), request.delivery, before.headers)
    raise Ignore("Replaced by new task")


def _take_over(found: Any, request: Any, before: Mapping[str, Any]) -> None:
    """Give the replacement the id, the links and the place of the task."""
    links = {"link": before.get("callbacks"), "link_error": before.get("errbacks")}
    with_options(found, {"task_id": request.id, **links})
    nesting = request.replaced_task_nesting + 1
    for number, each in enumerate(_all(found)):
        # A run that is repeated after a crash settles the same ids again.
        if not each.options.get("task_id") and not isinstance(each, (_chain, _chord)):
            each.options["task_id"] = f"{request.id}-r{nesting}-{number}"
    for each in ids_of(found):
        each.options.setdefault("replaced_task_nesting", nesting)
    found.freeze(root_id=request.root_id, parent_id=request.id)


def _become(app: Any, last: Step, delivery: Delivery, before: Mapping[str, Any]) -> None:
    """Make of the job what comes last of its replacement, and what comes before that its children;
    then it waits for them, or for a worker.
    """
    queue, job = delivery.queue, delivery.job
    prepared = _prepared(app, last, delivery, before)
    if last.children:
        above = Parent(job.id, queue.name, queue.keys.prefix)
        planned = Plan(last.children, last.shape or [], last.silent)
        Planting(app, renew=False, parent=above).plant(planned)
    new = prepared.job
    priority = new.priority if last.signature.options.get("priority") is not None else None
    run(queue.driver, become_call(delivery, new.name, RawJson(new.data), new.delay, priority))
    if not last.children or not delivery.move_to_waiting_children():
        _set_off(delivery, prepared.queue, new.delay)
    for call in sent_calls(app, [prepared.publication]):
        run(queue.driver, call)
    if prepared.publication is not None:
        prepared.publication.after()


def _set_off(delivery: Delivery, target: Queue, delay: int) -> None:
    """Let the job run, after `delay` ms, in the queue that is its own now."""
    if target.name != delivery.queue.name:
        run(target.driver, relocate_call(delivery, target, Postponed(delay)))
        delivery.moved = True
    elif delay:
        delivery.move_to_delayed(now_ms() + delay)
    else:
        delivery.move_to_wait()


def _prepared(app: Any, last: Step, delivery: Delivery, before: Mapping[str, Any]) -> Prepared:
    signature, job = last.signature, delivery.job
    args = (*last.value, *signature.args) if last.value else signature.args
    call = (app, signature.task, args, signature.kwargs, signature.known_type(), signature.options)
    headers = {name: before[name] for name in _KEPT if name in before}
    headers.update(headers_of_step(last) or {})
    if last.children:
        headers["replaced"] = queue_for(*call)
    if "children" in before:  # those of its first life are no part of the values
        known = [task_id_of(split_job_key(key)[1]) for key in delivery.get_children_values()]
        headers["silent"] = [*headers.get("silent", ()), *known]
    if job.attempts_made:
        headers["retries"] = -job.attempts_made
    return prepare_call(*call, renew=False, headers=headers)


#: Headers that say where the task stands, and whose attempts they are.
_KEPT = ("id", "group", "group_index", "chord", "chain", "derived")


def _all(found: Any) -> list[Any]:
    everything, waiting = [], [found]
    while waiting:
        each = waiting.pop()
        everything.append(each)
        if isinstance(each, (_chain, group)):
            waiting += each.tasks
        elif isinstance(each, _chord):
            waiting += [each.header, *([each.body] if each.body is not None else [])]
    return everything


def add_to_chord(task: Any, sig: Any, lazy: bool) -> Any:
    """See `Task.add_to_chord`."""
    request = task.request
    if not request.chord:
        raise ValueError("Current task is not member of any chord")
    found = normalize(maybe_signature(sig, app=task.app, clone=True))
    options = found.options
    options.update(group_id=request.group, chord=True)
    if request.is_eager:
        return found.apply()
    result = found.freeze(root_id=request.root_id)
    if lazy:
        return found
    send_again(task.app, found, (), parent_of(request.delivery.job))
    return result


Signature.put_in_place = staticmethod(replace)
Signature.end_in_place = staticmethod(end_replacing)
Signature.put_into_chord = staticmethod(add_to_chord)
