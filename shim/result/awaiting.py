"""Waiting for results in coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..exceptions import TimeoutError

if TYPE_CHECKING:
    from .single import AsyncResult

#: s after which Redis is asked again, in case an event was lost.
_LOOK_AGAIN = 2.0


async def until_ready(results: Sequence[AsyncResult], timeout: float | None) -> None:
    """Return when all have ended. The readers of the queues wake the loop; what asks Redis does so
    in a thread.

    Raises:
        TimeoutError: not in time.
    """
    loop = asyncio.get_running_loop()
    open_ones = {id(each): each for each in results if each._cache is None}
    done = asyncio.Event()

    def ended(result: Any) -> None:
        open_ones.pop(id(result), None)
        if not open_ones:
            done.set()

    def listen() -> None:
        for each in list(open_ones.values()):
            each.then(lambda result: loop.call_soon_threadsafe(ended, result))

    async def wait() -> None:
        await asyncio.to_thread(listen)
        while open_ones:
            try:
                await asyncio.wait_for(done.wait(), _LOOK_AGAIN)
            except asyncio.TimeoutError:
                await asyncio.to_thread(_look, list(open_ones.values()))

    try:
        await asyncio.wait_for(wait(), timeout)
    except asyncio.TimeoutError:
        raise TimeoutError("The operation timed out.") from None


def _look(results: Sequence[AsyncResult]) -> None:
    for each in results:
        each.ready()
