"""One connection of one event loop, for all its tasks: replies come in the order of the commands,
so many may be on their way. redis-py opens it, then its transport is ours.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from typing import Any

from ..calls import Command
from ..errors import ConnectionFailed
from .link import MORE, SEND_SIZE, new_reader, packed


class _Expected:
    """What some task waits for."""

    __slots__ = ("answer", "count", "replies", "since")

    def __init__(self, answer: asyncio.Future[Any], count: int, since: float) -> None:
        self.answer = answer
        self.count = count
        self.replies: list[Any] = []
        self.since = since


class AsyncLink(asyncio.Protocol):
    """An open connection. It is of no more use once `closed` is set.

    Args:
        location: where it leads, without secrets.
        timeout: s until a reply is there, or None.
    """

    def __init__(self, location: str, timeout: float | None) -> None:
        self.closed = False
        self._location = location
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._owner = os.getpid()
        self._reader = new_reader(location)
        self._expected: deque[_Expected] = deque()
        self._watch: asyncio.TimerHandle | None = None

    async def open(self, connection: Any) -> AsyncLink:
        """Open redis-py's connection and take it over.

        Raises:
            RedisError, OSError: it could not be opened.
        """
        await connection.connect()
        self._connection = connection  # its parts close the transport when they are collected
        self._transport = connection._writer.transport
        self._former = self._transport.get_protocol()
        self._transport.set_protocol(self)
        return self

    def usable(self) -> bool:
        """Whether it is open, and not one of the parent process."""
        return not self.closed and self._owner == os.getpid()

    async def execute(self, command: Command) -> Any:
        """Send a command and wait for its reply. An error of the server is returned."""
        data = packed(command)
        expected = self._expect(1)
        self._transport.write(data)
        return (await expected.answer)[0]

    async def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """Send all commands, one after the other, and wait for all replies."""
        pieces = [packed(command) for command in commands]
        expected = self._expect(len(pieces))
        chunk, size = [], 0
        for piece in pieces:
            chunk.append(piece)
            size += len(piece)
            if size >= SEND_SIZE:
                self._transport.write(b"".join(chunk))
                chunk, size = [], 0
        self._transport.write(b"".join(chunk))
        return list(await expected.answer)

    def close(self, reason: str = "it was closed") -> None:
        """Close it; whoever waits for a reply gets an error. A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()
        self._connection._reader = self._connection._writer = None
        while self._expected:
            answer = self._expected.popleft().answer
            if not answer.done():
                answer.set_exception(
                    ConnectionFailed(f"Redis at {self._location} did not answer: {reason}")
                )

    def data_received(self, data: bytes) -> None:
        """Give replies to those who wait for them."""
        reader = self._reader
        reader.feed(data)
        while (reply := reader.gets()) is not MORE:
            if not self._expected:
                self.close("it said what nobody asked for")
                return
            first = self._expected[0]
            first.replies.append(reply)
            if len(first.replies) == first.count:
                self._expected.popleft()
                if not first.answer.done():  # a cancelled task left its reply to nobody
                    first.answer.set_result(first.replies)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server, or the network, ended it."""
        self._former.connection_lost(exc)
        self.close(str(exc) if exc else "it closed the connection")

    def _expect(self, count: int) -> _Expected:
        now = self._loop.time()
        expected = _Expected(self._loop.create_future(), count, now)
        self._expected.append(expected)
        if self._watch is None and self._timeout is not None:
            self._watch = self._loop.call_later(self._timeout, self._check_oldest)
        return expected

    def _check_oldest(self) -> None:
        """One timer for all: it is set anew for whoever waits longest by now."""
        self._watch = None
        if not self._expected or self._timeout is None:
            return
        due = self._expected[0].since + self._timeout
        if due <= self._loop.time():
            self.close("the time is up")
        else:
            self._watch = self._loop.call_at(due, self._check_oldest)
