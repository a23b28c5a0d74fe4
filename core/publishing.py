"""Whoever publishes events of one's own on a queue, in both colours."""

from __future__ import annotations

from .drivers import AsyncDriver, Driver
from .faces import AsyncFace, BlockingFace
from .keys import DEFAULT_PREFIX, QueueKeys
from .operations.publishing import PublishingOperations


class QueueEventsProducer(PublishingOperations, BlockingFace):
    """Publishes events on the stream of a queue.

        QueueEventsProducer("emails").publish_event("bounced", {"jobId": "7", "to": "ann"})

    Args:
        name: the queue.
        url, driver, prefix: as `Queue`.

    Raises:
        InvalidQueueName: the name cannot be part of a key.
        InvalidOption: a bad URL.
    """

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
        super().__init__(url, driver)


class AsyncQueueEventsProducer(PublishingOperations, AsyncFace):
    """As `QueueEventsProducer`, awaited."""

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
        super().__init__(url, driver)
