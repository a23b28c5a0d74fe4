"""Whoever publishes events of one's own on a queue, in both colours."""

from __future__ import annotations

from typing_extensions import Self

from .calls import Asynchronous, Blocking
from .drivers import AsyncDriver, Driver, connect, connect_async
from .environment import redis_url
from .keys import DEFAULT_PREFIX, QueueKeys
from .operations.publishing import PublishingOperations


class QueueEventsProducer(PublishingOperations, Blocking):
    """Publishes events on the stream of a queue.

        QueueEventsProducer("emails").publish_event("bounced", {"jobId": "7", "to": "ann"})

    Args:
        name: the queue.
        url, driver, prefix: as `Queue`.

    Raises:
        InvalidQueueName: the name cannot be part of a key.
        InvalidOption: a bad URL.
    """

    driver: Driver

    def __init__(
        self,
        name: str,
        *,
        url: str | None = None,
        driver: Driver | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        self.name = name
        self.keys = QueueKeys(name, prefix)
        self.default_job_options = {}
        self.driver = driver if driver is not None else connect(redis_url(url))
        self._owns_driver = driver is None

    def close(self) -> None:
        """Give the connections back. A shared driver stays open."""
        if self._owns_driver:
            self.driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncQueueEventsProducer(PublishingOperations, Asynchronous):
    """As `QueueEventsProducer`, awaited."""

    driver: AsyncDriver

    def __init__(
        self,
        name: str,
        *,
        url: str | None = None,
        driver: AsyncDriver | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        self.name = name
        self.keys = QueueKeys(name, prefix)
        self.default_job_options = {}
        self.driver = driver if driver is not None else connect_async(redis_url(url))
        self._owns_driver = driver is None

    async def close(self) -> None:
        """Give the connections back. A shared driver stays open."""
        if self._owns_driver:
            await self.driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()
