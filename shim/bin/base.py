"""What commands of other libraries are made of; Flower's is one."""

from __future__ import annotations

from ..cli.commands import CLIContext
from ..cli.commands import Command as CeleryCommand

__all__ = ["CLIContext", "CeleryCommand"]
