"""What the environment says about Redis and work. Read when it is asked for, never at import."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from annotated_types import Ge, Interval

from .errors import InvalidOption
from .keys import DEFAULT_PREFIX

DEFAULT_URL = "redis://localhost:6379/0"
#: What ``QUEUE_DRIVER=inmemory`` stands for.
MEMORY_URL = "memory://default"
logger = logging.getLogger(__name__)


class Variables(Protocol):
    """Variables that share the beginning of their names: a dataclass, its defaults as when none of
    them is set."""

    env_prefix: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


V = TypeVar("V", bound=Variables)


@dataclass(frozen=True)
class OwnSettings:
    """``BULLRUSH_*``."""

    env_prefix: ClassVar[str] = "BULLRUSH_"
    redis_url: str = field(default="", repr=False)
    prefix: str = DEFAULT_PREFIX


@dataclass(frozen=True)
class QueueRedisSettings:
    """``QUEUE_REDIS_*``: the parts of a URL, as services beside Node queues usually have them."""

    env_prefix: ClassVar[str] = "QUEUE_REDIS_"
    host: str = "127.0.0.1"
    port: Annotated[int, Interval(ge=1, le=65535)] = 6379
    username: str = ""
    password: str = field(default="", repr=False)
    db: Annotated[int, Ge(0)] = 0
    tls: bool = False
    #: The file with the authorities that are trusted, and whether the server must show a
    #: certificate of theirs.
    tls_ca: str = ""
    tls_verify: bool = True

    def url(self) -> str:
        """The URL they make."""
        user, secret = quote(self.username, safe=""), quote(self.password, safe="")
        login = f"{user}:{secret}@" if user or secret else ""
        if not self.tls:
            return f"redis://{login}{self.host}:{self.port}/{self.db}"
        options = {"ssl_ca_certs": self.tls_ca} if self.tls_ca else {}
        if not self.tls_verify:
            options |= {"ssl_cert_reqs": "none", "ssl_check_hostname": "false"}
        query = f"?{urlencode(options)}" if options else ""
        return f"rediss://{login}{self.host}:{self.port}/{self.db}{query}"


@dataclass(frozen=True)
class CommonSettings:
    """``REDIS_*``: a URL, and what the servers behind it are."""

    env_prefix: ClassVar[str] = "REDIS_"
    url: str = field(default="", repr=False)
    sentinel_name: str = ""
    sentinel_username: str = ""
    sentinel_password: str = field(default="", repr=False)
    cluster_mode: bool = False


@dataclass(frozen=True)
class WorkSettings:
    """How much at once, and how often something is told."""

    env_prefix: ClassVar[str] = ""
    queue_driver: Literal["", "bullmq", "redis", "inmemory"] = ""
    queue_metrics_interval_ms: Annotated[int, Ge(1)] = 60_000
    execution_worker_concurrency: Annotated[int, Ge(1)] | None = None
    execution_tenant_concurrency: Annotated[int, Ge(1)] | None = None
    #: Where jobs say whose they are.
    execution_tenant_field: str = "tenantId"


@dataclass(frozen=True)
class Found:
    """A value, and what said it.

    Attributes:
        source: the variable, ``argument``, ``settings`` or ``default``.
        unused: variables that say something else and are not followed.
    """

    value: str = field(repr=False)
    source: str
    unused: tuple[str, ...] = ()


def redis_url(explicit: str | None = None, *, configured: str | None = None) -> str:
    """Where Redis is, by the first that says so; see `find_redis`. Warns when another variable says
    something else.

    Raises:
        InvalidOption: a variable has no usable value; names it.
    """
    found = find_redis(explicit, configured=configured)
    if found.unused:
        _tell_difference(found)
    return found.value


def find_redis(explicit: str | None = None, *, configured: str | None = None) -> Found:
    """Where Redis is, and who says so.

    The order: `explicit` (an argument in code), ``QUEUE_DRIVER=inmemory``, `configured` (an
    application's settings), ``BULLRUSH_REDIS_URL``, ``QUEUE_REDIS_*`` (if any is set),
    ``REDIS_URL``, redis://localhost:6379/0. ``REDIS_SENTINEL_NAME`` and ``REDIS_CLUSTER_MODE`` say
    what the servers of a URL of the environment are, and of any URL with several hosts.

    Raises:
        InvalidOption: a variable has no usable value; names it.
    """
    if explicit:
        return Found(_of_several(explicit), "argument")
    if os.environ.get("QUEUE_DRIVER") and work_settings().queue_driver == "inmemory":
        return Found(MEMORY_URL, "QUEUE_DRIVER")
    if configured:
        return Found(_of_several(configured), "settings")
    found = _from_environment()
    source, url = next(iter(found.items()), ("default", DEFAULT_URL))
    unused = tuple(found)[1:] if len(set(found.values())) > 1 else ()
    return Found(_with_topology(url), source, unused)


def key_prefix(explicit: str | None = None, *, configured: str | None = None) -> str:
    """The prefix of all keys: `explicit`, else ``BULLRUSH_PREFIX``, else ``bull``; on a Cluster in
    braces, so that the keys of a queue lie together.

    Args:
        configured: where Redis is by an application's settings; else the environment says it.

    Raises:
        InvalidOption: a variable has no usable value; names it.
    """
    prefix = explicit or _read(OwnSettings).prefix
    tagged = "{" in prefix and "}" in prefix.partition("{")[2]
    return prefix if tagged or not _is_cluster(configured) else f"{{{prefix}}}"


def work_settings() -> WorkSettings:
    """How much at once, and how often something is told.

    Raises:
        InvalidOption: a variable has no usable value; names it.
    """
    return _read(WorkSettings)


def _is_cluster(configured: str | None) -> bool:
    if configured and "+cluster://" not in configured and "," not in configured:
        return False
    return "+cluster://" in find_redis(configured=configured).value


@cache
def _tell_difference(found: Found) -> None:
    """Once in a process: many ask where Redis is."""
    logger.warning(
        "%s is used for Redis; %s differs and is not", found.source, ", ".join(found.unused)
    )


def _of_several(url: str) -> str:
    """A URL of an argument or of settings: the environment explains it only when it must."""
    parts = url.partition("://")
    several = parts[0] in ("redis", "rediss") and "," in parts[2].split("/")[0].rpartition("@")[2]
    return _with_topology(url) if several else url


def _with_topology(url: str) -> str:
    """The URL with what the variables say that its hosts are."""
    scheme, sign, rest = url.partition("://")
    common = _read(CommonSettings)
    if scheme not in ("redis", "rediss") or not (common.sentinel_name or common.cluster_mode):
        return url
    if common.sentinel_name and common.cluster_mode:
        raise InvalidOption(
            "REDIS_SENTINEL_NAME and REDIS_CLUSTER_MODE exclude each other: unset one of them"
        )
    if common.cluster_mode:
        return f"{scheme}+cluster{sign}{rest}"
    options = {"name": common.sentinel_name}
    if common.sentinel_username:
        options["sentinel_username"] = common.sentinel_username
    if common.sentinel_password:
        options["sentinel_password"] = common.sentinel_password
    joint = "&" if urlsplit(url).query else "?"
    return f"{scheme}+sentinel{sign}{rest}{joint}{urlencode(options)}"


def _from_environment() -> dict[str, str]:
    found = {
        "BULLRUSH_REDIS_URL": _read(OwnSettings).redis_url,
        "QUEUE_REDIS_*": _read(QueueRedisSettings).url() if _given(QueueRedisSettings) else "",
        "REDIS_URL": _read(CommonSettings).url,
    }
    return {name: url for name, url in found.items() if url}


def _given(kind: type[Variables]) -> dict[str, str]:
    """The variables that say something, by field: an empty one says nothing."""
    texts = {each.name: os.environ.get(_variable(kind, each.name), "") for each in fields(kind)}
    return {name: text for name, text in texts.items() if text}


def _read(kind: type[V]) -> V:
    given = _given(kind)
    if all(each.type == "str" for each in fields(kind) if each.name in given):
        return kind(**given)
    # Only for numbers and switches: it takes 10 MB in each process, and half the time of an import.
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - heavy

    try:
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        first: Any = error.errors(include_input=False, include_url=False)[0]
        name = _variable(kind, str(first["loc"][0]))
        raise InvalidOption(f"the environment variable {name} is wrong: {first['msg']}") from None


def _variable(kind: type[Variables], name: str) -> str:
    return (kind.env_prefix + name).upper()
