"""A queue from the outside: add jobs, look at them, steer them. The operations are in
`core/operations`, defined once for both faces.

    Queue("emails").add("send", {"to": "ann@example.org"})             # blocking, acts at once
    await AsyncQueue("emails").add("send", {"to": "ann@example.org"})  # the same, awaited
"""

from __future__ import annotations

from .drivers import AsyncDriver, Driver
from .errors import InvalidOption
from .faces import AsyncFace, BlockingFace
from .keys import DEFAULT_PREFIX, QueueKeys
from .new_job import new_job
from .operations import QueueOperations
from .options import JobOptions


class Queue(QueueOperations, BlockingFace):
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
        super().__init__(url, driver)

    def __repr__(self) -> str:
        return f"<Queue {self.name!r} at {self.driver.location}>"


class AsyncQueue(QueueOperations, AsyncFace):
    """A queue whose operations are awaited. Arguments as `Queue`."""

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
        super().__init__(url, driver)

    def __repr__(self) -> str:
        return f"<AsyncQueue {self.name!r} at {self.driver.location}>"


def _check_defaults(options: JobOptions | None) -> JobOptions:
    if not options:
        return {}
    if "job_id" in options:
        raise InvalidOption("job_id cannot be a default of all jobs: an id belongs to one job")
    new_job("defaults", None, options, now=0)
    return options
