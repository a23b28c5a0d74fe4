"""``bullrush beat``."""

from __future__ import annotations

import sys
from typing import Any

import click

from bullrush.core.errors import InvalidOption

from ..app import Celery
from .commands import Command
from .detach import detach_options, take_detached
from .probe import answering, probe_options
from .worker_options import LEVELS


@click.command(cls=Command)
@click.option(
    "-s", "--schedule", help="A name that tells this beat from others; no file is written."
)
@click.option("-S", "--scheduler", help="The class of the scheduler, as package.module:Class.")
@click.option(
    "--max-interval",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds between two looks at the schedule, at most.",
)
@click.option("--pidfile", help="Where to write the number of this process.")
@click.option(
    "-l",
    "--loglevel",
    default="WARNING",
    type=click.Choice(LEVELS, case_sensitive=False),
    help="How much to say.",
)
@click.option("-f", "--logfile", help="Where to log; standard error.")
@click.option("-n", "--hostname", help="The beat's name; %h is this host.")
@click.option(
    "--once",
    is_flag=True,
    help="Write the schedule into Redis and exit; workers go on with it. Fails when an entry needs "
    "a beat that runs.",
)
@click.option("--enable-remote-control/--no-enable-remote-control", default=None, hidden=True)
@probe_options
@detach_options
@click.pass_context
def beat(
    context: click.Context, /, loglevel: str, once: bool, health_port: int | None, **options: Any
) -> None:
    """Send tasks by the clock until SIGTERM or SIGINT."""
    app: Celery = context.obj
    if options.pop("enable_remote_control"):
        raise InvalidOption(
            "--enable-remote-control is not here: the workers that run the schedule answer to "
            "bullrush inspect ping"
        )
    if take_detached(options):
        return
    app.log.setup(loglevel.upper(), options["logfile"], hostname=options["hostname"])
    made = app.Beat(loglevel=loglevel, **options)
    if not once:
        try:
            with answering(app, "beat", health_port):
                made.run()
        except FileExistsError as error:
            raise InvalidOption(str(error)) from None
        return
    left = made.write()
    for name in left:
        click.echo(f"{name}: needs a beat that runs", err=True)
    sys.exit(1 if left else 0)
