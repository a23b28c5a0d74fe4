"""The command line: ``bullrush -A proj worker`` and its siblings."""

from .main import main, run

__all__ = ["main", "run"]
