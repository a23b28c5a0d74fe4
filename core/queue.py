"""A queue from the outside: add jobs, look at them, steer them. The operations are in
`core/operations`, defined once for both faces.

    Queue("emails").add("send", {"to": "ann@example.org"})             # blocking, acts at once
    await AsyncQueue("emails").add("send", {"to": "ann@example.org"})  # the same, awaited
"""

from __future__ import annotations

from typing_extensions import Self

from .calls import Asynchronous, Blocking
from .drivers import AsyncDriver, Driver, connect, connect_async
from .environment import redis_url
from .errors import InvalidOption
from .keys import DEFAULT_PREFIX, QueueKeys
from .new_job import new_job
from .operations import QueueOperations
from .options import JobOptions


class Queue(QueueOperations, Blocking):
    """A queue whose operations act at once.

    Args:
        name: the queue's name, without ``:``.
        url: where Redis is; else what the environment says (see `bullrush.core.environment`).
        driver: a connected driver to share; then `url` is not looked at, and `close` leaves it
            open.
        prefix: what every key starts with.
        default_job_options: options of every job that does not say otherwise.

    Raises:
        InvalidQueueName: the name cannot be part of a key.
        InvalidOption: a bad URL, or an unknown default option.
    """

    driver: Driver

    def __init__(
        self,
        name: str,
        *,
        url: str | None = None,
        driver: Driver | None = None,
        prefix: str = DEFAULT_PREFIX,
        default_job_options: JobOptions | None = None,
    ) -> None:
        self.name = name
        self.keys = QueueKeys(name, prefix)
        self.default_job_options = _check_defaults(default_job_options)
        self.driver = driver if driver is not None else connect(redis_url(url))
        self._owns_driver = driver is None

    def __repr__(self) -> str:
        return f"<Queue {self.name!r} at {self.driver.location}>"

    def close(self) -> None:
        """Give the connections back. A shared driver stays open."""
        if self._owns_driver:
            self.driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncQueue(QueueOperations, Asynchronous):
    """A queue whose operations are awaited. Arguments as `Queue`."""

    driver: AsyncDriver

    def __init__(
        self,
        name: str,
        *,
        url: str | None = None,
        driver: AsyncDriver | None = None,
        prefix: str = DEFAULT_PREFIX,
        default_job_options: JobOptions | None = None,
    ) -> None:
        self.name = name
        self.keys = QueueKeys(name, prefix)
        self.default_job_options = _check_defaults(default_job_options)
        self.driver = driver if driver is not None else connect_async(redis_url(url))
        self._owns_driver = driver is None

    def __repr__(self) -> str:
        return f"<AsyncQueue {self.name!r} at {self.driver.location}>"

    async def close(self) -> None:
        """Give the connections back. A shared driver stays open."""
        if self._owns_driver:
            await self.driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


def _check_defaults(options: JobOptions | None) -> JobOptions:
    if not options:
        return {}
    if "job_id" in options:
        raise InvalidOption("job_id cannot be a default of all jobs: an id belongs to one job")
    new_job("defaults", None, options, now=0)
    return options
