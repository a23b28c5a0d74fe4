"""A peer's processes, and what they and Redis use."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import environments
import psutil
from typing_extensions import Self

from bullrush.core.drivers import Driver

HERE = Path(__file__).parent
#: s that a role, and a worker's first job, may take.
PATIENCE = 120.0
FIRST = 15.0


class BenchmarkFailed(Exception):
    """A peer did not do what it was asked to."""


@dataclass(frozen=True)
class Contender:
    """A peer with one setting of its worker, and what it was asked for.

    Args:
        peer: see `environments.PEERS`.
        setting: a name among the peer's settings.
        url: the server.
        folder: for the marks of this turn.
    """

    peer: str
    setting: str
    url: str
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="bench-")))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @cached_property
    def about(self) -> dict[str, Any]:
        """What the peer says of itself."""
        return about(self.peer)

    def ask(self, role: str, **options: Any) -> dict[str, Any]:
        """Play a role to its end.

        Raises:
            BenchmarkFailed: it ended with an error.
        """
        return _answer(environments.command(self.peer, role), self.environment(options))

    def environment(self, options: dict[str, Any]) -> dict[str, str]:
        """Of a process of this peer."""
        setting = self.about["settings"][self.setting]
        told = {"url": self.url, "folder": str(self.folder), "setting": setting, **options}
        return {**os.environ, "BENCH": json.dumps(told)}

    @contextlib.contextmanager
    def worker(self) -> Iterator[WorkerProcess]:
        """A worker that runs meanwhile."""
        process = WorkerProcess(self)
        try:
            yield process
        finally:
            process.stop()


_told: dict[str, dict[str, Any]] = {}


def about(peer: str) -> dict[str, Any]:
    """The peer's answer to `hello`, asked for once."""
    if peer not in _told:
        command = environments.command(peer, "hello")
        environment = {**os.environ, "BENCH": json.dumps({"url": "redis://127.0.0.1:6379/0"})}
        _told[peer] = _answer(command, environment)
    return _told[peer]


def _answer(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """The last line of what a process says, when it ends well."""
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    if ended.returncode:
        raise BenchmarkFailed(f"{' '.join(command[-2:])}: {ended.stderr[-800:]}")
    return dict(json.loads(ended.stdout.splitlines()[-1]))


class WorkerProcess:
    """A worker with its children."""

    def __init__(self, contender: Contender) -> None:
        self._folder = contender.folder
        self._log = (contender.folder / "worker.log").open("wb")
        self.began = time.time()
        self._process = subprocess.Popen(
            environments.command(contender.peer, "worker"),
            env=contender.environment({}),
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self._root = psutil.Process(self._process.pid)

    def wait_first(self) -> float:
        """Until a handler has run; when that was, as `time.time`.

        Raises:
            BenchmarkFailed: none did.
        """
        deadline, mark = time.time() + FIRST, self._folder / "first"
        while time.time() < deadline:
            self.check()
            with contextlib.suppress(FileNotFoundError, ValueError):
                return float(mark.read_text())
            time.sleep(0.002)
        raise BenchmarkFailed(f"no job was started: {self._said()}")

    def check(self) -> None:
        """Raise `BenchmarkFailed` when it has ended."""
        if self._process.poll() is not None:
            raise BenchmarkFailed(f"the worker ended: {self._said()}")

    def cpu(self) -> float:
        """Seconds of CPU of all its processes."""
        total = 0.0
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:2])
        return total

    def memory(self) -> dict[str, float]:
        """MB: `rss` counts shared pages once for each process, `pss` shares them out."""
        rss = pss = 0
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                found = process.memory_full_info()
                rss += found.rss
                pss += getattr(found, "pss", found.uss)
        return {"rss": rss / 2**20, "pss": pss / 2**20, "processes": len(self._tree())}

    def stop(self) -> None:
        """End all of it."""
        for number, patience in ((signal.SIGTERM, 4), (signal.SIGKILL, 4)):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                if self._process.poll() is None:
                    os.killpg(self._process.pid, number)
                    self._process.wait(patience)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._log.close()

    def _tree(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]

    def _said(self) -> str:
        return (self._folder / "worker.log").read_text("utf-8", "replace")[-800:]


class Server:
    """What Redis says of itself."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.version = self._info("server")["redis_version"]

    def clear(self) -> None:
        """An empty database, and counters at 0."""
        self._driver.execute(("FLUSHALL",))
        self._driver.execute(("CONFIG", "RESETSTAT"))

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        found = self._info("cpu")
        return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])

    def commands(self) -> int:
        """How many commands it has run since `clear`, those inside scripts included, without the
        ones of this class.
        """
        own = ("info", "config", "flushall")
        total = 0
        for name, said in self._info("commandstats").items():
            if name.removeprefix("cmdstat_").split("|")[0] not in own:
                total += int(said.split("calls=")[1].split(",")[0])
        return total

    def rest(self, commands: Sequence[Sequence[str]]) -> int:
        """The sum of the replies."""
        return sum(int(self._driver.execute(tuple(command))) for command in commands)

    def _info(self, section: str) -> dict[str, str]:
        lines = self._driver.execute(("INFO", section)).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)
