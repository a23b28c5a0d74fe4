"""The group of all commands: ``celery.add_command(command)``, then ``main()``."""

from ..cli.main import cli as celery
from ..cli.main import main

__all__ = ["celery", "main"]
