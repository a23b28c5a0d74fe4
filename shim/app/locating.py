"""Where Redis is, of everything that Celery's settings can say about it."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bullrush.core.drivers import SCHEMES, Driver, connect, redacted
from bullrush.core.environment import redis_url
from bullrush.core.errors import ConnectionFailed
from bullrush.exceptions import ImproperlyConfigured

from .settings import Settings

logger = logging.getLogger("bullrush.app.locating")
#: Other names for the same.
_ALIASES = {
    "redis+socket": "unix",
    "socket": "unix",
    "valkey": "redis",
    "valkeys": "rediss",
    "sentinel": "redis+sentinel",
}
#: Transport options that are parts of a URL here.
_IN_THE_URL = ("socket_timeout", "socket_connect_timeout")
#: Transport options that need nothing here, or are read elsewhere.
_MET = frozenset(
    {
        "global_keyprefix",
        "visibility_timeout",
        "health_check_interval",
        "socket_keepalive",
        "max_connections",
        "retry_on_timeout",
        "queue_order_strategy",
        "priority_steps",
        "sep",
        "client_name",
        "fanout_prefix",
        "fanout_patterns",
        "polling_interval",
    }
)


def broker_location(conf: Settings) -> str:
    """The URL of Redis; of several, the first.

    Raises:
        ImproperlyConfigured: it is that of another broker, or reading and writing have two.
    """
    return locations(conf)[0]


def locations(conf: Settings) -> list[str]:
    """The URLs of Redis, in the order in which they are tried.

    Raises:
        ImproperlyConfigured: one is that of another broker, or reading and writing have two.
    """
    # As in Celery, what is not set is broker_url, and what is set comes before it.
    read, write = (
        each or conf.broker_url for each in (conf.broker_read_url, conf.broker_write_url)
    )
    if read and write and read != write:
        raise ImproperlyConfigured(
            "broker_read_url and broker_write_url differ, or one of them and broker_url; jobs are "
            "read where they are written, so give one broker_url"
        )
    configured = read or write or _of_parts(conf)
    found = [_url(each, conf) for each in _together(_listed(configured))]
    return [redis_url(configured=each) for each in found] or [redis_url()]


def open_driver(conf: Settings) -> Driver:
    """Connections to Redis; of several URLs, the first that answers."""
    urls = locations(conf)
    if len(urls) == 1:
        return connect(urls[0])
    if conf.broker_failover_strategy == "shuffle":
        random.shuffle(urls)
    for url in urls:
        driver = connect(url)
        try:
            driver.execute(("PING",))
            return driver
        except ConnectionFailed:
            logger.warning("%s does not answer", redacted(url))
            driver.close()
    return connect(urls[0])


def key_prefix_of(conf: Settings) -> str | None:
    """What the settings say that every key begins with; None leaves it to the environment."""
    options = conf.broker_transport_options or {}
    return conf.bullrush_prefix or (
        f"{options['global_keyprefix']}bull" if options.get("global_keyprefix") else None
    )


def _listed(configured: Any) -> Iterator[str]:
    for each in configured if isinstance(configured, (list, tuple)) else [configured]:
        yield from (part for part in str(each or "").split(";") if part)


def _together(urls: Iterator[str]) -> Iterator[str]:
    """Sentinels are one place, in however many URLs Celery has them."""
    sentinels: list[str] = []
    for url in urls:
        scheme, _, rest = url.partition("://")
        if scheme == "sentinel":
            sentinels.append(rest)
        else:
            yield url
    if sentinels:
        hosts = [rest.partition("/")[0].rpartition("@")[2] for rest in sentinels]
        login, at, last = sentinels[-1].rpartition("@")
        yield f"sentinel://{login}{at}{','.join(hosts)}/{last.partition('/')[2]}"


def _url(url: str, conf: Settings) -> str:
    scheme, sign, rest = url.partition("://")
    if not sign:
        scheme, rest = url, ""
    scheme = _ALIASES.get(scheme, scheme)
    if scheme not in SCHEMES:
        raise ImproperlyConfigured(
            f"broker_url: {scheme or 'that'}:// is another broker; the queues are in Redis, so "
            "give a URL such as redis://localhost:6379/0"
        )
    if conf.broker_use_ssl and scheme.partition("+")[0] == "redis":
        scheme = f"rediss{scheme[5:]}"
    rest = rest or ("default" if scheme == "memory" else "localhost")
    return _with_options(f"{scheme}://{rest}", conf)


def _with_options(url: str, conf: Settings) -> str:
    options = conf.broker_transport_options or {}
    if not isinstance(options, Mapping):
        raise ImproperlyConfigured(f"broker_transport_options is a dict, not {options!r}")
    for name in sorted(options.keys() - _MET - set(_IN_THE_URL)):
        logger.warning("broker_transport_options: %s has no effect here", name)
    if not url.startswith("redis"):
        return url
    given = {name: options[name] for name in _IN_THE_URL if options.get(name) is not None}
    if conf.value_set_for("broker_connection_timeout") and conf.broker_connection_timeout:
        given.setdefault("socket_connect_timeout", conf.broker_connection_timeout)
    if "+sentinel://" in url:
        given.update(_of_sentinels(options))
    if isinstance(conf.broker_use_ssl, Mapping):
        given.update({name: _word(value) for name, value in conf.broker_use_ssl.items()})
    if not given:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(given)}"


def _of_sentinels(options: Mapping[str, Any]) -> dict[str, str]:
    login = options.get("sentinel_kwargs") or {}
    named = {"name": options.get("master_name")}
    named |= {f"sentinel_{each}": login.get(each) for each in ("username", "password")}
    return {name: str(value) for name, value in named.items() if value}


def _word(value: Any) -> Any:
    """A constant of the module ssl as redis-py's URLs spell it."""
    name = getattr(value, "name", "")
    return name.removeprefix("CERT_").lower() if name.startswith("CERT_") else value


def _of_parts(conf: Settings) -> str | None:
    """The URL that ``broker_host`` and the like make."""
    transport, host, port = conf.broker_transport, conf.broker_host, conf.broker_port
    if not (transport or host or port):
        return None
    user, password = conf.broker_user or "", conf.broker_password or ""
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user or password else ""
    place = f"{host or 'localhost'}{f':{port}' if port else ''}"
    return f"{transport or 'redis'}://{login}{place}/{str(conf.broker_vhost or 0).strip('/')}"
