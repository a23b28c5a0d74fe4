"""From a URL to a driver."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis.backoff import NoBackoff

from ..errors import InvalidOption
from .base import AsyncDriver, Driver
from .embedded import embedded_url
from .link import SocketLink
from .memory import memory_driver, memory_driver_async
from .pooled import PooledDriver
from .shared import SharedDriver

SCHEMES = ("redis", "rediss", "unix", "memory", "embedded")
#: s until a server that does not answer counts as gone.
CONNECT_TIMEOUT = 5.0


def connect(url: str, *, timeout: float = 10.0) -> Driver:
    """A blocking driver. Nothing is sent before its first command.

    Args:
        url: ``redis://user:password@host:port/db``, ``rediss://``, ``unix:///path``,
            ``memory://name``, ``embedded://``.
        timeout: s to wait for a reply.

    Raises:
        InvalidOption: a URL of another form.
    """
    scheme = _scheme_of(url)
    if scheme == "memory":
        return memory_driver(_memory_name(url))
    if scheme == "embedded":
        url = embedded_url()
    settings = _settings(timeout, redis.retry.Retry(NoBackoff(), 0))
    pool = _checked(url, lambda: redis.ConnectionPool.from_url(_plain(url), **settings))
    new_connection, location = _maker(pool), redacted(url)

    def open_link(**changes: Any) -> SocketLink:
        return SocketLink(new_connection(**changes), location)

    # Behind TLS a socket may be readable when no reply is there, and a reply when it is not.
    watchable = hasattr(select, "poll") and urlsplit(url).scheme != "rediss"
    driver = PooledDriver(open_link, location, watchable=watchable)
    driver.url = url
    return driver


def connect_async(url: str, *, timeout: float = 10.0) -> AsyncDriver:
    """An asyncio driver. See `connect`."""
    scheme = _scheme_of(url)
    if scheme == "memory":
        return memory_driver_async(_memory_name(url))
    if scheme == "embedded":
        url = embedded_url()
    settings = _settings(timeout, redis.asyncio.retry.Retry(NoBackoff(), 0))
    pool = _checked(url, lambda: redis.asyncio.ConnectionPool.from_url(_plain(url), **settings))
    return SharedDriver(_maker(pool), redacted(url))


def redacted(url: str) -> str:
    """A URL without user, password, query and fragment, for logs and errors."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "an unreadable URL"
    if parts.scheme not in SCHEMES:
        return f"{parts.scheme or 'a URL without scheme'}://..."
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"


def _maker(pool: Any) -> Callable[..., Any]:
    """What makes connections; of the library's pool only the reading of the URL is used."""
    settings = pool.connection_kwargs
    if "path" not in settings:  # a Unix socket has no such option
        settings = {**settings, "socket_keepalive": True}
    return lambda **changes: pool.connection_class(**{**settings, **changes})


def _settings(timeout: float, retry: Any) -> dict[str, Any]:
    """RESP2, so that every server and fakeredis answer in the same shapes; no silent repetition of
    a write.
    """
    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": min(timeout, CONNECT_TIMEOUT),
        "protocol": 2,
        "retry": retry,
        "retry_on_timeout": False,
        "health_check_interval": 0,
        "decode_responses": False,
    }


def _scheme_of(url: str) -> str:
    if not isinstance(url, str):
        raise InvalidOption(f"a Redis URL is text, not {type(url).__name__}")
    scheme = url.split("://", 1)[0] if "://" in url else ""
    if scheme not in SCHEMES:
        raise InvalidOption(
            f"{redacted(url)} is no URL of a known kind; use one of "
            f"{', '.join(f'{each}://' for each in SCHEMES)}, for example redis://localhost:6379/0"
        )
    return scheme


def _plain(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path.strip("/")
    if parts.scheme != "unix" and path and not path.isdigit():
        raise ValueError(f"the database is a number, not {path!r}")
    if parts.port is not None and not 0 < parts.port < 65536:
        raise ValueError(f"the port is a number from 1 to 65535, not {parts.port}")
    return url


def _checked(url: str, make: Any) -> Any:
    try:
        return make()
    except (ValueError, TypeError) as error:
        raise InvalidOption(f"the Redis URL {redacted(url)} cannot be used: {error}") from None


def _memory_name(url: str) -> str:
    return url.split("://", 1)[1].strip("/") or "default"
