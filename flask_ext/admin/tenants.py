"""Whose jobs there are: bounded looks through queues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import Field

from bullrush.core import Queue
from bullrush.tenants import tenant_limit

from ..binding import Binding
from .models import Answer, Query
from .routing import Asked, Routes
from .selection import newest
from .shown import tenant_of

ROUTES = Routes()
_STATES = ("waiting", "prioritized", "delayed", "active", "failed")
#: The states of jobs that wait or run.
_LOAD = ("waiting", "prioritized", "active")


class TenantsQuery(Query):
    """How much is looked at."""

    scan: int = Field(1000, ge=1, le=20_000, description="jobs of each state, at most")


class Tenant(Answer):
    """Whose jobs there are."""

    tenant: str | None = Field(description="null for jobs that say nothing")
    jobs: dict[str, int]
    total: int


class Tenants(Answer):
    """Tenants, the one with the most jobs first."""

    tenants: list[Tenant]
    scanned: int
    complete: bool


class TenantLoad(Tenant):
    """What a tenant has in all queues."""

    queues: dict[str, int]
    share: float = Field(description="of all jobs that wait or run, from 0 to 1")


class AllTenants(Answer):
    """Tenants of all queues, the one with the most jobs first."""

    tenants: list[TenantLoad]
    limit: int | None = Field(description="how many jobs of one tenant run at once; null: any")
    field: str = Field(description="where jobs say whose they are")
    scanned: int
    complete: bool


@ROUTES.get("/admin/queues/<path:queue>/tenants")
def list_tenants(asked: Asked, query: TenantsQuery) -> Tenants:
    """The jobs of a queue by whose they are, where they say so: the field `tenantId` (or what
    EXECUTION_TENANT_FIELD names) of their data, arguments or headers, the header `tenant` of a
    Celery message, or the option `group` of Node.
    """
    seen = _Seen()
    seen.look(asked.binding, asked.queue, _STATES, query.scan)
    rows = [Tenant(tenant=t, jobs=dict(c), total=sum(c.values())) for t, c in seen.found.items()]
    rows.sort(key=lambda row: (-row.total, row.tenant or ""))
    return Tenants(tenants=rows, scanned=seen.scanned, complete=seen.complete)


@ROUTES.get("/admin/tenants")
def list_all_tenants(asked: Asked, query: TenantsQuery) -> AllTenants:
    """The jobs of all queues by whose they are."""
    binding, seen = asked.binding, _Seen()
    for shot in binding.snapshots():
        states = [state for state in _STATES if shot.counts[state]]
        seen.look(binding, binding.look_at(shot.name), states, query.scan)
    load = sum(counts[state] for counts in seen.found.values() for state in _LOAD)
    rows = [
        TenantLoad(
            tenant=tenant,
            jobs=dict(counts),
            total=sum(counts.values()),
            queues=dict(seen.queues[tenant]),
            share=sum(counts[state] for state in _LOAD) / max(load, 1),
        )
        for tenant, counts in seen.found.items()
    ]
    rows.sort(key=lambda row: (-row.total, row.tenant or ""))
    limit = tenant_limit(binding.celery)
    return AllTenants(
        tenants=rows,
        limit=None if limit is None else limit.limit,
        field=binding.tenant_field,
        scanned=seen.scanned,
        complete=seen.complete,
    )


@dataclass
class _Seen:
    """What a look through jobs has found."""

    found: dict[str | None, Counter[str]] = field(default_factory=dict)
    queues: dict[str | None, Counter[str]] = field(default_factory=dict)
    scanned: int = 0
    complete: bool = True

    def look(self, binding: Binding, queue: Queue, states: Iterable[str], most: int) -> None:
        """Count the newest jobs of these states."""
        for state in states:
            jobs = newest(binding, queue, state, most)
            self.scanned += len(jobs)
            self.complete = self.complete and len(jobs) < most
            for job in jobs:
                tenant = tenant_of(job, binding.tenant_field)
                self.found.setdefault(tenant, Counter())[state] += 1
                self.queues.setdefault(tenant, Counter())[queue.name] += 1
