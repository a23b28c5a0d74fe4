"""Bullrush for Flask: queues, tasks inside the app context, admin JSON and a health route."""

from .binding import Binding
from .extension import Bullrush

__all__ = ["Binding", "Bullrush"]
