"""``bullrush shell`` and ``bullrush report``."""

from __future__ import annotations

import code
from importlib import import_module
from typing import Any

import click

import bullrush

from ..app import Celery
from ..version import release
from .commands import Command

_CANVAS = ("chord", "group", "chain", "chunks", "xmap", "xstarmap", "subtask", "signature")


@click.command(cls=Command)
@click.option("-I", "--ipython", is_flag=True, help="IPython, or nothing.")
@click.option("-B", "--bpython", is_flag=True, help="bpython, or nothing.")
@click.option("--python", is_flag=True, help="Python's own.")
@click.option("-T", "--without-tasks", is_flag=True, help="Leave tasks out of the names.")
@click.option("--eventlet", is_flag=True, hidden=True)
@click.option("--gevent", is_flag=True, hidden=True)
@click.pass_obj
def shell(app: Celery, /, without_tasks: bool, **kinds: bool) -> None:
    """A Python shell with app, celery, Task, the canvas and all tasks as names."""
    for name in ("eventlet", "gevent"):
        if kinds[name]:
            raise click.UsageError(f"--{name} is not here; async tasks need no patched shell")
    app.loader.import_default_modules()
    app.finalize()
    names = names_of(app, without_tasks)
    if kinds["ipython"]:
        _needed("IPython", "--ipython").start_ipython(argv=[], user_ns=names)
    elif kinds["bpython"]:
        _needed("bpython", "--bpython").embed(names)
    elif kinds["python"] or not _try_ipython(names):
        code.interact(local=names, banner=f"bullrush {release()}: app is {app!r}")


def names_of(app: Celery, without_tasks: bool = False) -> dict[str, Any]:
    """What a shell has as global names."""
    names = {name: found for name in _CANVAS if (found := getattr(bullrush, name, None))}
    if not without_tasks:
        names |= {
            task.name.rpartition(".")[2]: task
            for task in app.tasks.values()
            if not task.name.startswith("celery.")
        }
    return {**names, "app": app, "celery": app, "Task": bullrush.Task}


@click.command(cls=Command)
@click.pass_obj
def report(app: Celery) -> None:
    """What to write into a report of an error. Passwords are left out."""
    app.loader.import_default_modules()
    click.echo(app.bugreport())


def _try_ipython(names: dict[str, Any]) -> bool:
    try:
        module = import_module("IPython")
    except ImportError:
        return False
    module.start_ipython(argv=[], user_ns=names)
    return True


def _needed(name: str, option: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise click.UsageError(f"{option}: {name} is not installed") from None
