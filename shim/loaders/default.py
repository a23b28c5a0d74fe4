"""The loader of the application that nobody made; its settings come from ``celeryconfig``."""

from .base import AppLoader as Loader

__all__ = ["Loader"]
