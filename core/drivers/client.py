"""From a URL to redis-py's own client, for code that is not ours."""

from __future__ import annotations

from typing import Any

import redis
from redis.cluster import ClusterNode, RedisCluster
from redis.sentinel import Sentinel

from .addresses import SENTINEL, Many, many, scheme_of
from .embedded import embedded_url
from .memory import memory_client, memory_name

#: Of the pool that reads a URL: what tells one server from another.
_OF_THE_SERVER = ("host", "port", "path")


def open_client(url: str) -> Any:
    """A blocking client of redis-py, with connections of its own. Nothing is sent before its first
    command.

    Args:
        url: as `connect` takes it.

    Raises:
        InvalidOption: a URL of another form.
    """
    scheme = scheme_of(url)
    if scheme == "memory":
        return memory_client(memory_name(url))
    place = many(url)
    if place is not None:
        return _of_many(place)
    return redis.Redis.from_url(embedded_url() if scheme == "embedded" else url)


def _of_many(place: Many) -> Any:
    given = redis.ConnectionPool.from_url(place.one)
    settings = {
        name: value for name, value in given.connection_kwargs.items() if name not in _OF_THE_SERVER
    }
    if issubclass(given.connection_class, redis.SSLConnection):
        settings["ssl"] = True
    if place.kind == SENTINEL:
        tls = {name: value for name, value in settings.items() if name.startswith("ssl")}
        own = {**tls, **place.login}
        sentinels: Any = Sentinel
        return sentinels(list(place.hosts), sentinel_kwargs=own, **settings).master_for(place.name)
    settings.pop("db", None)
    node: Any = ClusterNode
    return RedisCluster(startup_nodes=[node(*each) for each in place.hosts], **settings)
