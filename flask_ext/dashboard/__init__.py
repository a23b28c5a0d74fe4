"""The dashboard: pages over all queues, for people.

`blueprint` has the routes, a module per page the views, `collector` the one reader of Redis behind
all of them, `live` the stream of what changes.
"""

from .blueprint import dashboard_blueprints

__all__ = ["dashboard_blueprints"]
