"""The loader of every application that names no other."""

from .base import AppLoader

__all__ = ["AppLoader"]
