"""What the environment says about Redis and work. Read when it is asked for, never at import."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from .errors import InvalidOption
from .keys import DEFAULT_PREFIX

DEFAULT_URL = "redis://localhost:6379/0"
#: What ``QUEUE_DRIVER=inmemory`` stands for.
MEMORY_URL = "memory://default"
logger = logging.getLogger(__name__)
S = TypeVar("S", bound=BaseSettings)


class OwnSettings(BaseSettings):
    """``BULLRUSH_*``."""

    model_config = SettingsConfigDict(env_prefix="BULLRUSH_", extra="ignore", env_ignore_empty=True)
    redis_url: SecretStr | None = None
    prefix: str = DEFAULT_PREFIX


class QueueRedisSettings(BaseSettings):
    """``QUEUE_REDIS_*``: the parts of a URL, as services beside Node queues usually have them."""

    model_config = SettingsConfigDict(
        env_prefix="QUEUE_REDIS_", extra="ignore", env_ignore_empty=True
    )
    host: str = "127.0.0.1"
    port: int = Field(6379, ge=1, le=65535)
    username: str = ""
    password: SecretStr = SecretStr("")
    db: int = Field(0, ge=0)
    tls: bool = False
    #: The file with the authorities that are trusted, and whether the server must show a
    #: certificate of theirs.
    tls_ca: str = ""
    tls_verify: bool = True

    def url(self) -> str | None:
        """The URL they make, or None when none of them is set."""
        if not self.model_fields_set:
            return None
        user, secret = (
            quote(self.username, safe=""),
            quote(self.password.get_secret_value(), safe=""),
        )
        login = f"{user}:{secret}@" if user or secret else ""
        if not self.tls:
            return f"redis://{login}{self.host}:{self.port}/{self.db}"
        options = {"ssl_ca_certs": self.tls_ca} if self.tls_ca else {}
        if not self.tls_verify:
            options |= {"ssl_cert_reqs": "none", "ssl_check_hostname": "false"}
        query = f"?{urlencode(options)}" if options else ""
        return f"rediss://{login}{self.host}:{self.port}/{self.db}{query}"


class CommonSettings(BaseSettings):
    """``REDIS_*``: a URL, and what the servers behind it are."""

    model_config = SettingsConfigDict(env_prefix="REDIS_", extra="ignore", env_ignore_empty=True)
    url: SecretStr | None = None
    sentinel_name: str = ""
    sentinel_username: str = ""
    sentinel_password: SecretStr = SecretStr("")
    cluster_mode: bool = False


class WorkSettings(BaseSettings):
    """How much at once, and how often something is told."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)
    queue_driver: Literal["", "bullmq", "redis", "inmemory"] = ""
    queue_metrics_interval_ms: int = Field(60_000, ge=1)
    execution_worker_concurrency: int | None = Field(None, ge=1)
    execution_tenant_concurrency: int | None = Field(None, ge=1)
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
    if common.sentinel_password.get_secret_value():
        options["sentinel_password"] = common.sentinel_password.get_secret_value()
    joint = "&" if urlsplit(url).query else "?"
    return f"{scheme}+sentinel{sign}{rest}{joint}{urlencode(options)}"


def _from_environment() -> dict[str, str]:
    own, common = _read(OwnSettings).redis_url, _read(CommonSettings).url
    found = {
        "BULLRUSH_REDIS_URL": own.get_secret_value() if own else None,
        "QUEUE_REDIS_*": _read(QueueRedisSettings).url(),
        "REDIS_URL": common.get_secret_value() if common else None,
    }
    return {name: url for name, url in found.items() if url}


def _read(settings: type[S]) -> S:
    try:
        return settings()
    except ValidationError as error:
        first: Any = error.errors(include_input=False, include_url=False)[0]
        name = str(settings.model_config.get("env_prefix", "")) + str(first["loc"][0])
        raise InvalidOption(
            f"the environment variable {name.upper()} is wrong: {first['msg']}"
        ) from None
