"""Celery's name of the module that has its settings' class."""

from .components import bugreport
from .settings import Settings

__all__ = ["Settings", "bugreport"]
