"""Changing a workflow from inside: `Task.replace` and `Task.add_to_chord`.

A task that is replaced becomes the parent of what replaces it and waits; then it ends with the
value of that, so that its id, its place, its callbacks and what follows it stay where they are.
"""

from __future__ import annotations

import json
from typing import Any

from bullrush.core.parents import Parent

from ..exceptions import Ignore, ImproperlyConfigured
from ..message import Message, decode
from ..result import allow_join_result
from .chains import _chain
from .chords import _chord
from .following import parent_of
from .groups import group
from .plan import ids_of, normalize
from .planting import send_again
from .signatures import Signature, maybe_signature


def replace(task: Any, sig: Any) -> Any:
    """See `Task.replace`."""
    request = task.request
    found = maybe_signature(sig, app=task.app, clone=True)
    if isinstance(found, _chain) and not found.tasks:
        raise ImproperlyConfigured("Cannot replace with an empty chain")
    if found.options.get("chord") is not None:
        raise ImproperlyConfigured("A signature replacing a task must not be part of a chord")
    if request.called_directly or request.is_eager:
        if request.is_eager:
            with allow_join_result():
                return found.apply().get()
        raise Ignore("Replaced by new task")
    found = normalize(found)
    _settle_ids(found, request.id)
    for each in ids_of(found):
        each.options.setdefault("replaced_task_nesting", request.replaced_task_nesting + 1)
    delivery = request.delivery
    queue, job = delivery.queue, delivery.job
    own = Parent(job.id, queue.name, queue.keys.prefix)
    shape = send_again(
        task.app, found, (), own, root_id=request.root_id, parent_id=request.parent_id
    )
    before = decode(job.raw("data"), job.data)
    headers = {**before.headers, "children": shape, "replaced": True}
    headers.pop("immutable", None)
    data = Message(before.args, before.kwargs, headers).encode()
    queue.update_data(job.id, json.loads(data.text))
    if not delivery.move_to_waiting_children():  # what replaces it has ended already
        delivery.move_to_wait()
    raise Ignore("Replaced by new task")


def _settle_ids(found: Any, task_id: str) -> None:
    """Ids that a run which is repeated settles again."""
    for number, each in enumerate(_all(found)):
        if not each.options.get("task_id") and not isinstance(each, (_chain, _chord)):
            each.options["task_id"] = f"{task_id}-r{number}"


def _all(found: Any) -> list[Any]:
    everything, waiting = [], [found]
    while waiting:
        each = waiting.pop()
        everything.append(each)
        if isinstance(each, (_chain, group)):
            waiting += each.tasks
        elif isinstance(each, _chord):
            waiting += [each.tasks, *([each.body] if each.body is not None else [])]
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
Signature.put_into_chord = staticmethod(add_to_chord)
