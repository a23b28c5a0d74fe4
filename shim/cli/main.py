"""The commands."""

from __future__ import annotations

import logging
import sys

import click

from bullrush import __version__
from bullrush.core.errors import BullrushError, InvalidOption

from ..app import Celery, current_app
from ..worker import make_worker
from .finding import find_app

#: Celery's exit code for: nobody answered.
UNAVAILABLE = 69
LOG_FORMAT = "[%(asctime)s: %(levelname)s/%(threadName)s] %(message)s"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-A", "--app", "app_name", envvar="APP", help="The application: module, or module:attribute."
)
@click.option("-b", "--broker", help="Where Redis is, for example redis://localhost:6379/0.")
@click.option("-q", "--quiet", is_flag=True, help="Say less.")
@click.version_option(__version__, prog_name="bullrush")
@click.pass_context
def cli(context: click.Context, app_name: str | None, broker: str | None, quiet: bool) -> None:
    """Celery's commands on queues shared with Node BullMQ."""
    app = find_app(app_name) if app_name else current_app._get_current_object()
    if broker:
        app.conf.broker_url, app._broker = broker, broker
    context.obj = app


@cli.command()
@click.option("-Q", "--queues", default="", help="Names of queues, separated by commas.")
@click.option(
    "-c",
    "--concurrency",
    type=click.IntRange(min=1),
    help="How many tasks at once; one for each CPU.",
)
@click.option("-P", "--pool", type=click.Choice(["threads", "solo"]), help="What runs the tasks.")
@click.option("-n", "--hostname", help="The worker's name; %h is this host.")
@click.option(
    "-l",
    "--loglevel",
    default="WARNING",
    type=click.Choice(LEVELS, case_sensitive=False),
    help="How much to say.",
)
@click.pass_obj
def worker(
    app: Celery,
    queues: str,
    concurrency: int | None,
    pool: str | None,
    hostname: str | None,
    loglevel: str,
) -> None:
    """Run tasks until SIGTERM or SIGINT."""
    logging.basicConfig(level=loglevel.upper(), format=LOG_FORMAT, stream=sys.stderr)
    names = [name.strip() for name in queues.split(",") if name.strip()]
    made = make_worker(app, names, concurrency=concurrency, pool=pool, hostname=hostname)
    click.echo(f"bullrush {__version__} on {app.driver.location}")
    click.echo(f"[queues] {', '.join(queue.name for queue in made.queues)}")
    click.echo("[tasks]")
    for name in sorted(app.tasks):
        click.echo(f"  . {name}")
    made.run()


@cli.command()
@click.pass_obj
def status(app: Celery) -> None:
    """List the workers of the application's queues, Node's as well."""
    app.finalize()
    found = 0
    for name in app.known_queues():
        for client in app.queue(name).get_workers():
            found += 1
            _, _, worker_name = client["name"].partition(":w:")
            click.echo(f"{worker_name or client.get('addr', '?')}: OK ({name})")
    if not found:
        click.echo("Error: no worker is there", err=True)
        sys.exit(UNAVAILABLE)
    click.echo(f"\n{found} {'node' if found == 1 else 'nodes'} online.")


def main() -> None:
    """The console script: one line for an error that a user can mend."""
    try:
        cli(prog_name="bullrush")
    except InvalidOption as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except BullrushError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
