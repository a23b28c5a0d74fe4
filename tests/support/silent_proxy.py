"""A way to a server that may swallow everything without closing a connection."""

from __future__ import annotations

import contextlib
import socket
import threading

from typing_extensions import Self


class SilentProxy:
    """Hands bytes on in both directions. A context manager.

    Args:
        host, port: where the server is.
    """

    def __init__(self, host: str | None, port: int | None) -> None:
        self._target = (host or "127.0.0.1", port or 6379)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self._open: list[socket.socket] = []
        self._deaf: set[int] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def fall_silent(self) -> None:
        """From now on nothing passes on the connections there are; new ones work."""
        self._deaf |= {id(each) for each in self._open}

    def lose_answers(self) -> None:
        """From now on the server gets what is sent on the connections there are, and its answers
        are lost."""
        self._deaf |= {id(each) for each in self._open[1::2]}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections, and take no new ones."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):  # nobody is at the other end
                each.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for it
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._open += (client, server)
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if id(source) not in self._deaf:
                    sink.sendall(data)
