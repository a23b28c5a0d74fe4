"""The admin JSON: how the queues are, and every action on them, for whoever has a role.

Each module has the routes of one subject; `routing` has what they share. docs/admin-api.md lists
them all.
"""

from .blueprint import admin_blueprint

__all__ = ["admin_blueprint"]
