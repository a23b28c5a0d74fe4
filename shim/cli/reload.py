"""``bullrush worker --reload``: a worker that starts anew when its code changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import click

from bullrush.core.errors import InvalidOption

#: ms in which changes are taken together.
DEBOUNCE_MS = 200
#: ms between two looks whether the worker still runs.
LOOK_MS = 1000


def own_command() -> list[str]:
    """This command without ``--reload``."""
    arguments = [each for each in sys.argv[1:] if each != "--reload"]
    return [sys.executable, "-m", "bullrush", *arguments]


def project_folders() -> list[Path]:
    """Where the imported modules are that belong neither to Python nor to an installed library."""
    foreign = {Path(path).resolve() for path in sysconfig.get_paths().values()}
    foreign.add(Path(__file__).resolve().parents[1])
    found: set[Path] = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file is None:
            continue
        folder = Path(file).resolve().parent
        if not any(path in (folder, *folder.parents) for path in foreign):
            found.add(folder)
    return sorted(each for each in found if not any(above in found for above in each.parents))


def run_with_reload(command: Sequence[str], folders: Sequence[Path]) -> int:
    """Run a command, and again when a Python file in the folders changes; it gets SIGTERM before
    and may end its jobs. Returns its exit code after SIGTERM or SIGINT.

    Raises:
        InvalidOption: the library that watches files is not installed, or there is nothing to
            watch.
    """
    try:
        import watchfiles  # noqa: PLC0415 - an extra
    except ImportError:
        raise InvalidOption(
            '--reload needs the library watchfiles: pip install "bullrush[reload]"'
        ) from None
    if not folders:
        raise InvalidOption("--reload: no module of a project is imported; name it with -A")
    kept = _Kept(command)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, kept.pass_on)
    kept.start()
    changes = watchfiles.watch(
        *folders,
        watch_filter=watchfiles.PythonFilter(),
        debounce=DEBOUNCE_MS,
        stop_event=kept.stopped,
        rust_timeout=LOOK_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    for changed in changes:
        if changed:
            name = Path(min(path for _, path in changed)).name
            click.echo(f"{name} has changed: starting anew when running tasks have ended", err=True)
            kept.restart()
        else:
            kept.look()
    return kept.wait()


class _Kept:
    """The process that is kept running."""

    def __init__(self, command: Sequence[str]) -> None:
        self.stopped = threading.Event()
        # Two edits in one second may leave a file of the same size and time, which Python's cache
        # of compiled code takes for unchanged.
        self._environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        self._command = list(command)
        self._process: subprocess.Popen[Any] | None = None
        self._told = False

    def start(self) -> None:
        if not self.stopped.is_set():
            self._told = False
            self._process = subprocess.Popen(self._command, env=self._environment)

    def restart(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        self.wait()
        self.start()

    def look(self) -> None:
        """Say once that it has ended by itself."""
        code = None if self._process is None else self._process.poll()
        if code is not None and not self._told and not self.stopped.is_set():
            self._told = True
            click.echo(f"the worker has ended ({code}); it starts after the next change", err=True)

    def wait(self) -> int:
        return 0 if self._process is None else self._process.wait()

    def pass_on(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-C in a terminal reaches the process itself; everything else is passed on."""
        self.stopped.set()
        by_terminal = number == signal.SIGINT and sys.stdin is not None and sys.stdin.isatty()
        if self._process is not None and self._process.poll() is None and not by_terminal:
            self._process.send_signal(number)
