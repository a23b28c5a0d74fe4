"""What is configured, and what said so. Secrets are never shown."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import current_app
from pydantic import Field

from bullrush.cli.config import rows_of
from bullrush.core.drivers import redacted

from ..access.policy import Policy
from ..binding import Binding
from ..settings import CONFIG_KEYS, Settings
from .models import Answer
from .routing import Asked, Routes
from .shown import redaction_of

ROUTES = Routes()


class Setting(Answer):
    """One value."""

    name: str
    value: str = Field(description="as it may be shown")
    source: str = Field(description="`settings`, the name of a variable, or `default`")
    unused: list[str] = Field(description="variables that say something else")


class Configured(Answer):
    """What counts here."""

    connection: list[Setting] = Field(description="what `bullrush config` says")
    flask: list[Setting] = Field(description="the keys of `app.config`")
    celery: list[Setting] = Field(description="settings of Celery that somebody has set")


@ROUTES.get("/admin/settings")
def show_settings(asked: Asked) -> Configured:
    """What is configured, and what said so. Secrets are not shown."""
    binding = asked.binding
    rows = [row for row in rows_of(binding.celery) if row.name != "admin_token"]
    return Configured(
        connection=[
            Setting(name=row.name, value=str(row.value), source=row.source, unused=list(row.unused))
            for row in rows
        ],
        flask=[_flask(name, value) for name, value in _shown(binding.settings).items()],
        celery=_celery(binding),
    )


def _flask(name: str, value: Any) -> Setting:
    source = "settings" if current_app.config.get(name) is not None else "default"
    if source == "default" and os.environ.get(name):
        source = name
    return Setting(name=name, value=_text(value), source=source, unused=[])


def _celery(binding: Binding) -> list[Setting]:
    redaction = redaction_of(binding)
    table = binding.celery.conf.table(with_defaults=False, censored=True)
    return [
        Setting(name=name, value=_text(redaction({name: value})[name]), source="", unused=[])
        for name, value in sorted(table.items())
        if value is not None
    ]


def _shown(settings: Settings) -> dict[str, Any]:
    """The keys of ``app.config`` and what came of them."""
    policy, conf = settings.policy, settings.celery
    shown: dict[str, Any] = {
        "BULLRUSH_REDIS_URL": redacted(settings.redis_url) if settings.redis_url else None,
        "BULLRUSH_PREFIX": settings.prefix,
        "BULLRUSH_ADMIN_JOB_DATA": settings.show_job_data,
        "BULLRUSH_QUEUE_ALIASES": settings.queue_aliases,
        "BULLRUSH_URL_PREFIX": settings.url_prefix,
        "BULLRUSH_THRESHOLDS": _limits(settings),
        "BULLRUSH_ON_BROKER_DOWN": conf.get("on_broker_down", "raise"),
        "BULLRUSH_SPOOL": conf.get("spool_path"),
        "BULLRUSH_EMBEDDED": settings.embedded,
        "BULLRUSH_GET_IN_REQUEST": settings.get_in_request,
        "BULLRUSH_MAX_PAYLOAD_BYTES": conf.get("max_payload_bytes"),
        "BULLRUSH_DASHBOARD_PATH": settings.dashboard_path,
        "BULLRUSH_DASHBOARD_STREAMS": settings.dashboard_streams,
        **_access(policy),
    }
    return {name: shown[name] for name in CONFIG_KEYS}


def _limits(settings: Settings) -> dict[str, Any]:
    """Queue -> its limits, as they are written in ``app.config``."""
    return {
        name: None if limits is None else asdict(limits)
        for name, limits in settings.thresholds.items()
    }


def _access(policy: Policy) -> dict[str, Any]:
    """Who is let in, without what lets them in."""
    names = [f"{each.name} ({each.role.name.lower()})" for each in policy.tokens]
    is_set = any(each.name == "admin" for each in policy.tokens)
    rules = policy.web_tokens
    return {
        "BULLRUSH_ADMIN_TOKEN": "is set" if is_set else None,
        "BULLRUSH_TOKENS": ", ".join(names) or None,
        "BULLRUSH_JWT": None if rules is None else ", ".join(rules.algorithms),
        "BULLRUSH_REDACT": repr(policy.redaction),
        "BULLRUSH_UI_INSECURE": policy.insecure,
        "BULLRUSH_SESSION_LIFETIME": policy.session_lifetime,
        "BULLRUSH_COOKIE_SECURE": policy.cookie_secure,
        "BULLRUSH_MAX_BODY": policy.max_body,
    }


def _text(value: Any) -> str:
    if value is None or (isinstance(value, (Mapping, list, tuple)) and not value):
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, default=repr, ensure_ascii=False)
