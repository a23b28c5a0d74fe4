"""A way to the real server that breaks when a test says so."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path
from urllib.parse import urlsplit

from typing_extensions import Self

#: A key and a certificate of nobody, for localhost.
CERTIFICATE = Path(__file__).with_name("localhost.pem")


class Wire:
    """Listens on a port, or a path, of its own and passes everything on.

    Args:
        redis_url: the real server.
        tls: speak TLS with the client.
        path: listen on that Unix socket.
    """

    def __init__(self, redis_url: str, *, tls: bool = False, path: Path | None = None) -> None:
        self._server = (urlsplit(redis_url).hostname or "", urlsplit(redis_url).port or 0)
        self._guard = threading.Lock()
        #: How many bytes of replies still arrive; None: all.
        self._rest: int | None = None
        self._holds = False
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.accepted = 0
        self.reply_bytes = 0
        if path is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
            scheme = "rediss" if tls else "redis"
            self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/0"
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self._listener.listen()
            self.url = f"unix://{path}"
        self._context = None
        if tls:
            self.url += f"?ssl_ca_certs={CERTIFICATE}"
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATE)
        threading.Thread(target=self._accept, daemon=True).start()

    def break_after(self, reply_bytes: int) -> None:
        """Let so many more bytes of replies arrive, then cut that connection."""
        with self._guard:
            self._rest = reply_bytes

    def hold(self) -> None:
        """Replies of the connections that are open now do not arrive any more."""
        with self._guard:
            self._holds = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Close what nobody uses any more: TLS may still write to the number of a socket that was
        closed under it, which is by then another test's.
        """
        _cut(self._listener, *self._ends)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                if self._context is not None:
                    client = self._context.wrap_socket(client, server_side=True)
                server = socket.create_connection(self._server)
                self._ends += [client, server]
                self.accepted += 1
                self._holds = False
                for work in (self._pass_on, self._pass_back):
                    thread = threading.Thread(target=work, args=(client, server), daemon=True)
                    thread.start()
                    self._threads.append(thread)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
        _cut(client, server)

    def _pass_back(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                self.reply_bytes += len(data)
                with self._guard:
                    rest, held = self._rest, self._holds
                    if rest is not None and rest < len(data):
                        self._rest = None
                        client.sendall(data[:rest])
                        break
                    if rest is not None:
                        self._rest = rest - len(data)
                if not held:
                    client.sendall(data)
        _cut(client, server)


def _cut(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
