"""``bullrush_tenant_concurrency``: at most so many tasks of one tenant at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bullrush.core.environment import work_settings
from bullrush.core.job import Job
from bullrush.core.worker.tenants import TenantLimit, named

if TYPE_CHECKING:
    from .app.base import Celery


def tenant_limit(app: Celery) -> TenantLimit | None:
    """The limit of an application's tenants, by its settings or the environment; None: there is
    none.

    Raises:
        InvalidOption: it is no whole number from 1.
    """
    settings = work_settings()
    limit = app.conf.bullrush_tenant_concurrency or settings.execution_tenant_concurrency
    if limit is None:
        return None
    return TenantLimit(limit, tenant_of(tenant_field(app)))


def tenant_field(app: Celery) -> str:
    """Where calls say whose they are, by an application's settings or the environment."""
    return app.conf.bullrush_tenant_field or work_settings().execution_tenant_field


def tenant_of(field: str) -> Callable[[Job], str | None]:
    """What finds the tenant of a call: in its headers, in its keyword arguments, or, of a job of
    another language, in its data.
    """

    def find(job: Job) -> str | None:
        for place in _places(job.data):
            found = named(place.get(field)) if isinstance(place, Mapping) else None
            if found:
                return found
        return None

    return find


def _places(data: Any) -> list[Any]:
    if not isinstance(data, Mapping):
        return []
    message = data.get("celery")
    headers = message.get("headers") if isinstance(message, Mapping) else None
    return [headers, data.get("kwargs"), data]
