"""A flow as a picture: parents at the left, children at the right, states by colour and by word.
Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bullrush.core.planting import JobNode

#: Sizes of the picture.
WIDTH, HEIGHT, GAP_X, GAP_Y = 216, 46, 44, 10


@dataclass(frozen=True)
class Box:
    """A job of the picture."""

    node: JobNode
    state: str
    x: int
    y: int


@dataclass(frozen=True)
class Edge:
    """A line from a parent to a child."""

    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True)
class Picture:
    """Where everything is."""

    boxes: list[Box]
    edges: list[Edge]
    width: int
    height: int


def nodes_of(root: JobNode) -> list[JobNode]:
    """All jobs of a flow, each once, a parent before its children. Nothing here is a recursion."""
    found: dict[str, JobNode] = {}
    rest = [root]
    while rest:
        node = rest.pop()
        if node.key not in found:
            found[node.key] = node
            rest += reversed(node.children)
    return list(found.values())


def drawn(root: JobNode, states: Mapping[str, str]) -> Picture:
    """Lay a flow out: leaves below each other, each parent beside the middle of its children.

    Args:
        root: the flow.
        states: key of a job -> its state.
    """
    order, depth = nodes_of(root), _depths(root)
    rows = _rows(order)
    boxes = {
        node.key: Box(
            node,
            states.get(node.key, "unknown"),
            depth[node.key] * (WIDTH + GAP_X),
            int(rows[node.key] * (HEIGHT + GAP_Y)),
        )
        for node in order
    }
    edges = [
        _edge(boxes[node.key], boxes[child.key])
        for node in order
        for child in node.children
        if child.key in boxes
    ]
    width = (max(depth.values()) + 1) * (WIDTH + GAP_X) - GAP_X
    height = int(max(rows.values()) + 1) * (HEIGHT + GAP_Y) - GAP_Y
    return Picture(list(boxes.values()), edges, width, height)


def _depths(root: JobNode) -> dict[str, int]:
    depth = {root.key: 0}
    rest = [root]
    while rest:
        node = rest.pop()
        for child in node.children:
            if child.key not in depth:
                depth[child.key] = depth[node.key] + 1
                rest.append(child)
    return depth


def _rows(order: list[JobNode]) -> dict[str, float]:
    rows: dict[str, float] = {}
    lines = 0
    for node in order:
        if not node.children:
            rows[node.key] = lines
            lines += 1
    for node in reversed(order):
        below = [rows[child.key] for child in node.children if child.key in rows]
        if node.key not in rows:
            rows[node.key] = (min(below) + max(below)) / 2 if below else lines
    return rows


def _edge(parent: Box, child: Box) -> Edge:
    return Edge(parent.x + WIDTH, parent.y + HEIGHT // 2, child.x, child.y + HEIGHT // 2)
