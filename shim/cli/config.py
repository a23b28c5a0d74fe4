"""``bullrush config``: what counts, and who said so."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

import click

from bullrush.core.drivers import redacted
from bullrush.core.environment import find_redis, work_settings

from ..app import Celery
from .commands import Command


@dataclass(frozen=True)
class Row:
    """One value.

    Args:
        name: of the setting.
        value: as it may be shown; a secret is only said to be there.
        source: ``argument``, ``settings``, the name of a variable, or ``default``.
        unused: variables that say something else.
    """

    name: str
    value: Any
    source: str
    unused: tuple[str, ...] = ()


@click.command(cls=Command)
@click.option("-j", "--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def config(app: Celery, as_json: bool) -> None:
    """Say which values count, and where each comes from. Secrets are not shown."""
    rows = rows_of(app)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    width = max(len(str(row.value)) for row in rows)
    for row in rows:
        unused = f"; {', '.join(row.unused)} differs and is not used" if row.unused else ""
        click.echo(f"{row.name:<20} {row.value!s:<{width}}  {row.source}{unused}")


def rows_of(app: Celery) -> list[Row]:
    """Everything that decides where an application's jobs are, and how many run at once.

    Raises:
        InvalidOption: a variable has no usable value; names it.
    """
    url, redis = _redis(app)
    login = "yes" if "@" in url.partition("://")[2].split("/")[0] else "no"
    work_settings()  # complains of what cannot be used
    return [
        redis,
        Row("login", login, redis.source),
        _prefix(app),
        Row("driver", "inmemory" if url.startswith("memory://") else "bullmq", redis.source),
        _variable("sentinel_name", "REDIS_SENTINEL_NAME", ""),
        _variable("cluster_mode", "REDIS_CLUSTER_MODE", "false"),
        _slots(app),
        _tenants(app),
        _variable("metrics_interval_ms", "QUEUE_METRICS_INTERVAL_MS", 60_000),
        _secret("admin_token", "BULLRUSH_ADMIN_TOKEN"),
    ]


def _redis(app: Celery) -> tuple[str, Row]:
    """The URL with its secrets, and what may be shown of it."""
    url = app.broker_location()
    for variable in ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"):
        if os.environ.get(variable):
            return url, Row("redis", redacted(url), variable)
    configured = app.conf.broker_url or app.conf.broker_host
    found = find_redis(configured="redis://settings" if configured else None)
    return url, Row("redis", redacted(url), found.source, found.unused)


def _prefix(app: Celery) -> Row:
    options = app.conf.broker_transport_options or {}
    if app.conf.bullrush_prefix or options.get("global_keyprefix"):
        return Row("prefix", app.prefix, "settings")
    return _variable("prefix", "BULLRUSH_PREFIX", "bull", shown=app.prefix)


def _slots(app: Celery) -> Row:
    if app.conf.worker_concurrency:
        return Row("worker_concurrency", app.conf.worker_concurrency, "settings")
    return _variable("worker_concurrency", "EXECUTION_WORKER_CONCURRENCY", os.cpu_count() or 1)


def _tenants(app: Celery) -> Row:
    if app.conf.bullrush_tenant_concurrency:
        return Row("tenant_concurrency", app.conf.bullrush_tenant_concurrency, "settings")
    return _variable("tenant_concurrency", "EXECUTION_TENANT_CONCURRENCY", "no limit")


def _variable(name: str, variable: str, default: Any, shown: Any = None) -> Row:
    value = os.environ.get(variable)
    source = variable if value else "default"
    return Row(name, shown or value or default, source)


def _secret(name: str, variable: str) -> Row:
    there = bool(os.environ.get(variable))
    return Row(name, "is set" if there else "is not set", variable if there else "default")
