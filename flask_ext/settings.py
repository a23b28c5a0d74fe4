"""What an application says about its queues in ``app.config``, read once by `init_app`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bullrush.app.old_names import NEW_NAMES
from bullrush.app.outage import POLICIES
from bullrush.app.sources import settings_in
from bullrush.core.environment import key_prefix
from bullrush.core.errors import InvalidOption
from bullrush.core.keys import QueueKeys
from bullrush.core.options import check_choice, check_names
from bullrush.core.thresholds import Thresholds, thresholds_of

from .access.policy import POLICY_KEYS, Policy, policy_of

#: Every key of ``app.config`` that begins with ``BULLRUSH_``.
CONFIG_KEYS = (
    "BULLRUSH_REDIS_URL",
    "BULLRUSH_PREFIX",
    "BULLRUSH_ADMIN_JOB_DATA",
    "BULLRUSH_QUEUE_ALIASES",
    "BULLRUSH_URL_PREFIX",
    "BULLRUSH_THRESHOLDS",
    "BULLRUSH_ON_BROKER_DOWN",
    "BULLRUSH_SPOOL",
    "BULLRUSH_EMBEDDED",
    "BULLRUSH_GET_IN_REQUEST",
    "BULLRUSH_MAX_PAYLOAD_BYTES",
    *POLICY_KEYS,
    "BULLRUSH_DASHBOARD_PATH",
    "BULLRUSH_DASHBOARD_STREAMS",
)


@dataclass(frozen=True)
class Settings:
    """The settings of one application; see `Bullrush.init_app` for the keys they come from.

    Args:
        redis_url: what the application configured; None leaves it to the environment.
        prefix: what every key in Redis starts with.
        policy: who is let in, and what is shown to them.
        show_job_data: whether the admin routes show the data of failed jobs.
        queue_aliases: name in a URL -> name of the queue.
        url_prefix: what the path of every route starts with.
        thresholds: queue -> its limits, see `bullrush.core.thresholds.judge`.
        dashboard_path: what the path of every page of the dashboard starts with, or None.
        dashboard_streams: how many live streams the dashboard may hold open at once.
        embedded: options of the worker in each web process; None: there is none.
        get_in_request: what waiting for a result in a request does: ``warn``, ``raise``, ``allow``.
        celery: the settings of Celery, by their present names.
    """

    redis_url: str | None = field(default=None, repr=False)
    prefix: str = "bull"
    policy: Policy = field(default_factory=Policy)
    show_job_data: bool = True
    queue_aliases: Mapping[str, str] = field(default_factory=dict)
    url_prefix: str = "/api"
    thresholds: Mapping[str, Thresholds | None] = field(default_factory=dict)
    dashboard_path: str | None = "/admin/queues"
    dashboard_streams: int = 3
    celery: Mapping[str, Any] = field(default_factory=dict, repr=False)
    embedded: Mapping[str, Any] | None = None
    get_in_request: str = "warn"


def settings_of(config: Mapping[str, Any]) -> Settings:
    """The settings in ``app.config``. The environment fills in what the application leaves open.

    Raises:
        InvalidOption: an unknown ``BULLRUSH_`` key, or a value of the wrong kind.
        InvalidQueueName: an alias, or a prefix, that cannot be part of a key.
    """
    own = {key: value for key, value in config.items() if key.startswith("BULLRUSH_")}
    check_names(own, CONFIG_KEYS, "setting")
    redis_url = _text(own, "BULLRUSH_REDIS_URL")
    prefix = key_prefix(_text(own, "BULLRUSH_PREFIX"), configured=redis_url)
    return Settings(
        redis_url=redis_url,
        prefix=prefix,
        policy=policy_of(own),
        show_job_data=_flag(own, "BULLRUSH_ADMIN_JOB_DATA", default=True),
        queue_aliases=_aliases(own.get("BULLRUSH_QUEUE_ALIASES"), prefix),
        thresholds=thresholds_of(_mapping("BULLRUSH_THRESHOLDS", own.get("BULLRUSH_THRESHOLDS"))),
        url_prefix=_path(own, "BULLRUSH_URL_PREFIX", "/api"),
        dashboard_path=_dashboard_path(own),
        dashboard_streams=_count(own, "BULLRUSH_DASHBOARD_STREAMS", default=3),
        celery={**_celery(config), **_of_calls(own)},
        embedded=_embedded(own),
        get_in_request=_word(own, "BULLRUSH_GET_IN_REQUEST", ("warn", "raise", "allow")),
    )


def _celery(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of Celery, by their present names: those of ``CELERY_...`` and the like, over
    those of the dict ``CELERY``.
    """
    found = settings_in(_mapping("CELERY", config.get("CELERY")), None)
    for key, value in config.items():
        if key.startswith("CELERY") and key in NEW_NAMES:
            found[NEW_NAMES[key]] = value
        elif key.startswith("CELERY_"):
            found[key.removeprefix("CELERY_").lower()] = value
    return found


def _of_calls(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of Celery that are about calls."""
    found: dict[str, Any] = {}
    if config.get("BULLRUSH_ON_BROKER_DOWN") is not None:
        found["on_broker_down"] = _word(config, "BULLRUSH_ON_BROKER_DOWN", POLICIES)
    if config.get("BULLRUSH_SPOOL") is not None:
        found["spool_path"] = _text(config, "BULLRUSH_SPOOL")
    if config.get("BULLRUSH_MAX_PAYLOAD_BYTES") is not None:
        found["max_payload_bytes"] = _count(config, "BULLRUSH_MAX_PAYLOAD_BYTES", default=0)
    return found


def _embedded(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """``True``, the names of queues, or a dict with options of workers, ``queues`` among them."""
    key = "BULLRUSH_EMBEDDED"
    value = config.get(key)
    if value is None:
        value = os.environ.get(key)
    if value in (None, False, "", "0", "false", "False"):
        return None
    if value in (True, "1", "true", "True"):
        return {}
    if isinstance(value, Mapping):
        return dict(value)
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not all(isinstance(each, str) for each in names):
        raise InvalidOption(f"{key} is True, names of queues or a dict, not {value!r}")
    return {"queues": [name.strip() for name in names]}


def _word(config: Mapping[str, Any], key: str, known: tuple[str, ...]) -> str:
    value = config.get(key, known[0])
    check_choice(value, known, key)
    return str(value)


def _aliases(value: Any, prefix: str) -> dict[str, str]:
    aliases = dict(_mapping("BULLRUSH_QUEUE_ALIASES", value))
    for queue in ("celery", *aliases.values()):  # one at least, for the sake of the prefix
        QueueKeys(queue, prefix)
    return aliases


def _mapping(key: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidOption(f"{key} is a dict, not {type(value).__name__}")
    return value


def _text(config: Mapping[str, Any], key: str) -> str | None:
    value = config.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidOption(f"{key} is text, not {type(value).__name__}")
    return value or None


def _flag(config: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = config.get(key, default)
    if value not in (True, False):  # 1 and 0 are what an environment variable holds
        raise InvalidOption(f"{key} is True or False, not {value!r}")
    return bool(value)


def _path(config: Mapping[str, Any], key: str, default: str) -> str:
    path = (_text(config, key) or default).rstrip("/")
    if path and not path.startswith("/"):
        raise InvalidOption(f"{key} starts with '/', not {path!r}")
    return path


def _dashboard_path(config: Mapping[str, Any]) -> str | None:
    """Where the dashboard is; ``False`` leaves it out."""
    key = "BULLRUSH_DASHBOARD_PATH"
    return None if config.get(key) is False else _path(config, key, "/admin/queues")


def _count(config: Mapping[str, Any], key: str, *, default: int) -> int:
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidOption(f"{key} is a whole number from 0, not {value!r}")
    return value
