"""The command line: ``bullrush -A proj worker`` and its siblings."""

from .main import main

__all__ = ["main"]
