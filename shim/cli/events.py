"""``bullrush events``."""

from __future__ import annotations

import signal
from typing import Any

import click

from ..app import Celery
from ..app.importing import imported
from ..events.dumper import evdump
from ..events.screen import evtop
from ..events.snapshot import evcam
from .commands import Command
from .daemon import NAMES as DAEMON
from .daemon import daemon_options, prepared
from .worker_options import LEVELS


@click.command(cls=Command)
@click.option("-d", "--dump", is_flag=True, help="Write each event as a line.")
@click.option("-c", "--camera", help="Take pictures with this class: package.module.Class.")
@click.option(
    "-F",
    "--frequency",
    "--freq",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    help="Seconds between two pictures, of a camera or on the screen; 1.",
)
@click.option("-r", "--maxrate", help="No more pictures than that: 10/m.")
@click.option(
    "-l",
    "--loglevel",
    default="WARNING",
    type=click.Choice(LEVELS, case_sensitive=False),
    help="How much to say.",
)
@click.option("-f", "--logfile", help="Where the log goes; standard error.")
@daemon_options
@click.pass_obj
def events(
    app: Celery,
    /,
    dump: bool,
    camera: str | None,
    frequency: float,
    maxrate: str | None,
    loglevel: str,
    logfile: str | None,
    **options: Any,
) -> None:
    """Watch workers and tasks: on a screen, as lines, or by a camera. Workers tell of their tasks
    when they are started with -E, or after bullrush control enable_events.
    """
    if dump and camera:
        raise click.UsageError("--dump and --camera: one of them")
    if options["detach"] and not camera:
        raise click.UsageError("--detach is for --camera")
    if maxrate and not camera:
        raise click.UsageError("--maxrate is for --camera")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with prepared(**{name: options[name] for name in DAEMON}):
        if dump:
            evdump(app)
        elif camera:
            evcam(_camera(camera), frequency, maxrate, loglevel.upper(), logfile, app=app)
        else:
            evtop(app, frequency)


def _camera(path: str) -> Any:
    try:
        return imported(path)
    except (ImportError, AttributeError) as error:
        raise click.UsageError(f"--camera {path}: {error}") from None
