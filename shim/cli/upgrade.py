"""``bullrush upgrade settings``."""

from __future__ import annotations

import io
import tokenize
from pathlib import Path

import click

from ..app.old_names import NEW_NAMES
from .commands import Command


@click.group()
def upgrade() -> None:
    """From old names to new ones."""


@upgrade.command(cls=Command)
@click.argument("filename", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--django", is_flag=True, help="Names for a namespace: CELERY_TASK_SERIALIZER.")
@click.option("--compat", is_flag=True, help="Accepted: old names are understood in any case.")
@click.option("--no-backup", is_flag=True, help="Keep no copy of the file.")
def settings(filename: Path, django: bool, compat: bool, no_backup: bool) -> None:
    """Write the settings in FILENAME by their present names."""
    click.echo(f"processing {filename}...")
    old = filename.read_text(encoding="utf-8")
    new = renamed(old, "CELERY" if django else None)
    if new == old:
        click.echo("Nothing to change: it has no old names")
        return
    if not no_backup:
        kept = filename.with_name(f"{filename.name}.orig")
        click.echo(f"writing backup to {kept}...")
        kept.write_text(old, encoding="utf-8")
    filename.write_text(new, encoding="utf-8")
    click.echo("Changes to your setting have been made!")


def renamed(source: str, namespace: str | None = None) -> str:
    """Python code with the new names of settings. Texts and comments are left alone.

    Args:
        namespace: before each new name, in capitals.
    """
    lines = source.splitlines(keepends=True)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    found = [each for each in tokens if each.type == tokenize.NAME and each.string in NEW_NAMES]
    for token in reversed(found):
        row, column = token.start
        name = NEW_NAMES[token.string]
        name = f"{namespace}_{name}".upper() if namespace else name
        line = lines[row - 1]
        lines[row - 1] = line[:column] + name + line[token.end[1] :]
    return "".join(lines)
