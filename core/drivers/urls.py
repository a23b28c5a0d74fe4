"""From a URL to a driver."""

from __future__ import annotations

import select
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis.backoff import NoBackoff

from ..errors import InvalidOption
from .addresses import SENTINEL, Many, many, redacted, scheme_of
from .base import AsyncDriver, Driver
from .cluster import ClusterDriver
from .cluster_async import AsyncClusterDriver
from .embedded import embedded_url
from .link import SocketLink
from .link_async import AsyncLink
from .memory import memory_driver, memory_driver_async, memory_name
from .pooled import PooledDriver
from .sentinel import Finder
from .shared import SharedDriver
from .shared import open_link as open_async_link

#: s until a server that does not answer counts as gone.
CONNECT_TIMEOUT = 5.0


def connect(url: str, *, timeout: float = 10.0) -> Driver:
    """A blocking driver. Nothing is sent before its first command.

    Args:
        url: ``redis://user:password@host:port/db``, ``rediss://``, ``unix:///path``,
            ``memory://name``, ``embedded://``; ``redis+sentinel://host,host?name=mymaster``,
            ``redis+cluster://host,host``, and both with ``rediss+``.
        timeout: s to wait for a reply.

    Raises:
        InvalidOption: a URL of another form.
    """
    scheme = scheme_of(url)
    if scheme == "memory":
        return memory_driver(memory_name(url))
    location = redacted(url)
    if scheme == "embedded":
        url = embedded_url()
        location = redacted(url)
    place = many(url)
    one = place.one if place else url
    new_connection = _blocking_maker(one, url, timeout)
    # Behind TLS a socket may be readable when no reply is there, and a reply when it is not.
    watchable = hasattr(select, "poll") and urlsplit(one).scheme != "rediss"

    def open_link(**changes: Any) -> SocketLink:
        return SocketLink(new_connection(**changes), location)

    driver: PooledDriver | ClusterDriver
    if place is None:
        driver = PooledDriver(open_link, location, watchable=watchable)
    elif place.kind == SENTINEL:
        new_sentinel = _blocking_maker(_of_sentinels(place), url, timeout, place.login)
        finder = Finder(place, location, new_sentinel, new_connection)
        driver = PooledDriver(finder.open_link, location, watchable=watchable)
    else:
        driver = ClusterDriver(open_link, place.hosts, location, watchable=watchable)
    driver.url, driver.own_server = url, scheme == "embedded"
    return driver


def connect_async(url: str, *, timeout: float = 10.0) -> AsyncDriver:
    """An asyncio driver. See `connect`."""
    scheme = scheme_of(url)
    if scheme == "memory":
        return memory_driver_async(memory_name(url))
    if scheme == "embedded":
        url = embedded_url()
    location = redacted(url)
    place = many(url)
    new_connection = _asyncio_maker(place.one if place else url, url, timeout)

    def open_link(**changes: Any) -> Awaitable[AsyncLink]:
        return open_async_link(new_connection(**changes), location)

    if place is None:
        return SharedDriver(open_link, location)
    if place.kind == SENTINEL:
        new_sentinel = _asyncio_maker(_of_sentinels(place), url, timeout, place.login)
        finder = Finder(place, location, new_sentinel, new_connection)
        return SharedDriver(finder.open_async_link, location)
    return AsyncClusterDriver(open_link, place.hosts, location)


def _blocking_maker(
    one: str, url: str, timeout: float, login: dict[str, str] | None = None
) -> Callable[..., Any]:
    settings = _settings(timeout, redis.retry.Retry(NoBackoff(), 0))
    pool = _checked(url, lambda: redis.ConnectionPool.from_url(_plain(one), **settings))
    return _maker(pool, login)


def _asyncio_maker(
    one: str, url: str, timeout: float, login: dict[str, str] | None = None
) -> Callable[..., Any]:
    settings = _settings(timeout, redis.asyncio.retry.Retry(NoBackoff(), 0))
    pool = _checked(url, lambda: redis.asyncio.ConnectionPool.from_url(_plain(one), **settings))
    return _maker(pool, login)


def _of_sentinels(place: Many) -> str:
    """What is needed to connect to a sentinel: it has its own login, and no database."""
    parts = urlsplit(place.one)
    hosts = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=hosts, path="").geturl()


def _maker(pool: Any, login: dict[str, str] | None = None) -> Callable[..., Any]:
    """What makes connections; of the library's pool only the reading of the URL is used."""
    settings = {**pool.connection_kwargs, **(login or {})}
    if "path" not in settings:  # a Unix socket has no such option
        settings["socket_keepalive"] = True
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
