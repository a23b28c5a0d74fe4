"""``bullrush amqp``: what of Celery's shell for AMQP has a meaning for queues in Redis."""

from __future__ import annotations

from typing import Any

import click

from ..app import Celery
from .commands import HELP, Command

#: Commands without a meaning here: why, and what to use instead.
ELSEWHERE = {
    "basic.ack": "jobs are acknowledged by the worker that ran them",
    "basic.get": "to look at jobs use bullrush shell and app.queue(NAME).get_waiting()",
    "basic.publish": "to send a task use bullrush call NAME --queue QUEUE",
    "exchange.declare": "there are no exchanges in Redis; task_routes says where tasks go",
    "exchange.delete": "there are no exchanges in Redis; task_routes says where tasks go",
    "queue.bind": "there are no bindings in Redis; task_queues and task_routes say where tasks go",
    "queue.delete": "to take away a queue with all of its jobs use app.queue(NAME).obliterate()",
    "repl": "use bullrush shell",
}


@click.group(invoke_without_command=True)
@click.pass_context
def amqp(context: click.Context) -> None:
    """Count and empty queues, by the names of Celery's AMQP shell; the others say what to use."""
    if context.invoked_subcommand is None:
        raise _refusal("repl")


@amqp.command(name="queue.declare", cls=Command)
@click.argument("queue")
@click.argument("flags", nargs=-1)
@click.pass_obj
def queue_declare(app: Celery, queue: str, flags: tuple[str, ...]) -> None:
    """Say how many jobs wait in a queue and how many workers serve it."""
    found = app.queue(queue)
    click.echo(f"queue:{queue} messages:{found.count()} consumers:{len(found.get_workers())}")
    click.echo("OK")


@amqp.command(name="queue.purge", cls=Command)
@click.argument("queue")
@click.pass_obj
def queue_purge(app: Celery, queue: str) -> None:
    """Take away every job that waits or is delayed. There is no way back."""
    click.echo(f"{app.queue(queue).drain(delayed=True)} messages deleted.")
    click.echo("OK")


def _refusal(name: str) -> click.UsageError:
    return click.UsageError(f"amqp {name}: Redis is no AMQP broker; {ELSEWHERE[name]}")


def _refused(name: str) -> click.Command:
    def refuse(**words: Any) -> None:
        raise _refusal(name)

    settings = {**HELP, "ignore_unknown_options": True, "allow_extra_args": True}
    text = f"Not here: {ELSEWHERE[name]}."
    return Command(name, callback=refuse, context_settings=settings, help=text)


for _name in ELSEWHERE:
    amqp.add_command(_refused(_name))
