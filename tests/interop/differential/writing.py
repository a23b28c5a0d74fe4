"""Steps of programs that a person writes down."""

from __future__ import annotations

from typing import Any

from .failures import failure
from .steps import Ref, Step


def do(op: str, **args: Any) -> Step:
    """Any step."""
    return Step(op, args)


def by_node(op: str, **args: Any) -> Step:
    """Any step, done by Node in mixed mode."""
    return Step(op, args, by="node")


def add(name: str = "send", *, queue: str = "a", **opts: Any) -> Step:
    """Add a job; options by Node's names."""
    return do("add", name=name, data={}, opts=opts, queue=queue)


def add_child(**opts: Any) -> Step:
    """Add a child of the job that was taken last."""
    return do("add", name="send", data={}, opts=opts, parent=newest("active"))


def take(worker: str = "plain", *, queue: str = "a") -> Step:
    """Take the next job."""
    return do("take", worker=worker, queue=queue)


def complete(value: Any = None, *, fetch: bool = False) -> Step:
    """Complete the job that was taken last."""
    return do("complete", held=0, value=value, fetch=fetch)


def fail(reason: str = "no luck", *, fetch: bool = False) -> Step:
    """Let the attempt at the job that was taken last fail."""
    return do("fail", held=0, failure=failure(reason), fetch=fetch)


def node(*children: dict[str, Any], queue: str = "a", **opts: Any) -> dict[str, Any]:
    """A job of a flow."""
    return {"name": "send", "queueName": queue, "data": {}, "opts": opts, "children": [*children]}


def newest(place: str) -> Ref:
    """The newest job in a place."""
    return Ref(place, 0)
