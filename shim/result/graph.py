"""Results and what came of them, as a graph."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Iterator
from typing import Any


class DependencyGraph:
    """Things, and for each those that follow from it."""

    def __init__(self) -> None:
        self.adjacent: dict[Any, list[Any]] = {}

    def add_arc(self, thing: Any) -> None:
        """Add a thing."""
        self.adjacent.setdefault(thing, [])

    def add_edge(self, above: Any, below: Any) -> None:
        """Say that one follows from the other."""
        self.adjacent[above].append(below)

    def edges(self) -> set[Any]:
        """The things from which something follows."""
        return {thing for thing, below in self.adjacent.items() if below}

    def topsort(self) -> list[Any]:
        """Every thing after those that follow from it."""
        return list(graphlib.TopologicalSorter(self.adjacent).static_order())

    def valency_of(self, thing: Any) -> int:
        """How many things follow from it, and from those."""
        below = self.adjacent.get(thing, ())
        return len(below) + sum(self.valency_of(each) for each in below)

    def items(self) -> Iterable[tuple[Any, list[Any]]]:
        """Each thing with what follows from it."""
        return self.adjacent.items()

    def to_dot(self, file: Any) -> None:
        """Write it for Graphviz."""
        file.write("digraph dependencies {\n")
        for thing in self.adjacent:
            file.write(f'    "{thing}"\n')
        for thing, below in self.adjacent.items():
            for each in below:
                file.write(f'    "{thing}" -> "{each}"\n')
        file.write("}\n")

    def __iter__(self) -> Iterator[Any]:
        return iter(self.adjacent)

    def __len__(self) -> int:
        return len(self.adjacent)

    def __getitem__(self, thing: Any) -> list[Any]:
        return self.adjacent[thing]

    def __contains__(self, thing: Any) -> bool:
        return thing in self.adjacent

    def __repr__(self) -> str:
        rows = [self._row(thing) for thing in self.adjacent]
        return f"DependencyGraph {chr(10).join(rows)}"

    def _row(self, thing: Any) -> str:
        own = f"{thing}({self.valency_of(thing)})"
        below = [f"     {each}({self.valency_of(each)})" for each in self.adjacent[thing]]
        return "\n".join([own, *below])
