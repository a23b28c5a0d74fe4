"""The commands."""

from __future__ import annotations

import sys

import click

from bullrush import __version__
from bullrush.core.errors import BullrushError, InvalidOption

from ..app import Celery, current_app
from ..finding import find_app
from .beat import beat
from .worker import SOURCE, worker

#: Celery's exit code for: nobody answered.
UNAVAILABLE = 69


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
    app = find_app(app_name) if app_name else context.obj or current_app._get_current_object()
    if broker:
        app.conf.broker_url = broker
    context.obj = app
    context.meta[SOURCE] = app_name


cli.add_command(beat)
cli.add_command(worker)


@cli.command()
@click.pass_obj
def status(app: Celery) -> None:
    """List the workers of the application's queues, Node's as well."""
    app.loader.import_default_modules()
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


def run(app: Celery, argv: list[str]) -> None:
    """The command line of an application, from code."""
    cli.main(args=argv, prog_name="bullrush", obj=app, standalone_mode=False)


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
