"""Walking from a result to those of the tasks that its task sent, and back to those before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from ..exceptions import IncompleteStream
from .graph import DependencyGraph


class Walking:
    """The part of `AsyncResult` that follows `children`, and `parent`."""

    id: Any
    children: Any
    parent: Any

    def get(self, *args: Any, **options: Any) -> Any:
        """See `AsyncResult.get`."""
        raise NotImplementedError

    def ready(self) -> bool:
        """See `AsyncResult.ready`."""
        raise NotImplementedError

    def iterdeps(self, intermediate: bool = False) -> Iterator[tuple[Any, Any]]:
        """``(parent, result)`` of this result and of all below it, level by level.

        Args:
            intermediate: go on below a task that has not ended, as far as is known.

        Raises:
            IncompleteStream: a task has not ended.
        """
        stack = deque[tuple[Any, Any]]([(None, self)])
        while stack:
            parent, node = stack.popleft()
            yield parent, node
            if node.ready():
                stack.extend((node, child) for child in node.children or [])
            elif not intermediate:
                raise IncompleteStream

    def collect(self, intermediate: bool = False, **options: Any) -> Iterator[tuple[Any, Any]]:
        """``(result, value)`` of this result and of all below it, waiting for each. Options as
        `get`.
        """
        for _, result in self.iterdeps(intermediate=intermediate):
            yield result, result.get(**options)

    def get_leaf(self) -> Any:
        """The value of the last task below it."""
        value = None
        for _, result in self.iterdeps():
            value = result.get()
        return value

    @cached_property
    def graph(self) -> DependencyGraph:
        """All that is below it, as a graph."""
        return self.build_graph()

    def build_graph(self, intermediate: bool = False, formatter: Any = None) -> DependencyGraph:
        """As `graph`.

        Args:
            intermediate: see `iterdeps`.
            formatter: accepted; see `DependencyGraph.to_dot`.

        Raises:
            IncompleteStream: a task has not ended.
        """
        graph = DependencyGraph()
        for parent, node in self.iterdeps(intermediate=intermediate):
            graph.add_arc(node)
            if parent is not None:
                graph.add_edge(parent, node)
        return graph

    def _parents(self) -> Iterator[Any]:
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def as_tuple(self) -> tuple[Any, Any]:
        """``((id, tuple of the parent or None), None)``; see `result_from_tuple`."""
        parent = self.parent
        return (self.id, parent.as_tuple() if parent is not None else None), None

    def as_list(self) -> list[str]:
        """The id, and those of its parents."""
        parent = self.parent
        more = parent.as_list() if isinstance(parent, Walking) else []
        return [self.id, *more]
