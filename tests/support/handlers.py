"""Handlers at the top level of a module, so that child processes can import them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bullrush.core.clock import now_ms
from bullrush.core.delivery import Delivery
from bullrush.core.errors import (
    DelayedError,
    RateLimitError,
    SoftTimeLimitExceeded,
    WaitingError,
)
from bullrush.core.worker import BatchDelivery, Batching, Pace


def fail_once_to_start() -> None:
    """End the first child that is started by this worker, and no other."""
    flag = Path(tempfile.gettempdir()) / f"bullrush-fail-once-{os.getppid()}"
    try:
        flag.touch(exist_ok=False)
    except FileExistsError:
        flag.unlink()
    else:
        os._exit(7)


def double(delivery: Delivery) -> Any:
    """Twice the data."""
    return delivery.data * 2


class Batched:
    """Does with a batch what `act` does with a job, the name of the first job for all."""

    batching = Batching(10, 0.3)

    def __call__(self, batch: BatchDelivery) -> Any:
        """A list for the names below, else what `act` gives."""
        found = _BATCHES.get(batch.items[0].job.name)
        return (
            act(batch.items[0]) if found is None else [found(each, batch) for each in batch.items]
        )


class BatchedAsync(Batched):
    """The same as a coroutine."""

    async def _answers(self, batch: BatchDelivery) -> Any:
        await asyncio.sleep(0.01)  # A part of the work.
        return Batched.__call__(self, batch)

    def __call__(self, batch: BatchDelivery) -> Any:
        """See `Batched`."""
        return self._answers(batch)

    def is_coroutine(self, delivery: Delivery) -> bool:
        """See `Execution`."""
        return True


class Paced:
    """The same, at most once in `seconds` in the whole worker."""

    def __init__(self, seconds: float) -> None:
        self.pace = Pace(seconds)

    def hold(self, delivery: Delivery) -> float:
        """See `Execution`."""
        return self.pace.wait(delivery.job.id)

    def __call__(self, delivery: Delivery) -> Any:
        """See `double`."""
        return double(delivery)


def pid(delivery: Delivery) -> int:
    """The process that runs it."""
    return os.getpid()


def move(delivery: Delivery) -> Any:
    """Move its job as `data["moves"]` says, one move a run, noting in the data who did it. Node's
    peer has its twin.
    """
    data = delivery.data
    if not data["moves"]:
        return data["by"]
    kind, *moves = data["moves"]
    delivery.update_data({**data, "moves": moves, "by": [*data["by"], "python"]})
    if kind == "delay":
        delivery.move_to_delayed(now_ms() + data["ms"])
        raise DelayedError
    if kind == "wait":
        delivery.move_to_wait()
        raise WaitingError
    delivery.rate_limit(data["ms"])
    raise RateLimitError


async def move_async(delivery: Delivery) -> Any:
    """The same as a coroutine."""
    return move(delivery)


def act(delivery: Delivery) -> Any:
    """Do what the job's name says with its data."""
    return _ACTS[delivery.job.name](delivery)


async def act_async(delivery: Delivery) -> Any:
    """The same as a coroutine."""
    name = delivery.job.name
    if name == "sleep":
        await asyncio.sleep(delivery.data)  # What the job is for.
        return "slept"
    if name == "swallow":
        while True:
            try:
                await asyncio.sleep(delivery.data)  # What the job is for.
            except asyncio.CancelledError:
                continue
    return _ACTS[name](delivery)


def _sleep(delivery: Delivery) -> str:
    time.sleep(delivery.data)  # What the job is for.
    return "slept"


def _spin(delivery: Delivery) -> str:
    """Busy in Python code, so that an exception can arrive in any pool."""
    end = time.monotonic() + delivery.data
    while time.monotonic() < end:
        sum(range(100))
    return "span"


def _clean_up(delivery: Delivery) -> str:
    try:
        return _spin(delivery)
    except SoftTimeLimitExceeded:
        return "cleaned up"


def _swallow(delivery: Delivery) -> str:
    while True:
        try:
            _spin(delivery)
        except SoftTimeLimitExceeded:
            continue


class Odd(Exception):
    """Cannot be pickled."""

    def __init__(self, one: object, two: object) -> None:
        super().__init__(f"{one} {two}")
        self.lock = lambda: None


def _odd(delivery: Delivery) -> None:
    raise Odd(1, 2)


def _interrupt(delivery: Delivery) -> None:
    raise KeyboardInterrupt


def _only_even(delivery: Delivery, batch: BatchDelivery) -> Any:
    return ValueError(f"{delivery.data} is odd") if delivery.data % 2 else delivery.data


_BATCHES: dict[str, Any] = {
    "size": lambda delivery, batch: [delivery.data, len(batch.items)],
    "even": _only_even,
}
_ACTS: dict[str, Any] = {
    "too few": lambda delivery: [],
    "no list": lambda delivery: "text",
    "nothing": lambda delivery: None,
    "pid": pid,
    "double": double,
    "sleep": _sleep,
    "spin": _spin,
    "clean up": _clean_up,
    "swallow": _swallow,
    "exit": lambda delivery: os._exit(delivery.data),
    "sys.exit": lambda delivery: sys.exit(delivery.data),
    "interrupt": _interrupt,
    "kill": lambda delivery: os.kill(os.getpid(), signal.Signals[delivery.data]),
    "kill parent": lambda delivery: os.kill(os.getppid(), signal.SIGKILL),
    "print": lambda delivery: print("x" * delivery.data) or "printed",
    "object": lambda delivery: object(),
    "odd": _odd,
    "grow": lambda delivery: len(bytearray(delivery.data)) and os.getpid(),
}
