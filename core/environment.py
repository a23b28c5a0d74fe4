"""What the environment says about Redis. Read when it is asked for, never at import."""

from __future__ import annotations

import logging
from typing import TypeVar
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from .errors import InvalidOption

DEFAULT_URL = "redis://localhost:6379/0"
logger = logging.getLogger(__name__)
S = TypeVar("S", bound=BaseSettings)


class OwnSettings(BaseSettings):
    """``BULLRUSH_*``."""

    model_config = SettingsConfigDict(env_prefix="BULLRUSH_", extra="ignore")
    redis_url: SecretStr | None = None
    prefix: str = "bull"


class QueueRedisSettings(BaseSettings):
    """``QUEUE_REDIS_*``: the parts of a URL, as services beside Node queues usually have them."""

    model_config = SettingsConfigDict(env_prefix="QUEUE_REDIS_", extra="ignore")
    host: str = "127.0.0.1"
    port: int = Field(6379, ge=1, le=65535)
    username: str = ""
    password: SecretStr = SecretStr("")
    db: int = Field(0, ge=0)
    tls: bool = False

    def url(self) -> str | None:
        """The URL they make, or None when none of them is set."""
        if not self.model_fields_set:
            return None
        user, secret = (
            quote(self.username, safe=""),
            quote(self.password.get_secret_value(), safe=""),
        )
        login = f"{user}:{secret}@" if user or secret else ""
        return f"{'rediss' if self.tls else 'redis'}://{login}{self.host}:{self.port}/{self.db}"


class CommonSettings(BaseSettings):
    """``REDIS_URL``."""

    model_config = SettingsConfigDict(extra="ignore")
    redis_url: SecretStr | None = None


def redis_url(explicit: str | None = None, *, configured: str | None = None) -> str:
    """Where Redis is, by the first that says so.

    The order: `explicit` (an argument in code), `configured` (an application's settings),
        ``BULLRUSH_REDIS_URL``,
    ``QUEUE_REDIS_*`` (if any is set), ``REDIS_URL``, redis://localhost:6379/0.

    Raises:
        InvalidOption: a variable has no usable value; names it.
    """
    if explicit:
        return explicit
    if configured:
        return configured
    found = _from_environment()
    if len(set(found.values())) > 1:
        first, *others = found
        logger.warning("%s is used for Redis; %s differs and is not", first, ", ".join(others))
    return next(iter(found.values()), DEFAULT_URL)


def key_prefix(explicit: str | None = None) -> str:
    """The prefix of all keys: `explicit`, else ``BULLRUSH_PREFIX``, else ``bull``."""
    return explicit or str(_read(OwnSettings).prefix)


def _from_environment() -> dict[str, str]:
    own, common = _read(OwnSettings).redis_url, _read(CommonSettings).redis_url
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
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(settings.model_config.get("env_prefix", "")) + str(first["loc"][0])
        raise InvalidOption(
            f"the environment variable {name.upper()} is wrong: {first['msg']}"
        ) from None
