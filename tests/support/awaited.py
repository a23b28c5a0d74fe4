"""The asyncio face, used like the blocking one."""

from __future__ import annotations

import asyncio
from typing import Any


class Awaited:
    """An asyncio object that is used like a blocking one: every method runs in a loop of another
    thread.
    """

    def __init__(self, target: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._target, self._loop = target, loop

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._target, name)
        if not callable(attribute):
            return attribute

        async def call(*args: Any, **kwargs: Any) -> Any:
            result = attribute(*args, **kwargs)
            return await result if hasattr(result, "__await__") else result

        def wait(*args: Any, **kwargs: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(call(*args, **kwargs), self._loop).result(30)

        return wait
