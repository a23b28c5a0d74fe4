"""Calls: what to send and how to read the reply, without a socket. One definition serves both
faces.

An operation is a method that returns a `Call` (one command), a `Batch` (several in one round trip),
or a generator of them when the next one depends on the last reply. `operation` and `procedure` turn
it into a method that acts at once on a `Blocking` object and returns an awaitable on an
`Asynchronous` one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial, update_wrapper
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeAlias, TypeVar, overload

from typing_extensions import Self

from .errors import BullrushError, ServerError

T = TypeVar("T")
P = ParamSpec("P")
Q = TypeVar("Q")

Argument: TypeAlias = str | bytes | int | float
Command: TypeAlias = Sequence[Argument]


class Sender(Protocol):
    """What a call needs of a driver."""

    def execute(self, command: Command) -> Any: ...
    def execute_many(self, commands: Sequence[Command]) -> list[Any]: ...


class Reply(Protocol):
    """A reply that is on its way."""

    def wait(self) -> Any: ...


class EarlySender(Sender, Protocol):
    """A sender that need not wait."""

    def begin(self, command: Command) -> Reply: ...


class AsyncSender(Protocol):
    """What a call needs of an asyncio driver."""

    async def execute(self, command: Command) -> Any: ...
    async def execute_many(self, commands: Sequence[Command]) -> list[Any]: ...


@dataclass(slots=True)
class Call(Generic[T]):
    """One command. `full` is sent instead when the server does not know the script of `command`."""

    command: Command
    read: Callable[[Any], T]
    full: Command | None = None


@dataclass(frozen=True)
class Batch(Generic[T]):
    """Several calls in one round trip; `read` gets their results. The first error is raised, the
    others have happened.
    """

    calls: Sequence[Call[Any]]
    read: Callable[[list[Any]], T]


Steps: TypeAlias = Generator["Call[Any] | Batch[Any]", Any, T]


class Blocking:
    """Base of objects whose operations act at once."""

    driver: Sender


class Asynchronous:
    """Base of objects whose operations return awaitables."""

    driver: AsyncSender


def run(driver: Sender, call: Call[T] | Batch[T]) -> T:
    """Send a call and read its reply."""
    if isinstance(call, Batch):
        replies = driver.execute_many(_commands(call))
        for position, full in _unknown_scripts(call, replies):
            replies[position] = driver.execute(full)
        return _read_batch(call, replies)
    try:
        reply = driver.execute(call.command)
    except ServerError as error:
        if call.full is None or error.kind != "NOSCRIPT":
            raise
        reply = driver.execute(call.full)
    return call.read(reply)


def begin(driver: EarlySender, call: Call[T]) -> Callable[[], T]:
    """Send a call without waiting; what is returned waits for the reply and reads it."""
    pending = driver.begin(call.command)

    def end() -> T:
        try:
            reply = pending.wait()
        except ServerError as error:
            if call.full is None or error.kind != "NOSCRIPT":
                raise
            reply = driver.execute(call.full)
        return call.read(reply)

    return end


async def run_async(driver: AsyncSender, call: Call[T] | Batch[T]) -> T:
    """Send a call and read its reply."""
    if isinstance(call, Batch):
        replies = await driver.execute_many(_commands(call))
        for position, full in _unknown_scripts(call, replies):
            replies[position] = await driver.execute(full)
        return _read_batch(call, replies)
    try:
        reply = await driver.execute(call.command)
    except ServerError as error:
        if call.full is None or error.kind != "NOSCRIPT":
            raise
        reply = await driver.execute(call.full)
    return call.read(reply)


def _commands(call: Batch[Any]) -> list[Command]:
    return [each.command for each in call.calls]


def _unknown_scripts(call: Batch[Any], replies: list[Any]) -> list[tuple[int, Command]]:
    return [
        (position, each.full)
        for position, (each, reply) in enumerate(zip(call.calls, replies, strict=True))
        if each.full is not None and isinstance(reply, ServerError) and reply.kind == "NOSCRIPT"
    ]


def _read_batch(call: Batch[T], replies: list[Any]) -> T:
    for reply in replies:
        if isinstance(reply, BullrushError):
            raise reply
    return call.read([each.read(reply) for each, reply in zip(call.calls, replies, strict=True)])


def run_steps(driver: Sender, steps: Steps[T]) -> T:
    """Run calls one after the other, giving each reply, or its error, back to the generator."""
    resume: Callable[[], Call[Any] | Batch[Any]] = partial(next, steps)
    while True:
        try:
            call = resume()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        try:
            resume = partial(steps.send, run(driver, call))
        except BullrushError as error:
            resume = partial(steps.throw, error)


async def run_steps_async(driver: AsyncSender, steps: Steps[T]) -> T:
    """Run calls one after the other, giving each reply, or its error, back to the generator."""
    resume: Callable[[], Call[Any] | Batch[Any]] = partial(next, steps)
    while True:
        try:
            call = resume()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        try:
            resume = partial(steps.send, await run_async(driver, call))
        except BullrushError as error:
            resume = partial(steps.throw, error)


class _Coloured(Generic[Q, P, T]):
    """A method in both colours; the object it is asked of has one of them."""

    def __init__(
        self,
        build: Callable[..., Any],
        at_once: Callable[..., Any],
        awaited: Callable[..., Awaitable[Any]],
    ) -> None:
        self.build = build
        self._at_once = update_wrapper(at_once, build)
        self._awaited = update_wrapper(awaited, build)
        update_wrapper(self, build)  # type: ignore[arg-type]

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Blocking, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, instance: Asynchronous, owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        at_once = isinstance(instance, Blocking)
        return MethodType(self._at_once if at_once else self._awaited, instance)


class operation(_Coloured[Q, P, T]):
    """Turn a method that builds a call into one that runs it, in the colour of its object."""

    def __init__(self, build: Callable[Concatenate[Q, P], Call[T] | Batch[T]]) -> None:
        def at_once(instance: Any, *args: P.args, **kwargs: P.kwargs) -> T:
            return run(instance.driver, build(instance, *args, **kwargs))

        async def awaited(instance: Any, *args: P.args, **kwargs: P.kwargs) -> T:
            return await run_async(instance.driver, build(instance, *args, **kwargs))

        super().__init__(build, at_once, awaited)


class procedure(_Coloured[Q, P, T]):
    """As `operation`, for a method that yields several calls one after the other."""

    def __init__(self, build: Callable[Concatenate[Q, P], Steps[T]]) -> None:
        def at_once(instance: Any, *args: P.args, **kwargs: P.kwargs) -> T:
            return run_steps(instance.driver, build(instance, *args, **kwargs))

        async def awaited(instance: Any, *args: P.args, **kwargs: P.kwargs) -> T:
            return await run_steps_async(instance.driver, build(instance, *args, **kwargs))

        super().__init__(build, at_once, awaited)
