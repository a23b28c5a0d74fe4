"""``bullrush worker --processes N``: whole workers side by side; one that dies starts again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import click

from .anew import at_a_terminal
from .probing import SHARED

#: Options of the supervisor itself, with the number of words that follow.
_OWN = {"--processes": 1, "--pidfile": 1, "-n": 1, "--hostname": 1, "-D": 0, "--detach": 0}
_OWN |= {"--uid": 1, "--gid": 1, "--umask": 1}
#: s after which a worker that dies at once is started again.
PAUSE = 1.0
_LOOK = 0.2
#: The exit code of a worker whose options or settings cannot be used.
WRONG_CALL = 2


def supervise(count: int, name: str) -> int:
    """Run that many workers until SIGTERM or SIGINT, which they get as well; the worst exit code.

    Args:
        name: ``w@host``; they are ``w-1@host`` and so on.
    """
    short, _, host = name.partition("@")
    command = [sys.executable, "-m", "bullrush", *plain_arguments(sys.argv[1:])]
    kept = [Kept([*command, "-n", f"{short}-{number}@{host}"]) for number in range(1, count + 1)]
    stopped = threading.Event()

    def stop(number: int, frame: Any) -> None:
        # The second SIGINT is the second one for them, too: then they end at once.
        stopped.set()
        for each in kept:
            each.send(number)

    def start_anew(number: int, frame: Any) -> None:
        for each in kept:
            each.send(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, stop)
    if not at_a_terminal():
        signal.signal(signal.SIGHUP, start_anew)
    for each in kept:
        each.start()
    while not stopped.wait(_LOOK):
        for each in kept:
            if not each.look():
                stop(signal.SIGTERM, None)
    codes = [each.wait() for each in kept]
    return WRONG_CALL if WRONG_CALL in codes else max(codes)


def plain_arguments(arguments: Sequence[str]) -> list[str]:
    """A command line without the options that are the supervisor's."""
    left, found = list(arguments), []
    while left:
        word = left.pop(0)
        option, sign, _ = word.partition("=")
        if option not in _OWN:
            found.append(word)
        elif not sign:
            del left[: _OWN[option]]
    return found


class Kept:
    """A process that shall run."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._process: subprocess.Popen[Any] | None = None
        self._again = 0.0

    def start(self) -> None:
        """Start it. In a session of its own it gets each signal once, from its supervisor."""
        self._again = time.monotonic() + PAUSE
        environment = {**os.environ, SHARED: "1"}
        self._process = subprocess.Popen(self._command, start_new_session=True, env=environment)

    def look(self) -> bool:
        """Start it again if it has ended, but not faster than once in `PAUSE`. False when that is
        of no use: it was called in a wrong way.
        """
        process = self._process
        if process is not None and process.poll() == WRONG_CALL:
            return False
        if process is not None and process.poll() is not None and time.monotonic() > self._again:
            said = f"{self._command[-1]} has ended ({process.returncode}); it starts again"
            click.echo(said, err=True)
            self.start()
        return True

    def send(self, number: int) -> None:
        """Pass a signal on."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def wait(self) -> int:
        """Its exit code, when it has ended; of one that a signal killed, as a shell tells it."""
        code = 0 if self._process is None else self._process.wait()
        return code if code >= 0 else 128 - code
