"""One connection to a server. redis-py opens it (address, TLS, login, database); from then on we
talk on its socket ourselves, because its layer for a command costs more than the command.
"""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import hiredis

from ..calls import Command
from ..errors import ServerError
from .faults import reply_error

#: Bytes taken from the socket at once.
READ_SIZE: Final = 65536
#: Commands are gathered up to so many bytes before they are sent.
SEND_SIZE: Final = 32768
#: What a reader gives while a reply is not complete.
MORE: Final = object()


#: Another object in a forked child; asking for the process id would be a system call.
_process = object()


def _forked() -> None:
    global _process
    _process = object()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_forked)


class Link(Protocol):
    """A connection in the hands of one thread at a time. After any exception it must be closed:
    half a reply may be left, which must not meet the next command.
    """

    def usable(self) -> bool:
        """Whether nothing happened to it while nobody looked."""

    def execute(self, command: Command) -> Any:
        """Send a command and read its reply. An error of the server is returned, not raised."""

    def send(self, command: Command) -> None:
        """Send a command; `receive` reads its reply."""

    def send_many(self, commands: Sequence[Command]) -> None:
        """Send commands; `receive` reads the reply of one."""

    def receive(self) -> Any:
        """Read the reply of the command that was sent."""

    def fileno(self) -> int:
        """What becomes readable with a reply."""

    def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """Send all commands, then read all replies."""

    def close(self) -> None:
        """Close it, from any thread; whoever waits for a reply gets an error."""


class SocketLink:
    """See `Link`.

    Args:
        connection: redis-py's, not yet connected.
        location: where it leads, without secrets.

    Raises:
        RedisError, OSError: it could not be opened.
    """

    def __init__(self, connection: Any, location: str) -> None:
        connection.connect()
        self._connection = connection
        self._process = _process
        self._reader = new_reader(location)
        opened = connection._sock
        _bound_waits(opened, connection.socket_timeout)
        self._send, self._receive_into = opened.sendall, opened.recv_into
        self._fileno = opened.fileno
        self._buffer = bytearray(READ_SIZE)
        self._arrived = _watch(opened)

    def usable(self) -> bool:
        """See `Link.usable`. What can be read although nothing was asked is the end of the
        connection; one of the parent process must be left to it.
        """
        return self._process is _process and not self._arrived(0)

    def execute(self, command: Command) -> Any:
        """See `Link.execute`."""
        self._send(packed(command))
        return self._next_reply()

    def send(self, command: Command) -> None:
        """See `Link.send`."""
        self._send(packed(command))

    def receive(self) -> Any:
        """See `Link.receive`."""
        return self._next_reply()

    def fileno(self) -> int:
        """See `Link.fileno`."""
        return int(self._fileno())

    def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """See `Link.execute_many`."""
        self.send_many(commands)
        return [self._next_reply() for _ in commands]

    def send_many(self, commands: Sequence[Command]) -> None:
        """See `Link.send_many`. The server works on the first commands while the last ones are
        packed.
        """
        pieces, size = [], 0
        for command in commands:
            piece = packed(command)
            pieces.append(piece)
            size += len(piece)
            if size >= SEND_SIZE:
                self._send(b"".join(pieces))
                pieces, size = [], 0
        self._send(b"".join(pieces))

    def close(self) -> None:
        """See `Link.close`."""
        self._connection.disconnect()

    def _next_reply(self) -> Any:
        reader = self._reader
        while (reply := reader.gets()) is MORE:
            count = self._receive_into(self._buffer)
            if not count:
                raise ConnectionResetError("it closed the connection")
            reader.feed(self._buffer, 0, count)
        return reply


def new_reader(location: str) -> Any:
    """A parser of replies: bytes, int, list or None; an error is an exception among them."""
    return hiredis.Reader(
        replyError=lambda text: reply_error(text, location), errors="replace", notEnoughData=MORE
    )


def packed(command: Command) -> bytes:
    """A command as it is sent.

    Raises:
        ServerError: an argument that is no text, bytes or number, of the kind ARGUMENT.
    """
    try:
        data: bytes = hiredis.pack_command(tuple(command))  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ServerError(f"ARGUMENT {error}") from None
    return data


def _bound_waits(opened: Any, timeout: float | None) -> None:
    """Let the kernel bound a wait: Python's own bound costs a system call more per read and write.
    A TLS socket, and one of another library, keeps Python's.
    """
    plain = type(opened) is socket.socket and socket.socket.__module__ == "socket"
    if timeout is None or not plain or os.name != "posix" or struct.calcsize("l") != 8:
        return
    bound = struct.pack("ll", int(timeout), int(timeout % 1 * 1_000_000))
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bound)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, bound)
    opened.settimeout(None)


def _watch(opened: Any) -> Callable[[int], Any]:
    """A function that says whether there is something to read, without waiting."""
    if not hasattr(select, "poll"):  # Windows
        return lambda timeout: select.select([opened], [], [], timeout)[0]
    poll = select.poll()
    poll.register(opened, select.POLLIN)
    return poll.poll
