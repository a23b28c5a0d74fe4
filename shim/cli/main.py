"""``bullrush``: the commands, and the options that all of them have."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from bullrush.core.errors import BullrushError, InvalidOption
from bullrush.exceptions import ImproperlyConfigured

from ..app import Celery, current_app
from ..finding import find_app
from ..version import release
from .commands import HELP, NO_COLOR, QUIET, Commands
from .variables import load_variables
from .worker import SOURCE

#: Name of a command -> where it is.
HOMES = {
    "amqp": ".amqp:amqp",
    "beat": ".beat:beat",
    "call": ".tasks:call",
    "config": ".config:config",
    "control": ".control:control",
    "dev": ".dev:dev",
    "dlq": ".dlq:dlq",
    "doctor": ".doctor:doctor",
    "events": ".events:events",
    "graph": ".graph:graph",
    "health": ".health:health",
    "inspect": ".control:inspect",
    "k8s": ".k8s:k8s",
    "keys": ".keys:keys",
    "logtool": ".logtool:logtool",
    "list": ".queues:listing",
    "mark-deploy": ".deploys:mark_deploy",
    "migrate": ".migrate:migrate",
    "multi": ".multi:multi",
    "purge": ".queues:purge",
    "report": ".shell:report",
    "result": ".tasks:result",
    "run-role": ".roles:run_role",
    "shell": ".shell:shell",
    "status": ".control:status",
    "timers": ".timers:timers",
    "top": ".top:top",
    "upgrade": ".upgrade:upgrade",
    "worker": ".worker:worker",
}


@click.group(cls=Commands, homes=HOMES, context_settings={**HELP, "auto_envvar_prefix": "CELERY"})
@click.option(
    "--env-file",
    default=".env",
    is_eager=True,
    expose_value=False,
    callback=load_variables,
    help="A file of variables; those that are set already win. .env here; '' for none.",
)
@click.option(
    "-A",
    "--app",
    "app_name",
    envvar="APP",
    metavar="MODULE[:ATTRIBUTE]",
    help="Where the application is.",
)
@click.option(
    "-b", "--broker", envvar="BROKER_URL", help="Where Redis is: redis://localhost:6379/0."
)
@click.option(
    "--result-backend", envvar="RESULT_BACKEND", help="The setting of that name; see the guide."
)
@click.option("--loader", envvar="LOADER", help="What imports tasks: the dotted path of a class.")
@click.option("--config", envvar="CONFIG_MODULE", help="The module with the settings.")
@click.option(
    "--workdir", type=click.Path(exists=True, file_okay=False), help="Change to that folder first."
)
@click.option("-C", "--no-color", is_flag=True, help="No colours.")
@click.option("-q", "--quiet", is_flag=True, help="Say less.")
@click.option("--skip-checks", is_flag=True, help="Leave out Django's checks.")
@click.version_option(release(), prog_name="bullrush")
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:
    """Celery's commands on queues shared with Node BullMQ.

    -A comes before the command: bullrush -A proj worker -l INFO
    """
    if options["workdir"]:
        os.chdir(options["workdir"])
    # Those two variables count by being there, whatever they say.
    options["no_color"] = options["no_color"] or bool(os.environ.get("NO_COLOR"))
    if options["skip_checks"] or os.environ.get("SKIP_CHECKS"):
        os.environ["CELERY_SKIP_CHECKS"] = "true"
    if options["no_color"]:
        os.environ.setdefault("NO_COLOR", "1")
        context.color = False
    context.obj = _configured(context.obj, options)
    context.meta[SOURCE] = options["app_name"]
    context.meta[NO_COLOR] = options["no_color"]
    context.meta[QUIET] = options["quiet"]


def _configured(app: Celery | None, options: dict[str, Any]) -> Celery:
    """The application with what the options say."""
    if options["loader"]:
        os.environ["CELERY_LOADER"] = options["loader"]
    if options["app_name"]:
        app = find_app(options["app_name"])
    elif app is None:
        app = current_app._get_current_object()
    if options["config"]:
        app.config_from_object(options["config"], force=True)
    for option, setting in (("broker", "broker_url"), ("result_backend", "result_backend")):
        if options[option]:
            app.conf[setting] = options[option]
    return app


def run(app: Celery | None, argv: Sequence[str]) -> None:
    """Carry out a command in this process, as ``app.start`` does.

    Raises:
        click.ClickException: it was called in a wrong way.
        SystemExit: the command ends with a code of its own.
    """
    cli.main(args=list(argv), prog_name="bullrush", obj=app, standalone_mode=False)


def main() -> None:
    """The console script: one line for an error that a user can mend."""
    try:
        cli(prog_name="bullrush")
    except (InvalidOption, ImproperlyConfigured) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except BullrushError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
