"""What an object with operations is in each colour: a driver that is its own, or shared."""

from __future__ import annotations

from typing_extensions import Self

from .calls import Asynchronous, Blocking
from .drivers import AsyncDriver, Driver, connect, connect_async
from .environment import redis_url


class BlockingFace(Blocking):
    """Operations act at once.

    Args:
        url: where Redis is; else what the environment says.
        driver: a connected driver to share; then `url` is not looked at.

    Raises:
        InvalidOption: a bad URL.
    """

    driver: Driver

    def __init__(self, url: str | None, driver: Driver | None) -> None:
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


class AsyncFace(Asynchronous):
    """Operations are awaited. Arguments as `BlockingFace`."""

    driver: AsyncDriver

    def __init__(self, url: str | None, driver: AsyncDriver | None) -> None:
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
