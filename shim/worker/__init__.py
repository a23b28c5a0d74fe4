"""A worker for an application's tasks."""

from .making import ChildTracer, make_node, make_worker, node_name

__all__ = ["ChildTracer", "make_node", "make_worker", "node_name"]
