"""``bullrush health``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bullrush.core.errors import InvalidOption
from bullrush.core.health import Bounded, Sign, examine, queue_shown
from bullrush.core.snapshot import take
from bullrush.core.thresholds import (
    EVERY,
    Finding,
    Level,
    Thresholds,
    judge,
    thresholds_of,
    worst,
)
from bullrush.core.views import list_queues

from ..app import Celery
from ..probe import VARIABLE, look
from .commands import NAMES, Command


@click.command(cls=Command)
@click.option(
    "--worker",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help=f"Only whether the worker that writes this file (worker --heartbeat-file; {VARIABLE}) "
    "is alive. Asks nobody, and takes a moment: for probes.",
)
@click.option("-Q", "--queues", **NAMES, help="Only these queues.")
@click.option(
    "-t",
    "--threshold",
    "limits",
    multiple=True,
    metavar="[QUEUE.]WHAT=WARN:CRITICAL|off",
    help="A limit: of every queue, such as waiting=100:1000, or of one: mail.delayed=off.",
)
@click.option(
    "--thresholds",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Limits as JSON, in the form of BULLRUSH_THRESHOLDS.",
)
@click.option("--timeout", type=float, default=5.0, help="Seconds to wait for Redis; 5.")
@click.option("-j", "--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def health(
    app: Celery,
    worker: str | None,
    queues: list[str] | None,
    limits: Sequence[str],
    file: Path | None,
    timeout: float,
    as_json: bool,
) -> None:
    """How Redis and the queues are. The exit code is 0, 1 for a warning, 2 for something critical.

    A warning, or worse, is a number of a queue above a limit: waiting 100:1000, failed 10:100,
    delayed 50:500, active 2:5 (times the slots of all workers).
    """
    if worker is not None:
        code, text = look(_heartbeat_file(worker))
        click.echo(text, err=code != 0)
        sys.exit(code)
    thresholds = _thresholds(file, limits)

    def ask() -> tuple[Sign, list[Finding]]:
        sign = examine(app.driver)
        names = queues or list_queues(app.driver, app.prefix)
        return sign, judge(take(app.driver, app.prefix, names), thresholds)

    answer = Bounded(ask).answer(timeout)
    sign, findings = answer or (None, [])
    level = Level.CRITICAL if sign is None else worst(findings)
    _say(level, sign, findings, as_json=as_json)
    sys.exit(level)


def _heartbeat_file(given: str) -> str:
    path = given or os.environ.get(VARIABLE, "")
    if not path:
        raise click.UsageError(f"--worker needs a file, or {VARIABLE}")
    return path


def _say(level: Level, sign: Sign | None, findings: list[Finding], *, as_json: bool) -> None:
    status = level.name.lower()
    if as_json:
        found = [each.to_dict() for each in findings]
        click.echo(json.dumps({"status": status, "queue": queue_shown(sign), "findings": found}))
        return
    for each in findings:
        click.echo(str(each))
    if sign is None:
        click.echo("critical: Redis does not answer")
    else:
        kept = {True: "durable", False: "not durable", None: "durability unknown"}[sign.durable]
        click.echo(f"{status}: Redis answers in {sign.latency_ms} ms, {kept}")


def _thresholds(file: Path | None, limits: Sequence[str]) -> dict[str, Thresholds | None]:
    config: dict[str, Any] = {}
    if file is not None:
        try:
            config = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InvalidOption(f"{file} is not JSON: {error}") from None
        if not isinstance(config, dict):
            raise InvalidOption(f"{file} is no JSON object of queues")
    for each in limits:
        name, equals, value = each.partition("=")
        if not equals:
            raise InvalidOption(f"{each!r} is not of the form waiting=100:1000")
        queue, _, what = name.rpartition(".")
        own = config.setdefault(queue or EVERY, {})
        own[what] = _limits(each, value)
    return thresholds_of(config)


def _limits(text: str, value: str) -> list[float] | None:
    if value == "off":
        return None
    try:
        warn, critical = map(float, value.split(":"))
    except ValueError:
        raise InvalidOption(f"{text!r} is not of the form waiting=100:1000") from None
    return [warn, critical]
