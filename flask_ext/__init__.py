"""Bullrush for Flask: queues, tasks inside the app context, admin JSON and a health route."""

from .access.roles import Principal, Role
from .binding import Binding
from .extension import Bullrush

__all__ = ["Binding", "Bullrush", "Principal", "Role"]
