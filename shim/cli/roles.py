"""``bullrush run-role``: one image, and a variable that says what a container of it is."""

from __future__ import annotations

import os
import sys

import click

from .commands import Command

#: What ``WORKER_SCRIPT`` may say -> the command.
ROLES = {
    "start:worker": "worker",
    "start:scheduler": "beat",
    "start:timers": "timers",
    "start:api": "serve",
}


@click.command(
    cls=Command,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("words", nargs=-1, metavar="[ROLE] [ARGUMENT]...", type=click.UNPROCESSED)
@click.pass_context
def run_role(context: click.Context, words: tuple[str, ...]) -> None:
    """Become what WORKER_SCRIPT says, or the first argument: start:worker, start:scheduler (beat),
    start:timers or start:api (serve). Further arguments are those of that command.
    """
    role = os.environ.get("WORKER_SCRIPT", "")
    if words and words[0] in ROLES:
        role, words = words[0], words[1:]
    if role not in ROLES:
        given = f"unknown role {role!r}" if role else "no role; set WORKER_SCRIPT"
        raise click.UsageError(f"{given}. Roles: {', '.join(ROLES)}", context)
    before = sys.argv[1 : sys.argv.index("run-role")] if "run-role" in sys.argv else []
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "bullrush", *before, ROLES[role], *words])
