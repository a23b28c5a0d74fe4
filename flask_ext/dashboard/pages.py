"""Path below the dashboard's root -> the view of that page."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.wrappers import Response as AnyResponse

from .audit_page import audit
from .errors_page import errors
from .find_page import find, names
from .flow_page import flow
from .incident_page import incident
from .job_page import job
from .overview_page import overview
from .queue_page import queue
from .redis_page import redis
from .schedulers_page import schedulers
from .settings_page import settings
from .tenants_page import tenants
from .workers_page import workers

VIEWS: dict[str, Callable[[], AnyResponse]] = {
    "/": overview,
    "/queue": queue,
    "/job": job,
    "/flow": flow,
    "/schedulers": schedulers,
    "/workers": workers,
    "/errors": errors,
    "/tenants": tenants,
    "/redis": redis,
    "/settings": settings,
    "/audit": audit,
    "/incident": incident,
    "/find": find,
    "/names": names,
}
