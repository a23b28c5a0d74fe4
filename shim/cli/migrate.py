"""``bullrush migrate``: tasks that a Celery has left in Redis become jobs."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click

from bullrush.core.drivers import Driver, connect

from ..app import Celery
from ..bridge.celery_messages import CeleryQueue, StoredCall, UnreadableMessage, call_of, queues_of
from .commands import NAMES, Command

#: s between two looks with --forever.
PAUSE = 0.5


@click.command(cls=Command)
@click.argument("source")
@click.argument("destination", required=False)
@click.option("-n", "--limit", type=click.IntRange(min=1), help="At most so many tasks.")
@click.option(
    "-t", "--timeout", type=float, default=0.0, help="Seconds to wait for more tasks at the end."
)
@click.option(
    "-a",
    "--ack-messages",
    is_flag=True,
    help="Take each message away from SOURCE when its task is in DESTINATION.",
)
@click.option("-T", "--tasks", **NAMES, help="Only tasks of these names.")
@click.option("-Q", "--queues", **NAMES, help="Only these queues; OLD:NEW renames one.")
@click.option("-F", "--forever", is_flag=True, help="Go on until SIGTERM or Ctrl-C.")
@click.pass_obj
def migrate(app: Celery, /, source: str, destination: str | None, **options: Any) -> None:
    """Bring the tasks of a Celery whose broker is the Redis at SOURCE to DESTINATION, which is the
    application's own broker when not given.

    A task keeps its id, so nothing is doubled when this is done twice. Without -a, SOURCE stays as
    it is. Stop the workers of the Celery first: they hold tasks with an eta in their memory, and
    give them back when they stop.
    """
    if destination:
        app.conf.broker_url = destination
    prefix = str((app.conf.broker_transport_options or {}).get("global_keyprefix", ""))
    driver = connect(source)
    try:
        moved = Migration(app, driver, prefix, **options).run()
    finally:
        driver.close()
    for queue, count in sorted(moved.done.items()):
        click.echo(f"{queue}: {count} {'task' if count == 1 else 'tasks'}")
    click.echo(f"Migrated {sum(moved.done.values())} tasks, {moved.refused} could not be read.")
    sys.exit(1 if moved.refused else 0)


@dataclass
class Migration:
    """One run of the command; see its options."""

    app: Celery
    driver: Driver
    prefix: str = ""
    limit: int | None = None
    timeout: float = 0.0
    ack_messages: bool = False
    tasks: list[str] | None = None
    queues: list[str] | None = None
    forever: bool = False
    done: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    seen: set[bytes] = field(default_factory=set)

    def run(self) -> Migration:
        """Until there is nothing more, or the limit is reached."""
        idle_since = time.monotonic()
        while True:
            before = sum(self.done.values())
            self._once()
            now = time.monotonic()
            if sum(self.done.values()) > before:
                idle_since = now
            late = not self.forever and now - idle_since >= self.timeout
            if late or self._is_enough():
                return self
            time.sleep(PAUSE)

    def _once(self) -> None:
        routes = dict(_route(each) for each in self.queues or queues_of(self.driver, self.prefix))
        queues = [CeleryQueue(self.driver, name, self.prefix) for name in routes]
        with _progress(sum(len(queue) for queue in queues) - len(self.seen)) as step:
            for queue in queues:
                for key, raw in queue.messages():
                    if self._is_enough():
                        return
                    if raw not in self.seen:
                        self._one(queue, key, raw, routes[queue.name])
                        step(1)

    def _one(self, queue: CeleryQueue, key: str, raw: bytes, target: str) -> None:
        try:
            call = call_of(raw, self.app.conf.accept_content)
        except UnreadableMessage as error:
            self.seen.add(raw)
            self.refused += 1
            click.echo(f"a message of {queue.name} is left there: {error}", err=True)
            return
        if self.tasks and call.name not in self.tasks:
            self.seen.add(raw)
            return
        self._send(call, target)
        self.done[target] += 1
        if self.ack_messages:
            queue.remove(key, raw)
        else:
            self.seen.add(raw)

    def _send(self, call: StoredCall, target: str) -> None:
        self.app.send_task(
            call.name, call.args, call.kwargs, task_id=call.task_id, queue=target, **call.options
        )

    def _is_enough(self) -> bool:
        return self.limit is not None and sum(self.done.values()) >= self.limit


def _route(text: str) -> tuple[str, str]:
    old, _, new = text.partition(":")
    return old, new or old


@contextmanager
def _progress(length: int) -> Iterator[Any]:
    """A bar on a terminal."""
    if not sys.stdout.isatty() or length <= 0:
        yield lambda count: None
        return
    with click.progressbar(length=length, label="migrating") as progress:
        yield progress.update
