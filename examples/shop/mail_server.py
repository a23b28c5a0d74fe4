"""A real SMTP server on loopback that keeps what it is given."""

from __future__ import annotations

import asyncio
import threading
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.smtp import SMTP
from typing_extensions import Self


class MailServer:
    """A context manager.

    Attributes:
        port: where it listens.
        messages: what has arrived.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            self._loop.create_server(self._protocol, "127.0.0.1", 0)
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail-server")

    def _protocol(self) -> SMTP:
        # A host name is given because looking up one's own can take seconds.
        return SMTP(self, hostname="localhost", loop=self._loop)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Called by aiosmtpd with each message."""
        self.messages.append(message_from_bytes(envelope.content))
        return "250 OK"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        self._loop.close()
