"""What may be wrong between an application and its Redis, and how it is mended."""

from __future__ import annotations

import shlex
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bullrush.core.drivers import Driver
from bullrush.core.environment import find_redis
from bullrush.core.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    InvalidOption,
    ServerError,
)
from bullrush.core.snapshot import QueueSnapshot, take
from bullrush.core.views import list_queues

from .app import Celery
from .exceptions import ImproperlyConfigured

OK, WARN, FAIL = "ok", "warn", "fail"
#: s by which two clocks may differ before delayed jobs are visibly off.
SKEW = 1.0
#: What BullMQ asks for; older servers lack commands of the scripts.
OLDEST = (6, 2)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        check: what it was.
        status: ``ok``, ``warn`` or ``fail``.
        message: what was found.
        fix: what to do about it.
    """

    check: str
    status: str
    message: str
    fix: str = ""


def examine(app: Celery) -> Iterator[Finding]:
    """Look at everything in order; what depends on something that failed is left out."""
    try:
        url = app.broker_location()
        found = find_redis(configured=app.conf.broker_url or None)
        driver = app.driver
    except (InvalidOption, ImproperlyConfigured) as error:
        yield Finding("settings", FAIL, str(error), "correct that setting or variable")
        return
    yield _families(found.source, found.unused)
    host = urlsplit(url).hostname or ""
    if urlsplit(url).scheme in ("redis", "rediss") and (unknown := _unknown(host)) is not None:
        yield unknown
        return
    connection = _connection(driver)
    yield connection
    if connection.status == FAIL:
        return
    if driver.volatile:
        fix = "unset QUEUE_DRIVER, or name a Redis, but for tests"
        yield Finding("durability", WARN, "the jobs are in the memory of this process", fix)
    else:
        yield from _server(driver)
    yield _scripts(driver)
    yield from _application(app)
    yield from _queues(app)


def _families(source: str, unused: tuple[str, ...]) -> Finding:
    if not unused:
        return Finding("variables", OK, f"Redis is said by {source}")
    others = ", ".join(unused)
    return Finding(
        "variables",
        WARN,
        f"{source} is used; {others} says something else",
        f"unset {others}, or make them say the same; bullrush config shows what counts",
    )


def _unknown(host: str) -> Finding | None:
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        return Finding(
            "address",
            FAIL,
            f"the host {host} is not known: {error}",
            "check the host in REDIS_URL; in a container it is the name of the service",
        )
    return None


def _connection(driver: Driver) -> Finding:
    where, check = driver.location, "connection"
    started = time.perf_counter()
    try:
        driver.execute(("PING",))
    except AuthenticationFailed as error:
        return Finding(check, FAIL, str(error), "correct the user and the password of the URL")
    except ConnectionFailed as error:
        return _unreachable(where, str(error))
    except ServerError as error:
        fix = "use a database that the server has" if "DB index" in str(error) else ""
        return Finding(check, FAIL, f"{where} answered: {error}", fix or "see what it says")
    ms = (time.perf_counter() - started) * 1000
    return Finding(check, OK, f"{where} answers within {ms:.1f} ms")


def _unreachable(where: str, said: str) -> Finding:
    lower = said.lower()
    if "refused" in lower:
        fix = "start Redis (redis-cli ping), or correct the host and port in REDIS_URL"
    elif "certificate" in lower or "ssl" in lower:
        fix = "name the authority (QUEUE_REDIS_TLS_CA or ?ssl_ca_certs=), or use redis:// or rediss"
    elif "db index" in lower:
        fix = "use a database that the server has; the last part of the URL"
    else:
        fix = "look for a firewall, a network policy or a wrong port between here and there"
    return Finding("connection", FAIL, said, fix)


def _server(driver: Driver) -> Iterator[Finding]:
    try:
        info = _info(driver.execute(("INFO",)))
    except ServerError as error:
        yield Finding("server", WARN, f"INFO is forbidden: {error}", "allow this user +info")
        return
    yield _version(info)
    yield _cluster(info, driver)
    if info.get("role", "master") != "master":
        yield Finding(
            "role",
            FAIL,
            "this server is a replica: nothing can be written",
            "connect to the master, or through its sentinels with REDIS_SENTINEL_NAME",
        )
    yield _persistence(driver, info)
    yield _eviction(info)
    yield _clock(driver)


def _version(info: dict[str, str]) -> Finding:
    text = info.get("redis_version", "0.0")
    found = tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
    if found < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        return Finding("version", FAIL, f"Redis {text} is too old", f"use {wanted} or later")
    return Finding("version", OK, f"Redis {text}")


def _cluster(info: dict[str, str], driver: Driver) -> Finding:
    is_cluster = info.get("cluster_enabled") == "1"
    if is_cluster and "+cluster" not in driver.location:
        return Finding(
            "cluster",
            FAIL,
            "the server is a node of a Cluster and is talked to as a single one",
            "set REDIS_CLUSTER_MODE=true or use redis+cluster://, and a prefix such as {bull}, "
            "in Node too",
        )
    return Finding("cluster", OK, "a Cluster" if is_cluster else "a single server")


def _persistence(driver: Driver, info: dict[str, str]) -> Finding:
    if info.get("aof_enabled") == "1":
        if info.get("aof_last_write_status", "ok") != "ok":
            return Finding("durability", FAIL, "the AOF cannot be written", "free disk space")
        said = "appendonly is on: with everysec up to a second of jobs can be lost"
        return Finding("durability", OK, said)
    saves = _configured(driver, "save")
    said = "only snapshots are written" if saves else "nothing is written to a disk"
    fix = "set appendonly yes and appendfsync everysec"
    return Finding("durability", WARN, f"appendonly is off, {said}: a restart loses jobs", fix)


def _eviction(info: dict[str, str]) -> Finding:
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        return Finding(
            "memory",
            FAIL,
            f"maxmemory-policy is {policy}: Redis may throw keys of jobs away",
            "set maxmemory-policy noeviction",
        )
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if most and used > 0.9 * most:
        said = f"{used * 100 // most}% of maxmemory is used"
        return Finding("memory", WARN, said, "keep fewer finished jobs, or give it more memory")
    return Finding("memory", OK, "no key is thrown away")


def _clock(driver: Driver) -> Finding:
    seconds, micros = driver.execute(("TIME",))
    off = abs(time.time() - int(seconds) - int(micros) / 1e6)
    if off > SKEW:
        said = f"this clock and that of Redis differ by {off:.1f} s"
        return Finding("clock", WARN, said, "let both use NTP: delayed jobs come early or late")
    return Finding("clock", OK, "the clocks agree")


def _scripts(driver: Driver) -> Finding:
    try:
        driver.execute(("EVAL", "return 1", 0))
    except ServerError as error:
        return Finding("scripts", FAIL, f"scripts are refused: {error}", "allow this user +@all")
    return Finding("scripts", OK, "scripts run")


def _application(app: Celery) -> Iterator[Finding]:
    own = [name for name in app.tasks if not name.startswith("celery.")]
    if own:
        yield Finding("application", OK, f"{len(own)} tasks")
    else:
        fix = "name the application with -A, and the modules of its tasks in include"
        yield Finding("application", WARN, "no tasks of your own are registered", fix)


def _queues(app: Celery) -> Iterator[Finding]:
    names = sorted({*list_queues(app.driver, app.prefix), *app.known_queues()})
    for snapshot in take(app.driver, app.prefix, names):
        yield _queue(snapshot, app.prefix)


def _queue(found: QueueSnapshot, prefix: str) -> Finding:
    check, waits = f"queue {found.name}", found.waiting + found.counts["delayed"]
    if found.broken:
        fix = f"look for what else writes under {prefix}:{found.name}: (bullrush keys)"
        return Finding(check, FAIL, found.broken, fix)
    if found.paused and waits:
        fix = "resume it in the dashboard, or by queue.resume()"
        return Finding(check, WARN, f"it is paused and {waits} jobs wait", fix)
    if waits and not found.worker_count:
        fix = f"start a worker: bullrush worker -Q {shlex.quote(found.name)}"
        return Finding(check, WARN, f"{waits} jobs wait and no worker serves it", fix)
    active = found.counts["active"]
    if active and not found.worker_count:
        said = f"{active} jobs are active and no worker is up: theirs has died"
        return Finding(check, WARN, said, "start a worker; it takes them back")
    return Finding(check, OK, f"{found.waiting} wait, {found.worker_count} workers")


def _configured(driver: Driver, name: str) -> bool:
    try:
        reply = driver.execute(("CONFIG", "GET", name))
    except ServerError:
        return False
    return bool(reply and reply[1].strip())


def _info(reply: Any) -> dict[str, str]:
    lines = (line.partition(":") for line in reply.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def worst(findings: list[Finding]) -> str:
    """How bad it is as a whole."""
    return max((each.status for each in findings), key=(OK, WARN, FAIL).index)
