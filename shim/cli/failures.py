"""What ends a command of the command line."""

from __future__ import annotations

import click


class CeleryCommandException(click.ClickException):
    """A command cannot be carried out; its text is shown.

    Args:
        exit_code: what the process ends with.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        vars(self)["exit_code"] = exit_code  # click has it on the class
