"""Files of environment variables."""

from __future__ import annotations

import os

import click
from dotenv import dotenv_values


def load_variables(context: click.Context, parameter: click.Parameter, value: str) -> None:
    """Take variables from a file of lines such as ``REDIS_URL=redis://cache``, for this command and
    the processes it starts. The environment wins.

    Raises:
        click.BadParameter: the file that was named is not there.
    """
    if not value:
        return
    if not os.path.isfile(value):
        if context.get_parameter_source(str(parameter.name)) == click.core.ParameterSource.DEFAULT:
            return
        raise click.BadParameter(f"there is no file {value!r}")
    for name, text in dotenv_values(value).items():
        if text is not None:
            os.environ.setdefault(name, text)
