"""At most so many jobs of one tenant at once, over all workers and queues of a prefix.

BullMQ has no such limit. What counts is the lock of a running job, which ends with the job and with
its worker, so that a slot of a tenant cannot get lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from ..calls import Argument, Call, run
from ..clock import now_ms
from ..delivery import Delivery
from ..errors import InvalidOption
from ..job import Job
from ..keys import LONGEST_ID
from ..scripts import script


class TenantLimit:
    """Its `hold` is the ``hold`` of a handler.

        handler.hold = TenantLimit(2, tenant_in("tenantId")).hold

    Args:
        limit: how many jobs of one tenant run at once.
        tenant_of: whose job it is; None for one of nobody, which is not limited.

    Raises:
        InvalidOption: `limit` is no whole number from 1.
    """

    def __init__(self, limit: int, tenant_of: Callable[[Job], str | None]) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise InvalidOption(f"the limit of a tenant is a whole number from 1, not {limit!r}")
        self.limit, self._tenant_of = limit, tenant_of

    def hold(self, delivery: Delivery) -> float:
        """s until the delivery may ask again; 0: it may start.

        Raises:
            BullrushError: as `Driver.execute`.
        """
        tenant = self._tenant_of(delivery.job)
        if not tenant:
            return 0.0
        return run(delivery.queue.driver, self._take(delivery, tenant)) / 1000

    def _take(self, delivery: Delivery, tenant: str) -> Call[int]:
        keys = delivery.queue.keys
        name = tenant
        if len(tenant) > LONGEST_ID:
            name = hashlib.sha256(tenant.encode()).hexdigest()
        arguments: list[Argument] = [keys.job(delivery.job.id), self.limit, now_ms()]
        return script("take_tenant_slot").call_on(keys.of_tenant(name), arguments, int)


def tenant_in(field: str) -> Callable[[Job], str | None]:
    """What finds the tenant in a field of the data of jobs."""

    def find(job: Job) -> str | None:
        data = job.data
        return named(data.get(field)) if isinstance(data, Mapping) else None

    return find


def named(value: Any) -> str | None:
    """A tenant as text; None for what cannot be one."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value) or None
    return None
