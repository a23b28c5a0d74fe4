"""Names of workers: ``name@host``."""

from __future__ import annotations

import os
import socket

#: The part before the ``@`` when nobody says.
NODENAME_DEFAULT = "celery"


def gethostname() -> str:
    """The name of this machine."""
    return socket.gethostname()


def nodename(name: str, hostname: str) -> str:
    """The two parts as one name."""
    return f"{name}@{hostname}"


def nodesplit(name: str) -> tuple[str | None, str]:
    """The two parts; the first is None when there is no ``@``."""
    first, at, host = name.partition("@")
    return (first, host) if at else (None, first)


def anon_nodename(hostname: str | None = None, prefix: str = "gen") -> str:
    """A name for a process that is no worker: ``gen<pid>@<host>``."""
    return nodename(f"{prefix}{os.getpid()}", hostname or gethostname())


def default_nodename(hostname: str | None) -> str:
    """``celery@host`` where a part is missing."""
    name, host = nodesplit(hostname or "")
    return nodename(name or NODENAME_DEFAULT, host or gethostname())


def host_format(pattern: str, host: str | None = None, name: str | None = None) -> str:
    """``%h`` the host, ``%n`` its part before the first dot or `name`, ``%d`` the rest."""
    host = host or gethostname()
    short, _, domain = host.partition(".")
    return _filled(pattern, {"h": host, "n": name or short, "d": domain})


def node_format(pattern: str, name: str, **extra: str) -> str:
    """``%p`` the whole name, ``%n`` its first part, ``%h`` the host, ``%d`` the host's domain."""
    first, host = nodesplit(name)
    domain = host.partition(".")[2]
    parts = {"p": name, "n": first or NODENAME_DEFAULT, "h": host, "d": domain}
    return _filled(pattern, {**parts, **extra})


def worker_direct(hostname: str) -> str:
    """The name of the queue of one worker alone (``worker_direct``)."""
    return f"{hostname}.dq2"


def _filled(pattern: str, parts: dict[str, str]) -> str:
    filled = pattern.replace("%%", "\0")
    for letter, text in parts.items():
        filled = filled.replace(f"%{letter}", text)
    return filled.replace("\0", "%")
