"""Whether a browser sent a request from a page of this application."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from flask import Request

#: Methods that change nothing.
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_PORTS = {"http": 80, "https": 443}


def is_own_change(request: Request) -> bool:
    """Whether a change is not known to come from another site.

    Browsers say so in ``Sec-Fetch-Site``, which no page can forge; older ones in ``Origin``.
    Programs send neither: for them, the CSRF token alone decides.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is None or _place(origin) == _place(request.host_url)


def is_own_read(request: Request) -> bool:
    """Whether a read is none that another site's page makes in the background."""
    if request.headers.get("Sec-Fetch-Site") != "cross-site":
        return True
    return request.headers.get("Sec-Fetch-Mode") == "navigate"


def has_local_host(request: Request) -> bool:
    """Whether the request names this host by an address, or by a name without dots.

    A page of another site can let its own name point to this host, and would then count as a page
    of this application.
    """
    name = urlsplit(request.host_url).hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(".localhost")
    return True


def _place(url: str) -> tuple[str, int | None] | None:
    """Host and port. Not the scheme: a proxy in front may have taken https away."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    standard = port is None or port in _PORTS.values()
    return parts.hostname.lower(), None if standard else port
